"""What the temporal prior sees of a film, and how its answers become rotations again.

A film is cut into windows of 1.6 s at 30 Hz that overlap. Each is seen by a virtual camera that looks straight at where
the person is in it and has the trunk upright, as PosePrior's does of a single picture; one for the whole window, so
that what rests there rests in what the network is shown. Training and use share these functions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..body.body_estimate import CAMERA_FROM_SMPL
from ..geometry.joints import JOINT_PARENTS, KEYPOINT_NAMES, MPII_COUNT
from ..geometry.rotations import six_d_to_matrix
from ..networks.pose_features import SEEN, rotation_to_upright, trunk_direction, turn_to_axis
from .easing import nearest
from .smoothing import fill_rotation_gaps

RATE = 30.0
FRAMES = 48
HOP = 12
"""Frames between the beginnings of windows."""
KEYPOINTS = len(KEYPOINT_NAMES)
JOINTS = len(JOINT_PARENTS)
FEATURE_COUNT = 3 * KEYPOINTS + 5 + 6 * JOINTS + JOINTS + 1
TURNS = slice(3 * KEYPOINTS + 5, 3 * KEYPOINTS + 5 + 6 * JOINTS)
"""Where among the features PosePrior's rotations are; the last one is whether the frame is known."""
REACH = 2
"""Frames that a frame may be from the nearest known one for the network to be asked; beyond, it lies between others."""
CLOSE = 0.051
"""Seconds between two frames from which what was between them is told as if it had been seen."""
WORTH = np.hanning(FRAMES + 2)[1:-1]
"""(FRAMES,): how much a window is believed in each of its frames."""


@dataclass(frozen=True)
class Film:
    """F frames at `times` (F,) seconds, in the frame of one camera that does not turn, OpenCV's axes: `directions`
    (F, 25, 3) in which keypoints of `confidence` (F, 25) are seen; PosePrior's `rotations` (F, 24, 3, 3), each about
    that frame, and their `uncertainty` (F, 24) in degrees. Where a frame is not `known` (F,) the others mean
    nothing."""

    times: np.ndarray
    directions: np.ndarray
    confidence: np.ndarray
    rotations: np.ndarray
    uncertainty: np.ndarray
    known: np.ndarray


def steadied(film: Film, network: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The rotations (F, 24, 3, 3) that `network`, windows' features to rotations (N, FRAMES, 24, 6), makes of a film;
    about the same frame as the film's. At least one frame must be known."""
    even = resampled(film)
    starts = np.arange(HOP - FRAMES, len(even.times), HOP)
    features, turns = window_features(even, starts)
    answers = six_d_to_matrix(network(features).astype(np.float64))
    answers = turns.swapaxes(1, 2)[:, None, None] @ CAMERA_FROM_SMPL @ answers
    blended = np.zeros((len(even.times) + 2 * FRAMES, JOINTS, 3, 3))
    for start, answer, part in zip(starts, answers, features, strict=True):
        # A window in which nobody is seen knows nothing.
        worth = WORTH * (part[:, -1].any() + 1e-9)
        blended[start + FRAMES : start + 2 * FRAMES] += worth[:, None, None, None] * answer
    told = near_known(even.known, REACH)
    blended = fill_rotation_gaps(six_d_to_matrix(columns_of(blended[FRAMES:-FRAMES])), told)
    return between(columns_of(blended), even.times, film.times)


def near_known(known: np.ndarray, reach: int) -> np.ndarray:
    """Which frames (F,) are at most so many from a known one, of `known` (F,)."""
    return np.abs(np.arange(len(known)) - nearest(known)) <= reach


def columns_of(matrices: np.ndarray) -> np.ndarray:
    """The first two columns (..., 6) of matrices (..., 3, 3)."""
    return np.concatenate([matrices[..., 0], matrices[..., 1]], -1)


def between(columns: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rotations (N, J, 3, 3) at times `wanted` (N,), of even `times` (F,) whose matrices have `columns` (F, J, 6):
    cubic (Catmull and Rom 1974)."""
    place = (wanted - times[0]) * RATE
    before = np.clip(np.floor(place + 1e-6).astype(int), 0, len(times) - 1)
    share = (place - before)[:, None, None]
    p0, p1, p2, p3 = (columns[np.clip(before + shift, 0, len(times) - 1)] for shift in (-1, 0, 1, 2))
    slope, curve, third = p2 - p0, 2 * p0 - 5 * p1 + 4 * p2 - p3, 3 * (p1 - p2) + p3 - p0
    return six_d_to_matrix(p1 + 0.5 * share * (slope + share * (curve + share * third)))


def resampled(film: Film) -> Film:
    """The film at even times, `RATE` a second, to its last frame or a little beyond. Between two frames that are close
    all lies between; others keep the nearest even time."""
    there = np.flatnonzero(film.known)
    own, times = film.times[there], film.times[0] + np.arange(np.ceil(np.ptp(film.times) * RATE - 1e-6) + 1) / RATE
    after = np.clip(np.searchsorted(own, times + 1e-6), 1, max(len(own) - 1, 1))
    first, last = after - 1, np.minimum(after, len(own) - 1)
    step = own[last] - own[first]
    share = np.clip((times - own[first]) / np.maximum(step, 1e-9), 0, 1)
    near = np.minimum(np.abs(times - own[first]), np.abs(times - own[last])) <= 0.5 / RATE + 1e-6
    inside = (times >= own[0] - 1e-6) & (times <= own[-1] + 1e-6)
    first, last = there[first], there[last]

    def mixed(values: np.ndarray, share: np.ndarray = share) -> np.ndarray:
        share = share.reshape(share.shape + (1,) * (values.ndim - share.ndim))
        return values[first] * (1 - share) + values[last] * share

    seen = film.confidence >= SEEN
    # A keypoint that only one of two frames shows is where that one has it, if that one is nearer.
    lean = np.where(seen[first] & ~seen[last], 0.0, np.where(seen[last] & ~seen[first], 1.0, share[:, None]))
    shown = np.where(lean == share[:, None], True, np.abs(lean - share[:, None]) <= 0.5)
    return Film(
        times,
        mixed(film.directions, lean),
        mixed(film.confidence, lean) * shown,
        six_d_to_matrix(mixed(columns_of(film.rotations))),
        mixed(film.uncertainty),
        near | (inside & (step <= CLOSE)),
    )


def window_features(film: Film, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, FRAMES, FEATURE_COUNT) float32 of the windows that begin in frames `starts` (N,) of an even film,
    and each window's turn (N, 3, 3) to its virtual camera. Windows may reach beyond the film's ends.

    Each frame: the keypoints about their centre, x and y (upwards) over the window's spread, and confidence; the
    centre; the logarithm of that spread as an angle, and where the trunk pointed before the camera was rolled;
    PosePrior's rotations about the virtual camera's upright frame, two columns each; the logarithm of their
    uncertainty; and 1, or all zeros for a frame that is not known.
    """
    index = starts[:, None] + np.arange(FRAMES)
    inside, index = (index >= 0) & (index < len(film.times)), np.clip(index, 0, len(film.times) - 1)
    known = film.known[index] & inside
    confidence = np.where(film.confidence < SEEN, 0, film.confidence)[index] * known[..., None]
    plane, centre, turn, trunk = _seen_from_window(film.directions[index], confidence)
    weight = _shares(confidence)
    spreads = ((plane - centre) ** 2 * weight).sum((2, 3))
    spread = np.sqrt((spreads * known).sum(1) / np.maximum(known.sum(1), 1))[:, None] + 1e-6
    points = (plane - centre) / spread[..., None, None] * (confidence[..., None] > 0)
    points = np.concatenate([points * [1, -1], confidence[..., None]], -1).reshape(*known.shape, -1)
    centre = centre[:, :, 0] / spread[..., None] * [1, -1]
    about = np.concatenate([np.log(spread), trunk], -1)[:, None].repeat(FRAMES, 1)
    turns = columns_of(CAMERA_FROM_SMPL @ turn[:, None, None] @ film.rotations[index])
    unsure = np.log(np.maximum(film.uncertainty[index], 0.1)) / 5
    parts = [points, centre, about, turns.reshape(*known.shape, -1), unsure, np.ones_like(unsure[..., :1])]
    return (np.concatenate(parts, -1) * known[..., None]).astype(np.float32), turn


def _shares(confidence: np.ndarray) -> np.ndarray:
    """(N, T, 25, 1): how much each keypoint counts for its frame's centre, as in `pose_features`."""
    weight = confidence * (np.arange(KEYPOINTS) < MPII_COUNT)
    return (weight / np.maximum(weight.sum(-1, keepdims=True), 1e-6))[..., None]


def _seen_from_window(
    directions: np.ndarray, confidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Keypoints (N, T, 25, 2) and their centre (N, T, 1, 2) in the plane of each window's virtual camera, the turn
    (N, 3, 3) to that, and where the trunk pointed (N, 2) before it was rolled."""
    weight = _shares(confidence)
    aim = (directions * weight).sum((1, 2))
    aim = np.where(np.linalg.norm(aim, axis=-1, keepdims=True) > 1e-6, aim, [0.0, 0.0, 1.0])
    turn = turn_to_axis(aim)
    spatial = np.einsum("nij,ntkj->ntki", turn, directions)
    plane = spatial[..., :2] / np.maximum(spatial[..., 2:], 0.1)
    flat = (-1, KEYPOINTS)
    trunks = trunk_direction(plane.reshape(*flat, 2), confidence.reshape(*flat, 1)).reshape(*plane.shape[:2], 2)
    trunk = (trunks * (confidence.max(-1, keepdims=True) > 0)).sum(1)
    length = np.linalg.norm(trunk, axis=-1, keepdims=True)
    trunk = np.where(length > 1e-6, trunk / np.maximum(length, 1e-6), [0.0, -1.0])
    roll = rotation_to_upright(trunk)
    plane = np.einsum("nij,ntkj->ntki", roll[:, :2, :2], plane)
    return plane, (plane * weight).sum(2, keepdims=True), roll @ turn, trunk


def about_camera(rotations: np.ndarray) -> np.ndarray:
    """Rotations (..., 24, 3, 3) about joints' parents, as the same about the frame of the root's."""
    result = rotations.copy()
    for joint, parent in enumerate(JOINT_PARENTS[1:], 1):
        result[..., joint, :, :] = result[..., parent, :, :] @ rotations[..., joint, :, :]
    return result


def about_parents(rotations: np.ndarray) -> np.ndarray:
    """The other way round."""
    own = rotations[..., JOINT_PARENTS[1:], :, :].swapaxes(-1, -2) @ rotations[..., 1:, :, :]
    return np.concatenate([rotations[..., :1, :, :], own], -3)


def turned(film: Film, turns: np.ndarray) -> Film:
    """A film in whose frames the camera was turned, in the frame of one that is not: `turns` (F, 3, 3) lead there."""
    return replace(
        film,
        directions=np.einsum("fij,fkj->fki", turns, film.directions),
        rotations=turns[:, None] @ film.rotations,
    )
