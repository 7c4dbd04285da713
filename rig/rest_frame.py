"""Where SMPL's own rest pose is in an armature's space.

A character is built with the two the same, but for the scene's unit of length. *Object ▸ Apply* moves, turns and scales
the bones' rest and leaves the object without a transform; whoever goes on with the joints as they were first would tear
the skin off the bones. So the frame is not remembered, but found in the bones as they rest now.
"""

from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.errors import UserError
from ..inference.geometry.joints import JOINT_PARENTS

ROUNDS = 4
"""Fits, each to the half of the joints that the last one fitted best: bones that were moved by hand do not count."""
EXACT = 1e-4
"""Share of the body's size by which bones may be off that rest where they were built: float32's rounding."""
MOST_TURNED = 20.0
"""Degrees by which a limb may point elsewhere at rest than when it was built, as when a bone was moved by hand: beyond,
rotations would mean something else."""


@dataclass(frozen=True)
class RestFrame:
    """Takes points of SMPL's rest pose, in Blender's axes and metres, to where they are in the armature's space."""

    scale: float
    turn: np.ndarray
    """(3, 3) a rotation."""
    shift: np.ndarray
    """(3,) in the armature's units."""

    @property
    def matrix(self) -> np.ndarray:
        """(4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.scale * self.turn, self.shift
        return matrix

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3)."""
        return self.scale * points @ self.turn.T + self.shift


def fit_frame(joints: np.ndarray, heads: np.ndarray, name: str) -> RestFrame:
    """The frame that takes `joints` (24, 3) to `heads` (24, 3). Raises UserError, for the armature called `name`, when
    there is none, as after *Apply Pose as Rest Pose*, mirroring, or scaling by different factors along the axes."""
    frame, half, size = RestFrame(1.0, np.eye(3), np.zeros(3)), len(joints) // 2 + 1, np.linalg.norm(np.ptp(heads, 0))
    if np.sort(_error(frame, joints, heads))[half - 1] > EXACT * size:
        kept = np.arange(len(joints))
        for _ in range(ROUNDS):
            frame = _similarity(joints[kept], heads[kept])
            kept = np.argsort(_error(frame, joints, heads))[:half]
    if np.degrees(_turned(joints @ frame.turn.T, heads).max()) > MOST_TURNED:
        raise UserError(
            f"The bones of {name} do not rest as they were built: another rest pose was applied, or a transform that "
            "scales unevenly or mirrors. Undo that, or build the character anew."
        )
    return frame


def _error(frame: RestFrame, joints: np.ndarray, heads: np.ndarray) -> np.ndarray:
    return np.linalg.norm(frame.place(joints) - heads, axis=1)


def _turned(joints: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Angles (23,) between the ways from each joint's parent to it, radians."""
    own, other = (points[1:] - points[JOINT_PARENTS[1:]] for points in (joints, heads))
    return np.arctan2(np.linalg.norm(np.cross(own, other), axis=1), (own * other).sum(1))


def _similarity(source: np.ndarray, target: np.ndarray) -> RestFrame:
    """Umeyama 1991: least squares over rotations, translations and one scale."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred, other = source - source_mean, target - target_mean
    left, strengths, right = np.linalg.svd(other.T @ centred)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = (left * signs) @ right
    scale = float((strengths * signs).sum() / (centred**2).sum())
    return RestFrame(scale, turn, target_mean - scale * turn @ source_mean)


def units_per_metre(scene: bpy.types.Scene) -> float:
    """Of the scene, by its unit scale; 100 where a unit is a centimetre."""
    return 1 / scene.unit_settings.scale_length
