"""Do limbs run through the body? A cheap test on capsules, so that poses made by chance are bodies that could be."""

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX

TOLERANCE = 0.03
"""Metres that capsules may overlap: flesh gives, and capsules are cruder than bodies. Few mocap poses exceed it."""

_TRUNK = (("pelvis", "spine3", 0.115), ("spine3", "neck", 0.09), ("neck", "head", 0.075))
_ARM = (("elbow", 0.5, "wrist", 0.04), ("elbow", 1.0, "wrist", 0.03), ("wrist", 1.0, "hand", 0.03))
_LEG = (("hip", 1.0, "knee", 0.05), ("knee", 0.5, "ankle", 0.045), ("knee", 1.0, "ankle", 0.04))
_LIMBS = (("hip", "knee", 0.065), ("knee", "ankle", 0.045), ("elbow", "wrist", 0.035))


def _side(side: str, joint: str) -> int:
    return JOINT_INDEX[f"{side}_{joint}"]


_POINTS = [
    (_side(side, a), share, _side(side, b), radius, side, limb)
    for side in ("left", "right") for limb, rows in (("arm", _ARM), ("leg", _LEG)) for a, share, b, radius in rows
]  # fmt: skip
_SEGMENTS = [(JOINT_INDEX[a], JOINT_INDEX[b], radius, "", "trunk") for a, b, radius in _TRUNK] + [
    (_side(side, a), _side(side, b), radius, side, "arm" if b == "wrist" else "leg")
    for side in ("left", "right") for a, b, radius in _LIMBS
]  # fmt: skip


def _pairs() -> list[tuple[int, int]]:
    """Points and segments that can meet: arms with all but their own, legs with the other leg and the chest."""
    pairs = []
    for p, (_, _, _, _, side, limb) in enumerate(_POINTS):
        for s, (_, end, _, other, kind) in enumerate(_SEGMENTS):
            own = side == other and limb == kind
            counted_already = limb == "leg" and kind == "arm"
            knees = kind == "trunk" and limb == "leg" and end == JOINT_INDEX["spine3"]
            if not (own or counted_already or knees):
                pairs.append((p, s))
    return pairs


_PAIRS = np.array(_pairs())
_REACH = np.array([_POINTS[p][3] + _SEGMENTS[s][2] for p, s in _PAIRS], np.float32)


def penetration(joints: np.ndarray) -> np.ndarray:
    """Metres (B,) by which the worst pair of capsules overlaps, for joints (B, 24, 3) of a common body; negative
    when nothing touches."""
    points = np.stack([joints[:, a] + share * (joints[:, b] - joints[:, a]) for a, share, b, *_ in _POINTS], 1)[
        :, _PAIRS[:, 0]
    ]
    starts = joints[:, [segment[0] for segment in _SEGMENTS]]
    along = joints[:, [segment[1] for segment in _SEGMENTS]] - starts
    squared = np.maximum((along**2).sum(-1), 1e-8)[:, _PAIRS[:, 1]]
    starts, along = starts[:, _PAIRS[:, 1]], along[:, _PAIRS[:, 1]]
    offset = points - starts
    share = np.clip(np.einsum("bpi,bpi->bp", offset, along) / squared, 0, 1)
    offset = offset - share[..., None] * along
    return (_REACH - np.sqrt(np.einsum("bpi,bpi->bp", offset, offset))).max(1)
