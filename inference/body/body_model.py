"""The body model M(β, θ): shape coefficients and joint rotations to a posed mesh, by SMPL's equations, in numpy.

Everything here is in SMPL's frame (y up, the body faces +z, its left is +x) and in metres. The bundled open body and a
user's licensed SMPL file are the same to this module.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..geometry.joints import KEYPOINT_LANDMARKS, keypoints_from_joints
from ..models import MODELS
from .smpl_file import read_smpl_file

BUNDLED_BODY = MODELS / "body.npz"
JOINT_COUNT = 24
MIDLINE_WIDTH = 0.01
"""Half the width, in metres, of the strip about x = 0 in which the top of the head is looked for."""


@dataclass(frozen=True)
class PosedBody:
    """A batch of B posed bodies, float32. `joint_rotations` are in the world, not relative to the parent."""

    vertices: np.ndarray
    """(B, V, 3) metres."""
    joints: np.ndarray
    """(B, 24, 3) metres."""
    joint_rotations: np.ndarray
    """(B, 24, 3, 3)."""


@dataclass(frozen=True, eq=False)
class BodyModel:
    """SMPL's arrays (float32) and what is computed from them once. V vertices, T triangles, S betas, 24 joints."""

    name: str
    v_template: np.ndarray
    """(V, 3) the mean body in T-pose."""
    shapedirs: np.ndarray
    """(V, 3, S) metres per unit of beta."""
    posedirs: np.ndarray | None
    """(V, 3, 207) metres per entry of (R - I) of joints 1–23, or None for plain linear blend skinning."""
    J_regressor: np.ndarray
    """(24, V) rest joints as averages of rest vertices."""
    lbs_weights: np.ndarray
    """(V, 24), rows sum to 1."""
    parents: np.ndarray
    """(24,) int; -1 for the root, else smaller than the joint's own index."""
    faces: np.ndarray
    """(T, 3) int32, counter-clockwise from outside."""
    vt: np.ndarray | None = None
    """(U, 2) texture coordinates."""
    ft: np.ndarray | None = None
    """(T, 3) int32 into `vt`."""
    beta_names: tuple[str, ...] = ()
    """S names to show to a person."""
    vertex_mirror: np.ndarray | None = None
    """(V,) int32: the vertex on the other side of the body."""
    landmarks: Mapping[str, int] = field(default_factory=dict)
    """Named vertices: nose, eyes, ears, finger tips, toes and heels, by the names the `smplx` package uses."""

    @classmethod
    def load(cls, path: Path | None = None) -> "BodyModel":
        """The bundled open body, or a user's SMPL `.npz` or `.pkl`. Raises UserError for a file that cannot be used."""
        path = BUNDLED_BODY if path is None else Path(path)
        file = read_smpl_file(path)
        return cls(
            name="open" if path == BUNDLED_BODY else path.stem,
            v_template=file.v_template,
            shapedirs=file.shapedirs,
            posedirs=file.posedirs,
            J_regressor=file.J_regressor,
            lbs_weights=file.weights,
            parents=file.parents,
            faces=file.f,
            vt=file.vt,
            ft=file.ft,
            beta_names=file.beta_names,
            vertex_mirror=file.vertex_mirror,
            landmarks=file.landmarks,
        )

    @cached_property
    def hash(self) -> str:
        """16 hex digits over faces and shape space: what betas and vertex ids belong to."""
        digest = hashlib.sha256(np.ascontiguousarray(self.faces, np.int32).tobytes())
        digest.update(np.ascontiguousarray(self.shapedirs, np.float32).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def head_top(self) -> int:
        """The highest vertex of the template on its mid-line."""
        on_midline = np.abs(self.v_template[:, 0]) < MIDLINE_WIDTH
        return int(np.argmax(np.where(on_midline, self.v_template[:, 1], -np.inf)))

    @cached_property
    def keypoint_vertices(self) -> np.ndarray:
        """(8,) vertices that are keypoints, in the order of `joints.KEYPOINT_LANDMARKS`."""
        numbers = {**self.landmarks, "head_top": self.head_top}
        return np.array([numbers[landmark] for landmark in KEYPOINT_LANDMARKS.values()])

    @cached_property
    def kinematic_levels(self) -> tuple[np.ndarray, ...]:
        """Joints grouped by their distance from the root, so that a whole level is composed at once."""
        depth = np.zeros(len(self.parents), int)
        for joint in range(1, len(self.parents)):
            depth[joint] = depth[self.parents[joint]] + 1
        return tuple(np.flatnonzero(depth == level) for level in range(1, depth.max() + 1))

    @cached_property
    def _joint_template(self) -> np.ndarray:
        return (self.J_regressor.astype(np.float64) @ self.v_template).astype(np.float32)

    @cached_property
    def _joint_shapedirs(self) -> np.ndarray:
        """(S, 72): the joints' share of the shape space, so that rest joints never touch the vertices."""
        directions = np.einsum("jv,vcs->sjc", self.J_regressor.astype(np.float64), self.shapedirs, optimize=True)
        return directions.reshape(len(directions), -1).astype(np.float32)

    @cached_property
    def _planar_template(self) -> np.ndarray:
        return np.ascontiguousarray(self.v_template.T).reshape(-1)

    @cached_property
    def _planar_shapedirs(self) -> np.ndarray:
        """(S, 3V): all x, then all y, then all z, so that skinning runs over long contiguous rows."""
        return np.ascontiguousarray(self.shapedirs.transpose(2, 1, 0)).reshape(self.shapedirs.shape[2], -1)

    @cached_property
    def _planar_posedirs(self) -> np.ndarray:
        return np.ascontiguousarray(self.posedirs.transpose(2, 1, 0)).reshape(self.posedirs.shape[2], -1)

    @cached_property
    def _planar_weights(self) -> np.ndarray:
        return np.ascontiguousarray(self.lbs_weights.T)

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        """Joints (B, 24, 3) of the T-pose for betas (B, S)."""
        betas = self._checked_betas(betas)
        return self._joint_template + (betas @ self._joint_shapedirs).reshape(len(betas), -1, 3)

    def skeleton(self, betas: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints (B, 24, 3) and their turns in the world (B, 24, 3, 3) of bodies posed by `rotations` (B, 24, 3, 3), in
        their precision; `betas` (B, S), or (1, S) for one shape in every pose."""
        rest = self.rest_joints(betas).astype(rotations.dtype, copy=False)
        return forward_kinematics(rest, rotations, self.parents, self.kinematic_levels)

    def rest_vertices(self, betas: np.ndarray) -> np.ndarray:
        """Vertices (B, V, 3) of the T-pose for betas (B, S)."""
        planar = self._planar_rest(self._checked_betas(betas))
        return np.ascontiguousarray(planar.reshape(len(planar), 3, -1).transpose(0, 2, 1))

    def pose(self, betas: np.ndarray, rotations: np.ndarray, transl: np.ndarray | None = None) -> PosedBody:
        """Pose bodies by linear blend skinning (Loper et al. 2015, equations 2–10).

        `betas` (B, S) or (1, S) for one shape in every pose; `rotations` (B, 24, 3, 3) of each joint relative to its
        parent, the root's about the rest pelvis; `transl` (B, 3) is added to the posed body.
        """
        rotations = np.asarray(rotations, np.float32)
        joint_count = len(self.parents)
        if rotations.ndim != 4 or rotations.shape[1:] != (joint_count, 3, 3):
            raise ValueError(f"rotations must be (B, {joint_count}, 3, 3), not {rotations.shape}")
        betas = self._checked_betas(betas)
        rest_joints = self.rest_joints(betas)
        joints, world = self.skeleton(betas, rotations)
        if transl is not None:
            joints = joints + np.asarray(transl, np.float32)[:, None]
        rest = self._planar_rest(betas)
        if self.posedirs is not None:
            features = (rotations[:, 1:] - np.eye(3, dtype=np.float32)).reshape(len(rotations), -1)
            rest = rest + features @ self._planar_posedirs
        return PosedBody(self._skin(rest, rest_joints, joints, world), joints, world)

    def skin_some(self, betas: np.ndarray, joints: np.ndarray, world: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """Only `vertices` (N,) of the posed bodies: (B, N, 3). `betas` (S,) is one shape; `joints` (B, 24, 3) and
        `world` (B, 24, 3, 3) are what `forward_kinematics` gives. Correctives are left out."""
        rest = self.v_template[vertices] + self.shapedirs[vertices] @ np.asarray(betas, np.float32)
        weights = self.lbs_weights[vertices]
        offsets = joints - np.einsum("bjkl,jl->bjk", world, self.rest_joints(betas[None])[0])
        turned = np.einsum("nj,bjkl,nl->bnk", weights, world, rest, optimize=True)
        return turned + np.einsum("nj,bjk->bnk", weights, offsets)

    def keypoints(self, betas: np.ndarray, joints: np.ndarray, world: np.ndarray) -> np.ndarray:
        """The 25 keypoints (B, 25, 3) of posed bodies of one shape, as `skin_some` takes them."""
        landmarks = self.skin_some(betas, joints, world, self.keypoint_vertices)
        return np.stack(keypoints_from_joints(joints, landmarks), -2)

    def _checked_betas(self, betas: np.ndarray) -> np.ndarray:
        betas = np.asarray(betas, np.float32)
        if betas.ndim != 2 or betas.shape[1] != self.shapedirs.shape[2]:
            raise ValueError(f"betas must be (B, {self.shapedirs.shape[2]}), not {betas.shape}")
        return betas

    def _planar_rest(self, betas: np.ndarray) -> np.ndarray:
        return self._planar_template + betas @ self._planar_shapedirs

    def _skin(self, rest: np.ndarray, rest_joints: np.ndarray, joints: np.ndarray, world: np.ndarray) -> np.ndarray:
        """Blend each body's bone transforms per vertex. One body at a time, because its 12 rows of V fit the cache."""
        offsets = joints - np.einsum("bjkl,bjl->bjk", world, np.broadcast_to(rest_joints, joints.shape))
        transforms = np.concatenate([world, offsets[..., None]], axis=-1)
        bone_rows = np.ascontiguousarray(transforms.transpose(0, 2, 3, 1)).reshape(len(world), 12, -1)
        rest = rest.reshape(len(rest), 3, -1)
        vertices = np.empty((len(world), rest.shape[2], 3), np.float32)
        for body, rows in enumerate(bone_rows):
            blended = (rows @ self._planar_weights).reshape(3, 4, -1)
            moved = blended[:, :3] * rest[body if len(rest) > 1 else 0]
            vertices[body] = (moved[:, 0] + moved[:, 1] + moved[:, 2] + blended[:, 3]).T
        return vertices


def forward_kinematics(
    rest_joints: np.ndarray, rotations: np.ndarray, parents: np.ndarray, levels: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Compose relative rotations (B, J, 3, 3) down the tree: joints (B, J, 3) and world rotations (B, J, 3, 3).

    `rest_joints` is (B, J, 3) or (1, J, 3); `levels` are the joints by depth, without the root.
    """
    world = rotations.copy()
    joints = np.repeat(rest_joints[:, :1], len(rotations) if len(rest_joints) == 1 else 1, axis=0)
    joints = np.concatenate([joints, np.empty((len(rotations), len(parents) - 1, 3), joints.dtype)], axis=1)
    for level in levels:
        above = parents[level]
        bones = rest_joints[:, level] - rest_joints[:, above]
        world[:, level] = world[:, above] @ rotations[:, level]
        joints[:, level] = joints[:, above] + (world[:, above] @ bones[..., None])[..., 0]
    return joints, world
