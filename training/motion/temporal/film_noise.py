"""Keypoints of films as a detector would give them: the errors of `priors.corruption`, which draws single pictures,
made to last in time as those of `film_errors` do."""

import numpy as np

from ....inference.geometry.joints import KEYPOINT_MIRROR, KEYPOINT_NAMES
from ...priors.corruption import CORRUPTION, Corruption, draw_rows, hide, without_extras
from ...priors.detector_errors import torso_length

PLAIN = 0.5
"""Share of films in plain sight: Gaussian errors, and keypoints lost singly."""
PLAIN_ERROR, PLAIN_LOST = (0.002, 0.02), (0.0, 0.06)
"""Ranges of their deviation over the person's height in the picture, and of the share that is lost."""
STEADY = (0.4, 0.9)
"""Range of the share of the errors' variance that stays throughout a film: .7 in those that `film_errors` renders."""
LASTING = (3, 15)
"""Range of the frames, on average, until the rest of it, exchanged sides and lost limbs are drawn anew. Measured:
errors are correlated by .95 after a frame, .87 after 4 and .73 after 16, and .89, .72 and .50 of sides that are
exchanged still are."""
JITTER = (0.0, 0.04)
"""Range of what changes from frame to frame, torso lengths; a twentieth of the variance."""
EXTRAS = 0.25
"""Share of films without the nine keypoints beyond MPII's."""
GAPPED, LONGEST_GAP = 0.3, 12
"""Share of films in which the person is not found in up to so many frames."""
SLOW = 0.08
"""Share of films of which only every second to third frame is there."""


def film_keypoints(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Detections (F, 25, 3) in a film of true keypoints (F, 25, 2) at 30 Hz."""
    found = _in_plain_sight(points, rng) if rng.random() < PLAIN else as_detected(points, rng)
    if rng.random() < EXTRAS:
        found = without_extras(found, rng, Corruption(only_mpii=1.0))
    return found


def known_frames(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) bool: the frames in which the person was found."""
    known = np.ones(count, bool)
    if rng.random() < SLOW:
        known[:] = False
        known[rng.integers(2) :: rng.integers(2, 4)] = True
    if rng.random() < GAPPED:
        length = rng.integers(1, LONGEST_GAP + 1)
        first = rng.integers(-length + 1, count)
        known[max(first, 0) : first + length] = False
    return known


def _in_plain_sight(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some of the error stays for a while, some does not."""
    height = np.ptp(points, axis=1).max(-1)[:, None, None]
    lasting = rng.uniform(0, 1)
    quick, slow = rng.normal(size=points.shape), between_knots(rng.normal(size=points.shape), _knots(len(points), rng))
    error = np.sqrt(1 - lasting**2) * quick + lasting * slow
    confidence = np.clip(rng.uniform(0.7, 1) + rng.normal(0, 0.03, points.shape[:2]), 0.5, 1)
    confidence[rng.random(points.shape[:2]) < rng.uniform(*PLAIN_LOST)] = 0
    return np.concatenate([points + rng.uniform(*PLAIN_ERROR) * height * error, confidence[..., None]], -1)


def as_detected(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Human2D's measured errors: a part stays throughout, a part drifts from knot to knot of time; what is exchanged or
    lost at a knot is so until the next."""
    count, torso = len(points), torso_length(points)[:, None, None]
    confidence, swapped, error = draw_rows(count, rng, CORRUPTION)
    knots = _knots(count, rng)
    held = knots[np.searchsorted(knots, np.arange(count), side="right") - 1]
    places = np.where(swapped[held][..., None], points[:, KEYPOINT_MIRROR], points)
    steady = rng.uniform(*STEADY)
    error = np.sqrt(steady) * error[-1] + np.sqrt(1 - steady) * between_knots(error, knots)
    error = error + rng.uniform(*JITTER) * rng.normal(size=points.shape)
    found = places + error * torso
    shown = hide(np.ones((count, len(KEYPOINT_NAMES), 3)), rng, CORRUPTION)[held][..., 2:]
    return np.concatenate([found, between_knots(confidence, knots)[..., None] * shown], -1)


def _knots(count: int, rng: np.random.Generator) -> np.ndarray:
    """Frames, the first among them, at which errors are drawn anew."""
    knots = np.flatnonzero(rng.random(count) < 1 / rng.uniform(*LASTING))
    return np.union1d([0], knots)


def between_knots(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Values (F, ...) at `knots` (N,), on straight lines between them; after the last one they stay."""
    frames = np.arange(len(values))
    after = np.minimum(np.searchsorted(knots, frames, side="right"), len(knots) - 1)
    first, last = knots[np.maximum(np.searchsorted(knots, frames, side="right") - 1, 0)], knots[after]
    share = np.clip((frames - first) / np.maximum(last - first, 1), 0, 1).reshape(-1, *[1] * (values.ndim - 1))
    return values[first] * (1 - share) + values[last] * share
