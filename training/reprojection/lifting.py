"""The engine's way from keypoints to a body that stands before the photo's camera, in torch, so that gradients pass.

Each function is the twin of one in `inference`, and is tested against it.
"""

import torch
from torch import Tensor

from ...inference.geometry.camera import ROBUST_ROUNDS, ROBUST_SCALE
from ...inference.geometry.joints import MPII_COUNT
from ...inference.networks.pose_features import HIPS, SEEN, SHOULDERS

MIN_DEPTH = 0.2
"""Metres. A body that comes nearer to the camera than this is not worth a gradient."""


def pose_features(keypoints: Tensor, focal: Tensor, center: Tensor) -> tuple[Tensor, Tensor]:
    """Features (B, 78) and turns (B, 3, 3) of keypoints (B, 25, 3), as `inference.pose_features.pose_features`; `focal`
    (B,), `center` (B, 2)."""
    confidence = torch.where(keypoints[..., 2:] < SEEN, 0, keypoints[..., 2:])
    weight = confidence * (torch.arange(keypoints.shape[1], device=keypoints.device) < MPII_COUNT)[:, None]
    weight = weight / weight.sum(1, keepdim=True).clamp_min(1e-6)
    rays = (keypoints[..., :2] - center[:, None]) / focal[:, None, None]
    turn = _rotation_to_forward((rays * weight).sum(1))
    spatial = torch.cat([rays, torch.ones_like(rays[..., :1])], -1) @ turn.transpose(1, 2)
    plane = spatial[..., :2] / spatial[..., 2:].clamp_min(1e-3)
    plane = plane - (plane * weight).sum(1, keepdim=True)
    trunk = _trunk_direction(plane, confidence)
    x, y = trunk.unbind(1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    roll = _matrix([[-y, x, zero], [-x, -y, zero], [zero, zero, one]])
    plane = plane @ roll[:, :2, :2].transpose(1, 2)
    spread = ((plane**2) * weight).sum((1, 2), keepdim=True).clamp_min(1e-12).sqrt() + 1e-6
    plane = plane / spread * plane.new_tensor([1.0, -1.0]) * (confidence > 0)
    features = torch.cat([plane, confidence], -1).flatten(1)
    return torch.cat([features, spread[:, :, 0].log(), trunk], 1), roll @ turn


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _rotation_to_forward(rays: Tensor) -> Tensor:
    direction = torch.cat([rays, torch.ones_like(rays[:, :1])], 1)
    x, y, z = (direction / direction.norm(dim=1, keepdim=True)).unbind(1)
    share = 1 / (1 + z)
    return _matrix([[1 - x * x * share, -x * y * share, -x], [-x * y * share, 1 - y * y * share, -y], [x, y, z]])


def _trunk_direction(plane: Tensor, confidence: Tensor) -> Tensor:
    ends = [
        (plane[:, part] * confidence[:, part]).sum(1) / confidence[:, part].sum(1).clamp_min(1e-6)
        for part in (HIPS, SHOULDERS)
    ]
    seen = [confidence[:, part].sum((1, 2)) > 0 for part in (HIPS, SHOULDERS)]
    trunk = ends[1] - ends[0]
    length = (trunk**2).sum(1).clamp_min(1e-24).sqrt()
    known = (seen[0] & seen[1] & (length > 1e-6))[:, None]
    return torch.where(known, trunk / length.clamp_min(1e-6)[:, None], trunk.new_tensor([0.0, -1.0]))


def solve_translation(points: Tensor, keypoints: Tensor, focal: Tensor, center: Tensor) -> tuple[Tensor, Tensor]:
    """Translations (B, 3) that put points (B, 25, 3) on keypoints (B, 25, 3), and which of them (B,) stand well in
    front of the camera, as `inference.camera.solve_translation` with confidence squared.

    The weights of the last round count as given; the place follows from them by least squares, differentiably.
    """
    rays = (keypoints[..., :2] - center[:, None]) / focal[:, None, None]
    weights = keypoints[..., 2] ** 2
    share = (weights / weights.sum(1, keepdim=True).clamp_min(1e-9))[..., None]
    middle = (rays * share).sum(1, keepdim=True)
    size = (((rays - middle) ** 2) * share).sum((1, 2)).clamp_min(1e-12).sqrt()[:, None]
    robust = torch.ones_like(weights)
    with torch.no_grad():
        for _ in range(ROBUST_ROUNDS - 1):
            moved = points + _least_squares(points, rays, weights * robust)[:, None]
            off = moved[..., :2] / moved[..., 2:].clamp_min(0.05) - rays
            robust = 1 / (1 + ((off**2).sum(-1).sqrt() / (size * ROBUST_SCALE)) ** 2) ** 2
    translation = _least_squares(points, rays, weights * robust)
    nearest = torch.where(weights > 0, points[..., 2], torch.inf).amin(1) + translation[:, 2]
    return translation, nearest > MIN_DEPTH


def _least_squares(points: Tensor, rays: Tensor, weights: Tensor) -> Tensor:
    """The normal equations of x + tx = u (z + tz), y + ty = v (z + tz)."""
    zero, one = torch.zeros_like(weights), torch.ones_like(weights)
    across, down = rays.unbind(-1)
    rows = torch.stack([torch.stack([one, zero, -across], -1), torch.stack([zero, one, -down], -1)], 2)
    right = rays * points[..., 2:] - points[..., :2]
    left = torch.einsum("bk,bkic,bkid->bcd", weights, rows, rows)
    # A keypoint or two alone do not say how far away somebody is.
    left = left + 1e-6 * torch.eye(3, dtype=left.dtype, device=left.device)
    return torch.linalg.solve(left, torch.einsum("bk,bkic,bki->bc", weights, rows, right))


def in_camera(rotations: Tensor, turn: Tensor) -> Tensor:
    """PosePrior's rotations (B, 24, 3, 3), the root's in the virtual camera's upright frame, with the root's in the
    photo's camera (OpenCV)."""
    root = turn.transpose(1, 2) @ (rotations.new_tensor([1.0, -1.0, -1.0])[:, None] * rotations[:, 0])
    return torch.cat([root[:, None], rotations[:, 1:]], 1)
