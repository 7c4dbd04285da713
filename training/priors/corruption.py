"""Keypoints as a detector would give them: error and confidence drawn together, from what Human2D was measured to do.

Three kinds of sources are imitated: Human2D, by whole rows of `detector_errors`; keypoints in plain sight, as from
other detectors on easy photos; and lists that have MPII's keypoints only. Any of them may miss limbs or half a body.
"""

from dataclasses import dataclass

import numpy as np

from ...inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES, MPII_COUNT
from .detector_errors import DetectorErrors, torso_length

_LEGS = np.flatnonzero([name.endswith(("knee", "ankle", "heel", "toe")) for name in KEYPOINT_NAMES])
_BELOW_WAIST = np.array([KEYPOINT_INDEX[n] for n in ("right_hip", "left_hip", "pelvis")])
_LIMBS = [
    [KEYPOINT_INDEX[f"{side}_{joint}"] for joint in limb]
    for side in ("left", "right")
    for limb in (
        ("knee", "ankle", "heel", "big_toe"),
        ("elbow", "wrist", "knuckles"),
        ("ankle", "heel", "big_toe"),
        ("wrist", "knuckles"),
    )
]

MEAN_LENGTH = float(np.sqrt(np.pi / 2))
"""Of a vector of two normal numbers."""


@dataclass(frozen=True)
class Corruption:
    sport: float = 0.4
    """Share of people who are seen as badly as in sports pictures; the others as in fashion pictures."""
    mixed: float = 0.5
    """Share of people whose upper and lower halves are drawn from two rows of the table."""
    measured: bool = True
    """Errors and confidences are the table's, together. Otherwise errors are Gaussian, of each keypoint's mean size,
    and confidences know nothing of them."""
    swaps: bool = True
    """Keypoints are found at their mirror image where they were in the table; otherwise in their own place."""
    drop_limb: float = 0.12
    half_body: float = 0.08
    missing: float = 0.02
    only_mpii: float = 0.4
    """Share of people without the nine keypoints beyond MPII's."""
    missing_extra: float = 0.1
    """Share of those nine that are missing singly."""


CORRUPTION = Corruption()
"""What PosePrior is trained on."""
_LOWER = np.array(
    [name.endswith(("hip", "knee", "ankle", "heel", "toe")) or name == "pelvis" for name in KEYPOINT_NAMES]
)


def detections(
    points: np.ndarray, rng: np.random.Generator, clean: float, options: Corruption = CORRUPTION
) -> np.ndarray:
    """Detections (B, 25, 3) to learn from, of true keypoints (B, 25, 2): a share `clean` of people in plain sight, the
    others corrupted; and some of both without the keypoints beyond MPII's."""
    plain = rng.random((len(points), 1, 1)) < clean
    keypoints = np.where(plain, well_seen(points, rng), corrupt(points, rng, options))
    return without_extras(keypoints, rng, options)


def corrupt(points: np.ndarray, rng: np.random.Generator, options: Corruption) -> np.ndarray:
    """Detections (B, 25, 3) of true keypoints (B, 25, 2): x, y and confidence; what was not found has confidence 0."""
    confidence, swapped, error = draw_rows(len(points), rng, options)
    truth = np.where(swapped[..., None], points[:, KEYPOINT_MIRROR], points)
    found = truth + error * torso_length(points)[:, None, None]
    return hide(np.concatenate([found, confidence[..., None]], -1), rng, options)


def well_seen(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Detections (B, 25, 3) of people in plain sight: every keypoint found, with a small error and high confidence."""
    deviation = rng.uniform(0.005, 0.09, (len(points), 1, 1)) * torso_length(points)[:, None, None]
    confidence = 1 - rng.exponential(0.04, (*points.shape[:2], 1)) * (rng.random((len(points), 1, 1)) < 0.7)
    return np.concatenate([points + rng.normal(size=points.shape) * deviation, np.clip(confidence, 0.6, 1)], -1)


def without_extras(keypoints: np.ndarray, rng: np.random.Generator, options: Corruption) -> np.ndarray:
    """Keypoints (B, 25, 3), a share of them without those beyond MPII's, singly or all."""
    count = len(keypoints)
    gone = rng.random((count, len(KEYPOINT_NAMES) - MPII_COUNT)) < options.missing_extra
    gone |= rng.random((count, 1)) < options.only_mpii
    keypoints = keypoints.copy()
    keypoints[:, MPII_COUNT:, 2] *= ~gone
    return keypoints


def hide(keypoints: np.ndarray, rng: np.random.Generator, options: Corruption) -> np.ndarray:
    """Keypoints (B, 25, 3) with limbs, half bodies and single keypoints missing: their confidence is 0."""
    count = len(keypoints)
    hidden = rng.random(keypoints.shape[:2]) < options.missing
    cut = rng.random(count) < options.half_body
    hidden[np.ix_(cut, _LEGS)] = True
    hidden[np.ix_(cut & (rng.random(count) < 0.5), _BELOW_WAIST)] = True
    for limb in _LIMBS:
        hidden[np.ix_(rng.random(count) < options.drop_limb / 4, limb)] = True
    return np.concatenate([keypoints[..., :2], np.where(hidden, 0.0, keypoints[..., 2])[..., None]], -1)


def draw_rows(count: int, rng: np.random.Generator, options: Corruption) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence (count, 25), swapped (count, 25) and error (count, 25, 2) of people in the table, mirrored or not."""
    table = DetectorErrors.load()

    def draw() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sport = rng.random(count) < options.sport
        rows = np.where(
            sport, rng.choice(np.flatnonzero(table.sport), count), rng.choice(np.flatnonzero(~table.sport), count)
        )
        mirror = rng.random(count) < 0.5
        columns = np.where(mirror[:, None], KEYPOINT_MIRROR, np.arange(len(KEYPOINT_NAMES)))
        error = table.error[rows[:, None], columns]
        error[mirror, :, 0] *= -1
        return table.confidence[rows[:, None], columns], table.swapped[rows[:, None], columns], error

    other = (rng.random((count, 1)) < options.mixed) & _LOWER
    confidence, swapped, error = (
        np.where(other if a.ndim == 2 else other[..., None], a, b) for a, b in zip(draw(), draw(), strict=True)
    )
    if not options.measured:
        size = np.linalg.norm(error, axis=-1).mean(0) / MEAN_LENGTH
        error = rng.normal(size=error.shape) * size[:, None]
        confidence = rng.permuted(confidence, axis=0)
    swapped = swapped & options.swaps
    # A few hundred rows must not be learnt by heart.
    error = error * np.exp(rng.normal(0, 0.25, (count, 1, 1))) + rng.normal(0, 0.015, error.shape)
    return np.clip(confidence + rng.normal(0, 0.03, confidence.shape), 0.01, 1), swapped, error
