"""Keypoints as a detector would give them: error and confidence drawn together.

Confidence is calibrated (a keypoint of confidence c lies within .2 torso of the truth with probability c), so the
corruption draws c first and then, with probability c, a small error, else a large one, a left/right swap, or another
joint's place.
"""

from dataclasses import dataclass

import numpy as np

from ...inference.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES

_ON_LEG = ("hip", "knee", "ankle", "heel", "toe")
_ON_ARM = ("shoulder", "elbow", "wrist", "knuckles")
_IS_LEG, _IS_ARM = (np.array([name.endswith(parts) for name in KEYPOINT_NAMES]) for parts in (_ON_LEG, _ON_ARM))
_LEGS = np.flatnonzero([name.endswith(_ON_LEG[1:]) for name in KEYPOINT_NAMES])
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


LUCK = 0.18
"""Share of wrong places that lie within .2 torso of the truth, measured on the mocap poses."""


@dataclass(frozen=True)
class Corruption:
    small_error: float = 0.06
    """Deviation of a good keypoint, in torso lengths, at confidence 1; up to 1.6 times that at confidence 0."""
    swap: float = 0.05
    """Share of people whose left and right legs, arms or all are exchanged."""
    drop_limb: float = 0.15
    half_body: float = 0.1
    missing: float = 0.03


def torso_length(points: np.ndarray) -> np.ndarray:
    """(B,) distance from left shoulder to right hip (the PCK's yardstick), but no less than a third of the body's
    extent, since a torso seen end-on is short."""
    torso = np.linalg.norm(points[:, KEYPOINT_INDEX["left_shoulder"]] - points[:, KEYPOINT_INDEX["right_hip"]], axis=1)
    extent = np.linalg.norm(points.max(1) - points.min(1), axis=1)
    return np.maximum(torso, extent * 0.3)


def corrupt(points: np.ndarray, rng: np.random.Generator, options: Corruption) -> np.ndarray:
    """Detections (B, 25, 3) of true keypoints (B, 25, 2): x, y and confidence; what was not found has confidence 0."""
    count = len(points)
    torso = torso_length(points)[:, None, None]
    # People differ in how well they are seen; so do the joints of one person.
    ease = rng.beta(4, 1.2, (count, 1))
    confidence = np.clip(ease + rng.normal(0, 0.12, points.shape[:2]), 0.05, 1)
    found = _swapped(points, rng, options.swap)
    deviation = options.small_error * (1.6 - 0.6 * confidence[..., None])
    small = rng.normal(size=points.shape) * deviation * torso
    elsewhere = _elsewhere(found, torso, rng)
    # Some wrong places lie near the right one all the same; without taking that off, confidence would be too modest.
    good = rng.random((*points.shape[:2], 1)) < (confidence[..., None] - LUCK) / (1 - LUCK)
    found = np.where(good, found + small, elsewhere)
    confidence = _hide(confidence, rng, options)
    return np.concatenate([found, confidence[..., None]], -1)


def well_seen(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Detections (B, 25, 3) of people in plain sight: every keypoint found, with a small error and high confidence."""
    deviation = rng.uniform(0.01, 0.07, (len(points), 1, 1)) * torso_length(points)[:, None, None]
    confidence = 1 - rng.exponential(0.04, (*points.shape[:2], 1)) * (rng.random((len(points), 1, 1)) < 0.7)
    return np.concatenate([points + rng.normal(size=points.shape) * deviation, np.clip(confidence, 0.6, 1)], -1)


def _swapped(points: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    parts = (_IS_LEG, _IS_ARM, np.ones(len(KEYPOINT_NAMES), bool))
    mirror = points[:, KEYPOINT_MIRROR]
    which = rng.integers(0, 3, len(points))
    part = np.stack(parts)[which] & (rng.random((len(points), 1)) < share)
    return np.where(part[..., None], mirror, points)


def _elsewhere(points: np.ndarray, torso: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wrong place: far off in a random direction, at the mirror joint, or at any other joint."""
    far = points + rng.normal(size=points.shape) * 0.35 * torso
    other = points[:, rng.permutation(points.shape[1])]
    kind = rng.random((*points.shape[:2], 1))
    return np.where(kind < 0.55, far, np.where(kind < 0.85, points[:, KEYPOINT_MIRROR], other))


def _hide(confidence: np.ndarray, rng: np.random.Generator, options: Corruption) -> np.ndarray:
    count = len(confidence)
    hidden = rng.random(confidence.shape) < options.missing
    cut = rng.random(count) < options.half_body
    hidden[np.ix_(cut, _LEGS)] = True
    hidden[np.ix_(cut & (rng.random(count) < 0.5), _BELOW_WAIST)] = True
    for limb in _LIMBS:
        hidden[np.ix_(rng.random(count) < options.drop_limb / 4, limb)] = True
    return np.where(hidden, 0.0, confidence)
