"""Ways to show keypoints to PosePrior, to be compared. Each takes keypoints (B, 25, 3; pixels and confidence) and their
camera, and returns features (B, 78) float32 and the turns (B, 3, 3) from the camera's frame to the one that the answer
is to be in, as `inference.pose_features` does.

All fill the features up with zeros to the same number, so that the same network learns from each.
"""

from collections.abc import Callable

import numpy as np

from ....inference.geometry.camera import Camera
from ....inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES
from ....inference.networks.pose_features import FEATURE_COUNT, SEEN, pose_features, rotation_to_upright

_PLACES = len(KEYPOINT_NAMES) * 3
_ROOT = KEYPOINT_INDEX["pelvis"]


def crop_coordinates(keypoints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The paper's (§4.2, as METHOD closes it): about the pelvis, which must be seen, over the largest |x| or |y|, with
    confidences. Where in the photo the person stands does not show."""
    confidence = np.where(keypoints[..., 2:] < SEEN, 0, keypoints[..., 2:])
    places = (keypoints[..., :2] - keypoints[:, _ROOT : _ROOT + 1, :2]) * [1, -1] * (confidence > 0)
    places = places / np.maximum(np.abs(places).max((1, 2), keepdims=True), 1e-6)
    features = np.concatenate([places, confidence], -1).reshape(len(keypoints), _PLACES)
    return _filled(features), np.tile(np.eye(3), (len(keypoints), 1, 1))


def crop_and_box(keypoints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The same and the box of the seen keypoints: its middle from the picture's and its longer side, over the focal
    length (CLIFF, Li et al. 2022, equation 7)."""
    features, turn = crop_coordinates(keypoints, camera)
    rays, seen = camera.rays(keypoints[..., :2]), keypoints[..., 2:] >= SEEN
    low, high = np.where(seen, rays, np.inf).min(1), np.where(seen, rays, -np.inf).max(1)
    features[:, _PLACES : _PLACES + 2] = (low + high) / 2 * [1, -1]
    features[:, _PLACES + 2] = (high - low).max(1)
    return features, turn


def virtual_camera(keypoints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Ours without the roll: a camera that looks straight at the person, and how near they are."""
    features, turn = pose_features(keypoints, camera)
    roll = rotation_to_upright(features[:, -2:].astype(float))
    places = features[:, :_PLACES].reshape(len(keypoints), -1, 3)
    upwards = places[..., :2] * [1, -1] @ roll[:, :2, :2] * [1, -1]
    unrolled = np.concatenate([upwards, places[..., 2:]], -1).reshape(len(keypoints), _PLACES)
    nearness = features[:, _PLACES : _PLACES + 1]
    return _filled(np.concatenate([unrolled, nearness], 1)), roll.transpose(0, 2, 1) @ turn


def _filled(features: np.ndarray) -> np.ndarray:
    zeros = np.zeros((len(features), FEATURE_COUNT - features.shape[1]))
    return np.concatenate([features, zeros], 1).astype(np.float32)


INPUTS: dict[str, Callable] = {
    "crop": crop_coordinates,
    "crop and box": crop_and_box,
    "virtual camera": virtual_camera,
    "rolled virtual camera": pose_features,
}
"""The last is what ships."""
