"""What kinds of errors there are, after Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose
Estimation", ICCV 2017, with distances over the torso in place of their keypoint similarity; and on which poses."""

import numpy as np

from ....inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, LIMB_KEYPOINTS
from ...data.photos2d import LabelledCrop
from ...measure.keypoints2d import pck, relative_errors, torso_lengths

RIGHT = 0.2
"""Torsos from the truth within which a keypoint is right."""
JITTER = 0.4
"""Torsos from the truth up to which a wrong keypoint is merely imprecise."""
BOX_MARGIN = 0.15
"""Of the labelled joints' box, by which it is widened before something lies outside of it."""
KINDS = (
    "right", "imprecise", "on the mirror joint", "left and right on one limb", "on another joint", "elsewhere",
    "outside the box", "not found",
)  # fmt: skip
"""Every limb keypoint is one of these. `left and right on one limb` is `on the mirror joint` where the mirror keypoint
lies there too; `imprecise` is .2 to .4 torso off, `elsewhere` the rest within the box."""
FACING = 0.3
"""Breadth of the shoulders over the torso's length from which a person is seen from the front or from behind."""


def kinds_of_errors(points: np.ndarray, crops: list[LabelledCrop]) -> np.ndarray:
    """Index into KINDS of each limb keypoint (N, 12) of points (N, 25, 2); −1 where nothing is known."""
    lengths, errors = torso_lengths(crops), relative_errors(points, crops)
    kinds = np.full((len(crops), len(LIMB_KEYPOINTS)), -1)
    for row, crop in enumerate(crops):
        for column, joint in enumerate(LIMB_KEYPOINTS):
            if not np.isnan(errors[row, joint]):
                kinds[row, column] = KINDS.index(_kind(joint, points[row], crop.keypoints, lengths[row]))
    return kinds


def _kind(joint: int, points: np.ndarray, truth: np.ndarray, torso: float) -> str:
    place, mirror = points[joint], KEYPOINT_MIRROR[joint]
    if not np.isfinite(place).all():
        return "not found"
    distances = np.where(truth[:, 2] > 0, np.linalg.norm(truth[:, :2] - place, axis=1) / torso, np.inf)
    if distances[joint] < RIGHT:
        return "right"
    if distances[mirror] < RIGHT and distances[mirror] < distances[joint]:
        together = np.linalg.norm(points[mirror] - place) / torso < RIGHT
        return "left and right on one limb" if together else "on the mirror joint"
    if distances[joint] < JITTER:
        return "imprecise"
    if distances.min() < RIGHT:
        return "on another joint"
    labelled = truth[truth[:, 2] > 0, :2]
    margin = BOX_MARGIN * np.ptp(labelled, axis=0).max()
    inside = (place >= labelled.min(0) - margin).all() and (place <= labelled.max(0) + margin).all()
    return "elsewhere" if inside else "outside the box"


def shares_of_kinds(points: np.ndarray, crops: list[LabelledCrop]) -> dict[str, float]:
    """Share of the known limb keypoints that each of KINDS has."""
    kinds = kinds_of_errors(points, crops)
    known = kinds[kinds >= 0]
    return {name: float((known == number).mean()) if len(known) else np.nan for number, name in enumerate(KINDS)}


def groups_of_poses(crops: list[LabelledCrop]) -> dict[str, np.ndarray]:
    """Masks (N,) of the pictures in which the torso is tilted so far, and in which it is seen from one side."""
    truth = np.stack([crop.keypoints for crop in crops])
    ends = {name: truth[:, KEYPOINT_INDEX[name]] for name in ("pelvis", "thorax", "left_shoulder", "right_shoulder")}
    known = np.all([end[:, 2] > 0 for end in ends.values()], axis=0)
    spine = ends["thorax"][:, :2] - ends["pelvis"][:, :2]
    length = np.maximum(np.linalg.norm(spine, axis=1), 1e-6)
    tilt = np.abs(np.degrees(np.arctan2(spine[:, 0], -spine[:, 1])))
    across = ends["left_shoulder"][:, :2] - ends["right_shoulder"][:, :2]
    # With the spine turned upright, the left shoulder of somebody who faces the camera lies to the right.
    facing = (across[:, 1] * spine[:, 0] - across[:, 0] * spine[:, 1]) / length**2
    return {
        "torso upright (tilted < 30°)": known & (tilt < 30),
        "torso tilted 30–60°": known & (tilt >= 30) & (tilt < 60),
        "torso lying (60–120°)": known & (tilt >= 60) & (tilt < 120),
        "torso upside down (> 120°)": known & (tilt >= 120),
        "from the front": known & (facing >= FACING),
        "from the side": known & (np.abs(facing) < FACING),
        "from behind": known & (facing <= -FACING),
    }


def pck_of_groups(points: np.ndarray, crops: list[LabelledCrop]) -> dict[str, tuple[int, float]]:
    """Number of pictures and PCK@0.2 of each of `groups_of_poses`."""
    errors = relative_errors(points, crops)
    return {name: (int(group.sum()), pck(errors[group])) for name, group in groups_of_poses(crops).items()}
