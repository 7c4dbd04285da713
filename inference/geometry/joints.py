"""The one list of joints and keypoints: names, order, parents, mirror images and skeletons.

Two vocabularies exist. *Joints* are SMPL's 24, the things a body rotates about. *Keypoints* are the 25 things a network
finds in a photo: MPII's 16, in MPII's order, then nine that show how head, feet and hands are turned.
`keypoints_from_joints` ties one to the other.
"""

import numpy as np

JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
JOINT_PARENTS = np.array([-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21])
JOINT_MIRROR = np.array([0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22])
JOINT_INDEX = {name: index for index, name in enumerate(JOINT_NAMES)}

KEYPOINT_NAMES = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
    "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
    "left_wrist", "nose", "right_ear", "left_ear", "right_heel", "left_heel", "right_big_toe", "left_big_toe",
    "right_knuckles", "left_knuckles",
)  # fmt: skip
MPII_COUNT = 16
"""The first 16 keypoints are MPII's; readers take lists of these alone, and the others are then of confidence 0."""
KEYPOINT_MIRROR = np.array([5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10, 16, 18, 17, 20, 19, 22, 21, 24, 23])
KEYPOINT_INDEX = {name: index for index, name in enumerate(KEYPOINT_NAMES)}
KEYPOINT_EDGES = (
    (0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7), (7, 13),
    (13, 14), (14, 15), (8, 16), (16, 17), (16, 18), (0, 19), (19, 21), (5, 20), (20, 22), (10, 23), (15, 24),
)  # fmt: skip
_HUNG_ON = {
    "thorax": "pelvis", "upper_neck": "thorax", "head_top": "upper_neck", "nose": "upper_neck", "wrist": "elbow",
    "elbow": "shoulder", "shoulder": "thorax", "knuckles": "wrist", "ear": "upper_neck", "ankle": "knee",
    "knee": "hip", "hip": "pelvis", "heel": "ankle", "big_toe": "ankle",
}  # fmt: skip


def _hung_on(name: str) -> int:
    """The keypoint that one hangs on, on its own side if there is one; -1 for the pelvis."""
    side, _, part = name.partition("_")
    if side not in ("left", "right"):
        side, part = "", name
    above = _HUNG_ON.get(part)
    return KEYPOINT_INDEX.get(f"{side}_{above}", KEYPOINT_INDEX.get(above, -1))


KEYPOINT_PARENTS = np.array([_hung_on(name) for name in KEYPOINT_NAMES])
"""The keypoint that each one hangs on: an elbow for a wrist; -1 for the pelvis."""
COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""COCO's keypoints, in COCO's order."""
COCO_SHARED = tuple(name for name in COCO_NAMES if name in KEYPOINT_INDEX)
"""Those of them that are among our 25: all but the eyes."""
SHARED_OURS = np.array([KEYPOINT_INDEX[name] for name in COCO_SHARED])
SHARED_COCOS = np.array([COCO_NAMES.index(name) for name in COCO_SHARED])
"""Where these are in our list, and in COCO's."""
LIMB_KEYPOINTS = np.array([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15])
"""The twelve limb keypoints that PCK is defined on (ankles … shoulders)."""
LIMB_PAIRS = np.array([
    (KEYPOINT_INDEX[f"left_{name}"], KEYPOINT_INDEX[f"right_{name}"])
    for name in ("knee", "ankle", "heel", "big_toe", "elbow", "wrist", "knuckles")
])  # fmt: skip
"""(7, 2): left and right of what limbs can be told apart by; hips and shoulders are too near each other."""

KEYPOINT_JOINTS = {
    "right_ankle": "right_ankle", "right_knee": "right_knee", "right_hip": "right_hip", "left_hip": "left_hip",
    "left_knee": "left_knee", "left_ankle": "left_ankle", "right_wrist": "right_wrist", "right_elbow": "right_elbow",
    "right_shoulder": "right_shoulder", "left_shoulder": "left_shoulder", "left_elbow": "left_elbow",
    "left_wrist": "left_wrist", "upper_neck": "neck", "right_knuckles": "right_hand", "left_knuckles": "left_hand",
}  # fmt: skip
"""Keypoints that are joints of the body; SMPL's hand joints are the knuckles of the middle fingers. Pelvis and thorax
are the middles of the hips and of the shoulders (the labels we train on have neither, so the definition is ours)."""

KEYPOINT_LANDMARKS = {
    "head_top": "head_top", "nose": "nose", "right_ear": "rear", "left_ear": "lear", "right_heel": "RHeel",
    "left_heel": "LHeel", "right_big_toe": "RBigToe", "left_big_toe": "LBigToe",
}  # fmt: skip
"""Keypoints that are vertices of the body, with their names among the model's landmarks."""


def keypoints_from_joints(joints: np.ndarray, landmarks: np.ndarray) -> list:
    """Arrange SMPL joints (..., 24, D) and landmarks (..., 8, D) as a list of the 25 keypoints, each (..., D).

    Landmarks are the vertices `BodyModel.keypoint_vertices`, in the order of `KEYPOINT_LANDMARKS`.

    Only indexing and adding is used, so numpy arrays and torch tensors serve alike; the caller stacks the list on axis
    -2.
    """
    pick = {name: joints[..., JOINT_INDEX[joint], :] for name, joint in KEYPOINT_JOINTS.items()}
    pick["pelvis"] = (pick["right_hip"] + pick["left_hip"]) / 2
    pick["thorax"] = (pick["right_shoulder"] + pick["left_shoulder"]) / 2
    pick |= {name: landmarks[..., number, :] for number, name in enumerate(KEYPOINT_LANDMARKS)}
    return [pick[name] for name in KEYPOINT_NAMES]
