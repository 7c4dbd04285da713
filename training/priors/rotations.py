"""Rotations in torch, differentiable; the twins of those in `inference.rotations`."""

import torch
from torch import nn
from torch.nn import functional as F

from ...inference.geometry.joints import JOINT_PARENTS


def six_d_to_matrix(six_d):
    """Gram-Schmidt: (..., 6) to rotation matrices (..., 3, 3), as `inference.rotations.six_d_to_matrix`."""
    x = F.normalize(six_d[..., :3], dim=-1)
    y = F.normalize(six_d[..., 3:] - (x * six_d[..., 3:]).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def axis_angle_to_matrix(axis_angle):
    """Rodrigues: (..., 3) radians to rotation matrices (..., 3, 3), as `inference.rotations.axis_angle_to_matrix`."""
    angle = (axis_angle**2).sum(-1).clamp_min(1e-12).sqrt()[..., None, None]
    zero = torch.zeros_like(axis_angle[..., 0])
    x, y, z = axis_angle.unbind(-1)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    first, second = angle.sin() / angle, 2 * ((angle / 2).sin() / angle) ** 2
    return torch.eye(3, dtype=skew.dtype, device=skew.device) + first * skew + second * (skew @ skew)


class AboutParents(nn.Module):
    """Rotations (B, 24, 6) about the camera's frame → the same about each joint's parent, as SMPL has them; in both
    the first two columns of the matrices (Zhou 2019)."""

    def __init__(self):
        super().__init__()
        self.register_buffer("parents", torch.from_numpy(JOINT_PARENTS[1:]))

    def forward(self, six_d):
        rotations = six_d_to_matrix(six_d)
        local = rotations[:, self.parents].transpose(-1, -2) @ rotations[:, 1:, :, :2]
        columns = torch.cat([rotations[:, :1, :, :2], local], 1)
        return columns.transpose(-1, -2).flatten(-2)
