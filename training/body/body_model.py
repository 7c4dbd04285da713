"""The body model in torch: the differentiable twin of `inference.body_model`."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...inference.body.body_model import BodyModel


class PosedBodies(NamedTuple):
    """What `inference.body_model.PosedBody` holds, as tensors. `vertices` are those that were asked for."""

    vertices: Tensor
    joints: Tensor
    joint_rotations: Tensor


class TorchBodyModel(nn.Module):
    """SMPL's equations over a `BodyModel`'s arrays, which become buffers: `.to(device)` and `.double()` work as usual.

    The state dict is empty on purpose: the arrays belong to the body's own file.
    """

    def __init__(self, model: BodyModel):
        super().__init__()
        self.keypoint_vertices = model.keypoint_vertices
        regressor = model.J_regressor.astype(np.float64)
        joint_shapedirs = np.einsum("jv,vcs->sjc", regressor, model.shapedirs, optimize=True)
        self._buffer("joint_template", regressor @ model.v_template)
        self._buffer("joint_shapedirs", joint_shapedirs.reshape(len(joint_shapedirs), -1))
        self._buffer("template", model.v_template.T)
        self._buffer("shapedirs", model.shapedirs.transpose(2, 1, 0))
        self._buffer("weights", model.lbs_weights.T)
        self._buffer("posedirs", None if model.posedirs is None else model.posedirs.transpose(2, 1, 0))
        self._register_tree(model.parents, model.kinematic_levels)

    def _buffer(self, name: str, values: np.ndarray | None) -> None:
        tensor = None if values is None else torch.from_numpy(np.ascontiguousarray(values, np.float32))
        self.register_buffer(name, tensor, persistent=False)

    def _register_tree(self, parents: np.ndarray, levels: tuple[np.ndarray, ...]) -> None:
        """Index buffers per level: the joints, their parents, and the parents' places within the level above."""
        self.level_count = len(levels)
        above = np.array([0])
        for depth, level in enumerate(levels):
            places = np.searchsorted(above, parents[level])
            for name, index in (("joints", level), ("parents", parents[level]), ("places", places)):
                self.register_buffer(f"level{depth}_{name}", torch.from_numpy(index.astype(np.int64)), persistent=False)
            above = level
        order = np.concatenate([[0], *levels])
        self.register_buffer("from_level_order", torch.from_numpy(np.argsort(order)), persistent=False)

    def rest_joints(self, betas: Tensor) -> Tensor:
        """Joints (B, 24, 3) of the T-pose for betas (B, S)."""
        return self.joint_template + (betas @ self.joint_shapedirs).unflatten(-1, self.joint_template.shape)

    def joints(self, betas: Tensor, rotations: Tensor, transl: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Posed joints (B, 24, 3) and world rotations (B, 24, 3, 3) alone, without touching the vertices."""
        return self._place_joints(self.rest_joints(betas), rotations, transl)

    def forward(
        self, betas: Tensor, rotations: Tensor, transl: Tensor | None = None, vertex_subset: Tensor | None = None
    ) -> PosedBodies:
        """Pose bodies by linear blend skinning (Loper et al. 2015, equations 2–10), as `BodyModel.pose` does.

        `betas` (B, S) or (1, S); `rotations` (B, 24, 3, 3) relative to the parents; `transl` (B, 3); `vertex_subset`
        (N,) ids of the vertices to compute, default all V.
        """
        rest_joints = self.rest_joints(betas)
        joints, world = self._place_joints(rest_joints, rotations, transl)
        offsets = joints - (world @ rest_joints[..., None])[..., 0]
        bone_rows = torch.cat([world, offsets[..., None]], dim=-1).permute(0, 2, 3, 1).flatten(1, 2)
        rest, weights = self._rest_vertices(betas, rotations, vertex_subset)
        blended = (bone_rows @ weights).unflatten(1, (3, 4))
        vertices = (blended[:, :, :3] * rest[:, None]).sum(2) + blended[:, :, 3]
        return PosedBodies(vertices.transpose(1, 2), joints, world)

    def _place_joints(self, rest_joints: Tensor, rotations: Tensor, transl: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compose rotations down the tree, one level at a time; nothing is written in place, so gradients flow."""
        root = rest_joints[:, :1].expand(len(rotations), -1, -1)
        joints, world = [root if transl is None else root + transl[:, None]], [rotations[:, :1]]
        for depth in range(self.level_count):
            level, above, places = (getattr(self, f"level{depth}_{name}") for name in ("joints", "parents", "places"))
            bones = rest_joints.index_select(1, level) - rest_joints.index_select(1, above)
            world_above = world[-1].index_select(1, places)
            joints.append(joints[-1].index_select(1, places) + (world_above @ bones[..., None])[..., 0])
            world.append(world_above @ rotations.index_select(1, level))
        return tuple(torch.cat(levels, 1).index_select(1, self.from_level_order) for levels in (joints, world))

    def _rest_vertices(self, betas: Tensor, rotations: Tensor, subset: Tensor | None) -> tuple[Tensor, Tensor]:
        """Vertices (B, 3, N) before skinning, and their weights (24, N)."""

        def of_subset(values: Tensor) -> Tensor:
            return values if subset is None else values.index_select(-1, subset)

        rest = of_subset(self.template) + torch.tensordot(betas, of_subset(self.shapedirs), 1)
        if self.posedirs is not None:
            identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
            features = (rotations[:, 1:] - identity).flatten(1)
            rest = rest + torch.tensordot(features, of_subset(self.posedirs), 1)
        return rest, of_subset(self.weights)
