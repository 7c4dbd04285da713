"""What PosePrior sees: keypoints as rays of a camera that looks straight at the person and has the trunk upright.

A person at the edge of a wide photo is seen from the side, though the crop does not show it; and a person upside down
is the same person in a camera held upside down. Turning a virtual camera at the person, and rolling it until the trunk
points up, takes both away exactly, so the network need not learn them (the paper feeds crop coordinates, §4.2); its
answer is turned back afterwards. Training and inference share these functions.
"""

import numpy as np

from ..geometry.camera import Camera
from ..geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, MPII_COUNT

FEATURE_COUNT = len(KEYPOINT_NAMES) * 3 + 3
SEEN = 0.02
"""Confidence below which a keypoint counts as not seen at all: where it is said to be then means nothing."""

HIPS = [KEYPOINT_INDEX[name] for name in ("right_hip", "left_hip", "pelvis")]
SHOULDERS = [KEYPOINT_INDEX[name] for name in ("right_shoulder", "left_shoulder", "thorax", "upper_neck")]


def rotation_to_forward(rays: np.ndarray) -> np.ndarray:
    """Smallest rotations (B, 3, 3) that take directions (x, y, 1) of `rays` (B, 2) to the optical axis (0, 0, 1)."""
    return turn_to_axis(np.concatenate([rays, np.ones((len(rays), 1))], 1))


def turn_to_axis(directions: np.ndarray) -> np.ndarray:
    """Smallest rotations (B, 3, 3) that take `directions` (B, 3) to the optical axis (0, 0, 1); not of its opposite."""
    x, y, z = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T
    share = 1 / (1 + z)
    rows = [[1 - x * x * share, -x * y * share, -x], [-x * y * share, 1 - y * y * share, -y], [x, y, z]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def trunk_direction(plane: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Unit vectors (B, 2) from hips to shoulders among keypoints `plane` (B, K, 2; y down) of `confidence` (B, K, 1);
    straight up where either is not seen, or both lie on one spot."""
    ends, seen = [], []
    for part in (HIPS, SHOULDERS):
        weight = confidence[:, part]
        ends.append((plane[:, part] * weight).sum(1) / np.maximum(weight.sum(1), 1e-6))
        seen.append(weight.sum((1, 2)) > 0)
    trunk = ends[1] - ends[0]
    length = np.linalg.norm(trunk, axis=1)
    known = seen[0] & seen[1] & (length > 1e-6)
    return np.where(known[:, None], trunk / np.maximum(length, 1e-6)[:, None], [0.0, -1.0])


def rotation_to_upright(trunk: np.ndarray) -> np.ndarray:
    """Rotations (B, 3, 3) about the optical axis that take directions `trunk` (B, 2; y down) to straight up."""
    x, y = trunk.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = [[-y, x, zero], [-x, -y, zero], [zero, zero, one]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def pose_features(keypoints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Features (B, 78) float32 of keypoints (B, 25, 3; pixels and confidence), and the turns (B, 3, 3) to the virtual
    camera.

    Per keypoint x, y (upwards) over the spread of the seen keypoints, and the confidence; keypoints that are not seen
    are all zero. Then comes the logarithm of the spread as an angle: how near the person is, hence how strong the
    perspective; and last where the trunk pointed before the camera was rolled, which tells where the ground is. Centre
    and spread are those of MPII's keypoints, so that a list without the other nine gives the same numbers.
    """
    confidence = np.where(keypoints[..., 2:] < SEEN, 0, keypoints[..., 2:])
    weight = confidence * (np.arange(keypoints.shape[1]) < MPII_COUNT)[:, None]
    weight = weight / np.maximum(weight.sum(1, keepdims=True), 1e-6)
    rays = camera.rays(keypoints[..., :2])
    turn = rotation_to_forward((rays * weight).sum(1))
    spatial = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ turn.transpose(0, 2, 1)
    plane = spatial[..., :2] / np.maximum(spatial[..., 2:], 1e-3)
    plane = plane - (plane * weight).sum(1, keepdims=True)
    trunk = trunk_direction(plane, confidence)
    roll = rotation_to_upright(trunk)
    plane = plane @ roll[:, :2, :2].transpose(0, 2, 1)
    spread = np.sqrt(((plane**2) * weight).sum((1, 2), keepdims=True)) + 1e-6
    plane = plane / spread * [1, -1] * (confidence > 0)
    features = np.concatenate([plane, confidence], -1).reshape(len(keypoints), -1)
    return np.concatenate([features, np.log(spread[:, :, 0]), trunk], 1).astype(np.float32), roll @ turn
