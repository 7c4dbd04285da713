"""The body model for optimisation: joints and a few hundred vertices, with their derivatives, in float64.

Everything is in the camera's OpenCV frame, metres. A rotation moves by R ← R · exp(δ), so that there are three numbers
a joint whatever the pose, and no singularity.
"""

from dataclasses import dataclass

import numpy as np

from ..body.body_model import BodyModel, forward_kinematics
from ..geometry.joints import JOINT_NAMES, keypoints_from_joints
from ..geometry.rotations import axis_angle_to_matrix, skew

JOINTS = len(JOINT_NAMES)


@dataclass(frozen=True)
class Parameters:
    """One body in front of the camera: all that a refinement changes."""

    rotations: np.ndarray
    """(24, 3, 3) relative to the parents; the root's in the camera's frame, about the rest pelvis."""
    betas: np.ndarray
    """(S,)."""
    transl: np.ndarray
    """(3,) metres, added to the posed body."""

    def moved(self, step: np.ndarray) -> "Parameters":
        """Parameters after a step (72 + S + 3): turns of the joints, then betas, then translation."""
        turn, betas, transl = np.split(step, [3 * JOINTS, len(step) - 3])
        rotations = self.rotations @ axis_angle_to_matrix(turn.reshape(JOINTS, 3))
        return Parameters(rotations, self.betas + betas, self.transl + transl)

    @property
    def size(self) -> int:
        """How many numbers a step has."""
        return 3 * JOINTS + len(self.betas) + 3


@dataclass(frozen=True)
class Placed:
    """A `SparseBody` in a pose. `points` are the 24 joints, then the N chosen vertices."""

    parameters: Parameters
    points: np.ndarray
    """(24 + N, 3)."""
    world: np.ndarray
    """(24, 3, 3) rotations of the joints in the camera's frame."""
    rest_joints: np.ndarray
    """(24, 3)."""
    rest: np.ndarray
    """(N, 3) vertices before skinning."""
    blended: np.ndarray
    """(N, 3, 3) skinning matrices."""


class SparseBody:
    """Some vertices of a body model: the keypoints' first, then `vertices` (N,)."""

    def __init__(self, body: BodyModel, vertices: np.ndarray):
        chosen = np.concatenate([body.keypoint_vertices, np.asarray(vertices, int)])
        self.vertices = chosen
        self.parents, self._levels = body.parents, body.kinematic_levels
        self._template = body.v_template[chosen].astype(np.float64)
        self._shapedirs = body.shapedirs[chosen].astype(np.float64)
        self._posedirs = None if body.posedirs is None else body.posedirs[chosen].astype(np.float64)
        regressor = body.J_regressor.astype(np.float64)
        self._joint_template = regressor @ body.v_template
        self._joint_shapedirs = np.einsum("jv,vcs->jcs", regressor, body.shapedirs, optimize=True)
        self._weights = body.lbs_weights[chosen].astype(np.float64)
        self._above = _ancestors(body.parents)
        self.normals = rest_normals(body)[chosen]
        """(N, 3) outward unit normals of the resting body."""
        landmarks = len(body.keypoint_vertices)
        self.landmarks = np.arange(landmarks)
        """Of the N vertices those that are keypoints."""
        names = np.eye(JOINTS + landmarks)
        linear = np.stack(keypoints_from_joints(names[:JOINTS], names[JOINTS:]), -2)
        self.keypoints_from_points = np.pad(linear, ((0, 0), (0, len(chosen) - landmarks)))
        """(K, 24 + N): keypoints as sums of points."""

    def place(self, parameters: Parameters) -> Placed:
        """Joints and vertices by linear blend skinning, as `BodyModel.pose` has them."""
        rotations, betas = parameters.rotations, parameters.betas
        rest_joints = self._joint_template + self._joint_shapedirs @ betas
        joints, world = forward_kinematics(rest_joints[None], rotations[None], self.parents, self._levels)
        joints, world = joints[0] + parameters.transl, world[0]
        rest = self._template + self._shapedirs @ betas
        if self._posedirs is not None:
            rest = rest + self._posedirs @ (rotations[1:] - np.eye(3)).reshape(-1)
        offsets = joints - (world @ rest_joints[..., None])[..., 0]
        blended = (self._weights @ world.reshape(JOINTS, 9)).reshape(-1, 3, 3)
        vertices = (blended @ rest[..., None])[..., 0] + self._weights @ offsets
        return Placed(parameters, np.concatenate([joints, vertices]), world, rest_joints, rest, blended)

    def joint_derivatives(self, placed: Placed) -> np.ndarray:
        """(24, 3, P) of the joints by the step's P numbers."""
        joints = placed.points[:JOINTS]
        arms = (joints[:, None] - joints[None]) * self._above[..., None]
        return self._columns(_turned(placed.world, arms), self._joints_by_shape(placed))

    def vertex_derivatives(self, placed: Placed, which: np.ndarray) -> np.ndarray:
        """(len(which), 3, P) of some of the N vertices (numbered from 0) by the step's P numbers."""
        joints, weights, rest = placed.points[:JOINTS], self._weights[which], placed.rest[which]
        offsets = joints - (placed.world @ placed.rest_joints[..., None])[..., 0]
        # What each bone contributes to a vertex, summed over all bones below joint k, turns about joint k.
        parts = weights[..., None] * (np.einsum("bij,nj->nbi", placed.world, rest) + offsets)
        below = np.einsum("nbi,bk->nki", parts, self._above, optimize=True)
        share = weights @ self._above
        by_turn = _turned(placed.world, below - share[..., None] * joints)
        if self._posedirs is not None:
            by_turn = by_turn + placed.blended[which] @ self._rest_by_turn(placed.parameters.rotations, which)
        by_joint = self._joints_by_shape(placed)
        by_joint = by_joint - np.einsum("jkl,jls->jks", placed.world, self._joint_shapedirs)
        by_shape = placed.blended[which] @ self._shapedirs[which] + np.einsum("nj,jks->nks", weights, by_joint)
        return self._columns(by_turn, by_shape)

    def _joints_by_shape(self, placed: Placed) -> np.ndarray:
        """(24, 3, S): bones grow, and what hangs on them moves."""
        result = self._joint_shapedirs.copy()
        for level in self._levels:
            above = self.parents[level]
            bones = self._joint_shapedirs[level] - self._joint_shapedirs[above]
            result[level] = result[above] + placed.world[above] @ bones
        return result

    def _rest_by_turn(self, rotations: np.ndarray, which: np.ndarray) -> np.ndarray:
        """(len(which), 3, 72): pose correctives by the turns of joints 1 to 23."""
        turned = np.einsum("kij,ajl->kila", rotations[1:], skew(np.eye(3)))
        by_matrix = self._posedirs[which].reshape(len(which), 3, JOINTS - 1, 9)
        by_turn = np.einsum("nckm,kma->ncka", by_matrix, turned.reshape(JOINTS - 1, 9, 3), optimize=True)
        return np.pad(by_turn.reshape(len(which), 3, -1), ((0, 0), (0, 0), (3, 0)))

    @staticmethod
    def _columns(by_turn: np.ndarray, by_shape: np.ndarray) -> np.ndarray:
        by_transl = np.broadcast_to(np.eye(3), (len(by_turn), 3, 3))
        return np.concatenate([by_turn, by_shape, by_transl], -1)


class VertexSlopes:
    """Derivatives of some vertices of a placed body, computed once for all terms that ask for some of them."""

    def __init__(self, body: SparseBody, placed: Placed, which: np.ndarray):
        self._which = np.unique(which)
        self._values = body.vertex_derivatives(placed, self._which)

    def of(self, which: np.ndarray) -> np.ndarray:
        """(len(which), 3, P)."""
        return self._values[np.searchsorted(self._which, which)]


def _ancestors(parents: np.ndarray) -> np.ndarray:
    """(24, 24) of 0 and 1: whether column k is row j's joint itself or above it."""
    above = np.eye(len(parents))
    for joint in range(1, len(parents)):
        above[joint] += above[parents[joint]]
    return above


def _turned(world: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """Velocity (N, 3, 72) of points whose arms (N, 24, 3) from each joint turn with it: axis × arm."""
    axes = world.transpose(1, 0, 2)
    x, y, z = (arms[..., c, None] for c in range(3))
    cross = np.empty((len(arms), 3, *axes.shape[1:]))
    for row, first, second, one, other in ((0, 1, 2, z, y), (1, 2, 0, x, z), (2, 0, 1, y, x)):
        np.multiply(axes[first], one, out=cross[:, row])
        cross[:, row] -= axes[second] * other
    return cross.reshape(len(arms), 3, -1)


def even_vertices(body: BodyModel, count: int) -> np.ndarray:
    """`count` vertices spread evenly over the template: each is the farthest from those before it."""
    points = body.v_template.astype(np.float64)
    chosen = [int(points[:, 1].argmax())][:count]
    nearest = np.full(len(points), np.inf)
    for _ in range(count - 1):
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(nearest.argmax()))
    return np.sort(chosen)


def rest_normals(body: BodyModel) -> np.ndarray:
    """Outward unit normals (V, 3) of the template."""
    corners = body.v_template[body.faces].astype(np.float64)
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(body.v_template, np.float64)
    for corner in range(3):
        np.add.at(normals, body.faces[:, corner], areas)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
