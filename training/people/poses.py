"""Poses to learn from: mocap, with what is rare in it drawn more often, and widened beyond it (DATA.md, mocap).

The mocap mostly stands, walks and jumps. It is widened in three ways: one frame's upper body on another's legs, swing
and twist of every joint within its range, and postures that the mocap lacks (`postures`). Poses that were fitted to
photos may be drawn beside it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import JOINT_INDEX, JOINT_MIRROR, JOINT_NAMES
from ...inference.geometry.rotations import axis_angle_to_matrix
from ..data.packs import pack
from .clustering import cluster
from .postures import take_postures
from .self_contact import TOLERANCE, penetration

HELD_OUT = 8
"""Every eighth clip is held out for the test set; its neighbour after it for validation."""

POSE_NOISE = {
    "spine1": 6, "spine2": 5, "spine3": 5, "neck": 10, "head": 10, "collar": 5, "shoulder": 12, "elbow": 9, "wrist": 14,
    "hip": 8, "knee": 6, "ankle": 9, "foot": 5, "hand": 6,
}  # fmt: skip
"""Degrees of random swing and twist added to each mocap joint: it widens 1 300 distinct poses."""
DAMPED = {"wrist": 0.5, "foot": 0.3, "collar": 0.6}
"""Channels whose statistics in this mocap are off; they are shrunk before noise is added."""
BEYOND = np.deg2rad(10)
"""How far widened joints may leave the range that they have in the mocap."""
CLUSTERS = 300
COMMON = 0.5
"""A cluster of n frames is drawn in proportion to n to this power: 1 would be as in the mocap, 0 all alike."""
CROSSED, POSTURED = 0.25, 0.15
"""Shares of poses with another's upper body, and of postures that the mocap lacks."""
SPARE = 1.12
"""Poses drawn for each that is wanted, so that those running through themselves can be left out."""
_UPPER = np.array([not name.endswith(("pelvis", "hip", "knee", "ankle", "foot")) for name in JOINT_NAMES])


@dataclass(frozen=True)
class Poses:
    """Mocap frames: local axis-angle (N, 24, 3), and the clip each frame is from (N,)."""

    axis_angle: np.ndarray
    clip: np.ndarray
    probability: np.ndarray
    """(N,) of each frame to be drawn."""


def load_poses(split: str) -> Poses:
    """`train`, `validation` or `test` clips of the mocap pack. Raises PackMissing.

    Training frames are drawn by how rare their pose is; others so that each clip weighs by the root of its length.
    """
    archive = np.load(pack("mocap") / "cmu_smpl24.npz")
    clip = np.repeat(np.arange(len(archive["clip_len"])), archive["clip_len"])
    part = {"test": clip % HELD_OUT == 0, "validation": clip % HELD_OUT == 1, "train": clip % HELD_OUT > 1}[split]
    axis_angle, clip = archive["poses"][part].astype(np.float32), clip[part]
    if split == "train":
        label = cluster(pose_descriptors(axis_angle), CLUSTERS, np.random.default_rng(0))
        weight = np.bincount(label)[label] ** (COMMON - 1.0)
    else:
        weight = np.bincount(clip)[clip] ** -0.5
    return Poses(axis_angle, clip, weight / weight.sum())


def with_fitted(poses: Poses, file: Path, share: float) -> Poses:
    """`poses` with those that `fit-poses` wrote to `file` beside them, drawn in a `share` of draws. Their clip is
    -1."""
    fitted = np.load(file)["poses"].astype(np.float32)
    probability = [poses.probability * (1 - share), np.full(len(fitted), share / len(fitted))]
    clip = np.concatenate([poses.clip, np.full(len(fitted), -1)])
    return Poses(np.concatenate([poses.axis_angle, fitted]), clip, np.concatenate(probability))


def pose_descriptors(axis_angle: np.ndarray) -> np.ndarray:
    """What makes two poses (N, 24, 3) alike, as points (N, 75): the joints seen from the pelvis, and where up is."""
    joints, root = _mean_joints(axis_angle)
    local = np.einsum("nji,nkj->nki", root, joints - joints[:, :1])
    return np.concatenate([local.reshape(len(local), -1), root[:, 1]], 1)


def _mean_joints(axis_angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints (N, 24, 3) of the mean body, and the root's rotations."""
    model = BodyModel.load()
    rotations = axis_angle_to_matrix(axis_angle)
    return model.skeleton(np.zeros((1, model.shapedirs.shape[2])), rotations)[0], rotations[:, 0]


def _per_joint(table: dict[str, float], default: float) -> np.ndarray:
    values = np.full(24, default, np.float32)
    for name, index in JOINT_INDEX.items():
        values[index] = table.get(name.removeprefix("left_").removeprefix("right_"), default)
    return values


_NOISE = np.deg2rad(_per_joint(POSE_NOISE, 0.0))
_DAMPING = _per_joint(DAMPED, 1.0)


def mirrored(axis_angle: np.ndarray) -> np.ndarray:
    """The mirror image of poses (B, 24, 3): sides exchanged, rotations about y and z reversed."""
    return axis_angle[:, JOINT_MIRROR] * np.array([1, -1, -1], np.float32)


class PoseSampler:
    """Draws poses. It loads the body once, and knows the range of each joint."""

    def __init__(self, poses: Poses, widen: bool = True):
        self.poses, self.widen = poses, widen
        self.cumulative = np.cumsum(poses.probability)
        both = np.concatenate([poses.axis_angle, mirrored(poses.axis_angle)])
        self.low = np.quantile(both, 0.001, axis=0).astype(np.float32) - BEYOND
        self.high = np.quantile(both, 0.999, axis=0).astype(np.float32) + BEYOND
        self.model = BodyModel.load()

    def __call__(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Local rotation matrices (count, 24, 3, 3) float32; the root's in the world, y up."""
        if not self.widen:
            return axis_angle_to_matrix(self._frames(count, rng))
        drawn = axis_angle_to_matrix(self._widened(round(count * SPARE), rng))
        drawn = take_postures(drawn, POSTURED, rng)
        joints, _ = self.model.skeleton(np.zeros((1, self.model.shapedirs.shape[2])), drawn)
        impossible = np.maximum(penetration(joints), TOLERANCE)
        # A stable sort leaves the possible ones as they come; if too few are possible, the least bad follow.
        return drawn[np.argsort(impossible, kind="stable")[:count]]

    def _frames(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Frames (count, 24, 3) by their probability, half of them mirrored."""
        place = np.searchsorted(self.cumulative, rng.random(count) * self.cumulative[-1])
        chosen = self.poses.axis_angle[np.minimum(place, len(self.cumulative) - 1)]
        return np.where(rng.random((count, 1, 1)) < 0.5, mirrored(chosen), chosen)

    def _widened(self, count: int, rng: np.random.Generator) -> np.ndarray:
        chosen = self._frames(count, rng)
        crossed = (rng.random((count, 1)) < CROSSED) & _UPPER
        chosen = np.where(crossed[..., None], self._frames(count, rng), chosen) * _DAMPING[:, None]
        # Most poses are widened, by an amount drawn per pose: neither all clean nor all noisy.
        amount = rng.gamma(1.0, 0.6, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.7)
        noise = rng.standard_normal(chosen.shape, np.float32) * (_NOISE[:, None] * amount.astype(np.float32))
        limited = np.clip(chosen + noise, self.low, self.high)
        limited[:, 0] = chosen[:, 0]
        return limited
