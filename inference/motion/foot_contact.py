"""When heels and toes stand on the floor: from how fast they move in the pictures and on the body."""

from dataclasses import dataclass

import numpy as np

from ..geometry.joints import JOINT_INDEX, KEYPOINT_INDEX
from .smoothing import local_quadratic

SIDES = ("left", "right")
LANDMARKS = ("LHeel", "LBigToe", "RHeel", "RBigToe")
"""The four points of the soles, by their names among the body's landmarks; two for each of `SIDES`."""
KEYPOINTS = ("left_heel", "left_big_toe", "right_heel", "right_big_toe")
ANKLES = np.repeat([KEYPOINT_INDEX[f"{side}_ankle"] for side in SIDES], 2)
ANKLE_JOINTS = np.repeat([JOINT_INDEX[f"{side}_ankle"] for side in SIDES], 2)

WINDOW_SECONDS = 0.1
"""Deviation of the filter that speeds in the picture are taken from."""
STILL_SPEED = 0.7
"""Metres a second: the mean of the two speeds at which standing and moving are as likely."""
STEEPNESS = 3.0
"""How fast certainty grows with the logarithm of the speed. These numbers were fitted to clips of CMU's mocap."""
HEIGHT = 5.5
"""A point counts as e times faster when it is 1 / HEIGHT metres above the lowest point of the body's soles."""
CHANGE_COST = 3.0
"""Logarithm of how unlikely it is that a foot is put down or lifted between two frames."""


@dataclass(frozen=True)
class Contact:
    """A point of a sole that stands still: which of the four, from which frame to which (exclusive)."""

    point: int
    first: int
    stop: int


def find_contacts(
    points: np.ndarray, keypoints: np.ndarray, focal: float, rate: float, cost: float = CHANGE_COST
) -> list[Contact]:
    """Contacts of the soles' points (F, 4, 3; metres, camera at the origin, y up, looking along -z) with the floor.

    `keypoints` (F, K, 3) are what was seen, `focal` in pixels, `rate` in frames a second. The camera is taken to stand
    still: a foot that stands is then still in the picture, whatever is wrong with its depth.
    """
    if len(points) < 3:
        return []
    depth = np.maximum(-points[..., 2], 0.1)
    seen = _speed(_places_in_picture(keypoints, rate), rate)[..., 0] * depth / focal
    moved = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * rate
    height = points[..., 1] - points[..., 1].min(1, keepdims=True)
    speed = np.sqrt((seen + 0.05) * (moved + 0.1)) * np.exp(HEIGHT / 2 * height)
    standing = _likeliest(STEEPNESS * np.log(STILL_SPEED / speed), cost)
    return [contact for point in range(len(LANDMARKS)) for contact in _runs(standing[:, point], point)]


def _places_in_picture(keypoints: np.ndarray, rate: float) -> np.ndarray:
    """Smoothed pixels (F, 4, 2) of heels and toes; of the ankles in clips in which those were not looked for."""
    own = keypoints[:, [KEYPOINT_INDEX[name] for name in KEYPOINTS]]
    used = np.where((own[..., 2] > 0).mean(0)[None, :, None] > 0.5, own, keypoints[:, ANKLES])
    return local_quadratic(used[..., :2], used[..., 2] ** 2, WINDOW_SECONDS * rate)


def _speed(places: np.ndarray, rate: float) -> np.ndarray:
    return np.linalg.norm(np.gradient(places, axis=0), axis=-1, keepdims=True) * rate


def _likeliest(evidence: np.ndarray, cost: float) -> np.ndarray:
    """The likeliest course (F, 4) bool of standing and moving, by Viterbi's algorithm. `evidence` (F, 4) is the
    logarithm of how much likelier standing is; `cost` that of a change."""
    gain, came_from = np.zeros((2, evidence.shape[1])), []
    for frame in evidence:
        stay_or_change = gain, gain[::-1] - cost
        came_from.append(stay_or_change[1] > stay_or_change[0])
        gain = np.maximum(*stay_or_change) + np.stack([np.zeros_like(frame), frame])
    states = [gain.argmax(0)]
    for changed in reversed(came_from[1:]):
        states.append(states[-1] ^ np.take_along_axis(changed, states[-1][None], 0)[0])
    return np.array(states[::-1], bool)


def _runs(standing: np.ndarray, point: int) -> list[Contact]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], standing, [False]]).astype(int)))
    return [Contact(point, int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]
