"""SMPL's 24 joints in Anny's body: where they are, and which of Anny's bones move with which."""

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX
from .source import AnnySource

SIDES = (("left", "L"), ("right", "R"))
HIP_NARROWING = 0.85
"""SMPL's hip joints lie closer to the mid-line than the heads of Anny's thigh bones."""
PELVIS_STATION = 0.15
SPINE_STATIONS = (("spine1", 0.333, -0.020), ("spine2", 0.56, -0.020), ("spine3", 0.647, -0.014))
"""Places on the line from between the hips (0) to the neck (1), and how far behind it, in metres."""
TRUNK_BONES = {
    "root": 0.0, "pelvis.L": 0.05, "pelvis.R": 0.05, "spine05": 0.088, "spine04": 0.222, "spine03": 0.358,
    "spine02": 0.553, "spine01": 0.838,
}  # fmt: skip
"""Anny's bones of the trunk, and the middles of what they move, on the same line."""

BONE_PREFIXES = {
    "root": "pelvis", "pelvis": "pelvis", "spine05": "pelvis", "spine04": "pelvis", "spine03": "spine1",
    "spine02": "spine2", "spine01": "spine3", "neck01": "neck", "neck02": "neck", "neck03": "head", "head": "head",
    "eye": "head", "upperleg": "hip", "lowerleg": "knee", "foot": "ankle", "toe": "foot", "clavicle": "collar",
    "shoulder": "collar", "upperarm": "shoulder", "lowerarm": "elbow", "wrist": "wrist", "metacarpal": "wrist",
    "finger1": "wrist", "finger": "hand",
}  # fmt: skip
"""Which joint a bone belongs to, by how its name begins; the first that fits counts (so the thumb is the wrist's)."""


def joint_of_bone(name: str) -> int:
    """The SMPL joint that moves one of Anny's bones."""
    joint = next(joint for prefix, joint in BONE_PREFIXES.items() if name.startswith(prefix))
    if joint in JOINT_INDEX:
        return JOINT_INDEX[joint]
    return JOINT_INDEX[f"{'left' if name.endswith('.L') else 'right'}_{joint}"]


def joints_from_bones(source: AnnySource, bone_heads: np.ndarray) -> np.ndarray:
    """SMPL's joints (B, 24, 3) as affine combinations of Anny's bone heads (B, 104, 3), in any pose."""
    joints = np.zeros((len(bone_heads), len(JOINT_INDEX), 3))

    def place(name: str, position: np.ndarray) -> None:
        joints[:, JOINT_INDEX[name]] = position

    def heads(*names: str) -> np.ndarray:
        return source.heads(bone_heads, *names)

    for side, letter in SIDES:
        place(f"{side}_hip", heads(f"upperleg01.{letter}") * [HIP_NARROWING, 1, 1])
        place(f"{side}_knee", heads(f"lowerleg01.{letter}"))
        place(f"{side}_ankle", heads(f"foot.{letter}"))
        place(f"{side}_foot", heads(*(f"toe{toe}-1.{letter}" for toe in range(1, 6))))
        place(f"{side}_shoulder", heads(f"upperarm01.{letter}"))
        place(f"{side}_elbow", heads(f"lowerarm01.{letter}"))
        place(f"{side}_wrist", heads(f"wrist.{letter}"))
        knuckles = heads(*(f"finger{finger}-1.{letter}" for finger in range(2, 6)))
        place(f"{side}_hand", 0.12 * heads(f"wrist.{letter}") + 0.88 * knuckles)
    neck, hips = heads("neck01"), joints[:, [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(1)
    place("neck", neck)
    place("head", heads("neck03"))
    on_midline = np.array([0.0, 1.0, 1.0])
    pelvis = hips + PELVIS_STATION * (neck - hips)
    place("pelvis", np.stack([0 * pelvis[:, 0], pelvis[:, 1], hips[:, 2]], axis=1))
    for name, station, behind in SPINE_STATIONS:
        place(name, (hips + station * (neck - hips)) * on_midline + [0, 0, behind])
    for side, letter in SIDES:
        shoulder, clavicle = joints[:, JOINT_INDEX[f"{side}_shoulder"]], heads(f"clavicle.{letter}")
        height = 0.47 * shoulder[:, 1] + 0.392 * heads("spine01")[:, 1] + 0.138 * neck[:, 1]
        depth = (shoulder[:, 2] + clavicle[:, 2]) / 2
        place(f"{side}_collar", np.stack([0.47 * shoulder[:, 0], height, depth], axis=1))
    return joints
