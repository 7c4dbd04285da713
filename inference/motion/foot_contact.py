"""When heels, toes and hands stand on the floor: from how fast they move in the pictures and in space, and from how
high they are.
"""

from dataclasses import dataclass

import numpy as np

from ..geometry.joints import KEYPOINT_INDEX
from .smoothing import local_quadratic, smooth_robustly

SIDES = ("left", "right")
LANDMARKS = ("LHeel", "LBigToe", "RHeel", "RBigToe")
"""The four points of the soles, by their names among the body's landmarks; two for each of `SIDES`."""
KEYPOINTS = ("left_heel", "left_big_toe", "right_heel", "right_big_toe")
ANKLES = np.repeat([KEYPOINT_INDEX[f"{side}_ankle"] for side in SIDES], 2)
KNUCKLES = tuple(f"{side}_knuckles" for side in SIDES)
"""The points of the hands, which follow those of the soles where both are meant."""
WRISTS = np.array([KEYPOINT_INDEX[f"{side}_wrist"] for side in SIDES])
POINTS = len(LANDMARKS) + len(KNUCKLES)
HAND_REACH = 0.16
"""Metres above where a palm lies beyond which a hand carries nothing; finger tips are a hand's length below."""

WINDOW_SECONDS = 0.07
"""Deviation of the filter that speeds in the picture are taken from."""
STILL_SPEED = 0.75
"""Metres a second: the mean of the two speeds at which standing and moving are as likely."""
STEEPNESS = 8.0
"""How fast certainty grows with the logarithm of the speed. Chosen on validation clips of CMU's mocap."""
HEIGHT = 12.0
"""A point counts as e times faster when it is 1 / HEIGHT metres above where it lies when the foot stands flat."""
CHANGE_COST = 3.0
"""Logarithm of how unlikely it is that a foot is put down or lifted between two frames."""
WIDENED_SECONDS = 0.034
"""By which contacts begin earlier and end later than speeds say that are smoothed over some frames."""
SEEN_SHARE = 0.3
"""Of a point's confidence about a frame, below which nothing is said of whether it stands."""
SEEN_NOISE = 0.01
"""Of the person's height in the picture: places nearer than this to where their neighbours lead to are never wild."""
LOWEST = 0.03
"""Metres above the lowest point up to which another may stand, where nothing is known of speeds."""


@dataclass(frozen=True)
class Contact:
    """A point that stands still: which of the soles' four, or after these which hand, from which frame to which
    (exclusive)."""

    point: int
    first: int
    stop: int


def find_contacts(
    points: np.ndarray, seen: np.ndarray, heights: np.ndarray, confidence: np.ndarray, rate: float,
    highest: float = np.inf,
) -> list[Contact]:  # fmt: skip
    """Contacts of P points (F, P, 3; metres) with the floor, which they are `heights` (F, P) metres above; those that
    are higher than `highest` touch nothing.

    `seen` (F, P, 2) is where they were seen: metres across the line of sight, which is still where a foot stands,
    whatever is wrong with its depth. `confidence` (F, P) is of that.
    """
    if len(points) < 3:
        return []
    moved = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * rate + 0.1
    across = np.linalg.norm(np.gradient(seen, axis=0), axis=-1) * rate + 0.05
    speed = np.sqrt(across * moved) * np.exp(HEIGHT / 2 * np.maximum(heights, 0))
    touches = (confidence > SEEN_SHARE) & (heights < highest)
    evidence = np.where(touches, STEEPNESS * np.log(STILL_SPEED / speed), -STEEPNESS)
    return contacts_of(_widened(_likeliest(evidence, CHANGE_COST), round(WIDENED_SECONDS * rate)))


def _widened(standing: np.ndarray, frames: int) -> np.ndarray:
    """`standing` (F, P) begun earlier and ended later by so many frames."""
    padded = np.pad(standing, ((frames, frames), (0, 0)))
    return np.any([padded[shift : shift + len(standing)] for shift in range(2 * frames + 1)], axis=0)


def lowest_contacts(heights: np.ndarray) -> list[Contact]:
    """A first guess where not even the camera's path is known: whatever is lowest stands, of `heights` (F, P) metres
    above where each point lies when it stands."""
    return contacts_of(heights - heights.min(1, keepdims=True) < LOWEST)


def seen_soles(keypoints: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed places (F, 4, 2) of heels and toes among keypoints (F, K, 3), and how surely they were seen (F, 4); of
    the ankles in clips in which those were not looked for."""
    return _seen(keypoints, KEYPOINTS, ANKLES, rate)


def seen_hands(keypoints: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of the hands (F, 2, 2), (F, 2): of the knuckles, or the wrists."""
    return _seen(keypoints, KNUCKLES, WRISTS, rate)


def _seen(
    keypoints: np.ndarray, names: tuple[str, ...], instead: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    own = keypoints[:, [KEYPOINT_INDEX[name] for name in names]]
    used = np.where((own[..., 2] > 0).mean(0)[None, :, None] > 0.5, own, keypoints[:, instead])
    weights, deviation = used[..., 2] ** 2, WINDOW_SECONDS * rate
    sure = local_quadratic(used[..., 2:], np.ones_like(weights), 2 * deviation)[..., 0]
    noise = SEEN_NOISE * float(np.median(np.ptp(keypoints[..., 1], axis=1)))
    return smooth_robustly(used[..., :2], weights, deviation, noise), sure


def contacts_of(standing: np.ndarray) -> list[Contact]:
    """The runs of `standing` (F, P)."""
    return [contact for point in range(standing.shape[1]) for contact in _runs(standing[:, point], point)]


def standing_of(contacts: list[Contact], count: int, points: int = len(LANDMARKS)) -> np.ndarray:
    """(F, P) bool: which of so many `points` stand in each of `count` frames."""
    standing = np.zeros((count, points), bool)
    for contact in contacts:
        standing[contact.first : contact.stop, contact.point] = True
    return standing


def _likeliest(evidence: np.ndarray, cost: float) -> np.ndarray:
    """The likeliest course (F, P) bool of standing and moving, by Viterbi's algorithm. `evidence` (F, P) is the
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
