"""What the rivals of PosePrior share with it: what they see, the frame they answer in, and how large a person is.

They see `pose_features`: keypoints of a virtual camera that looks straight at the person and has the trunk upright.
They answer with the 25 keypoints in space, in that camera's upright frame (x right, y up, z to the camera).
"""

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, keypoints_from_joints
from ..people.instances import Instances, skin_landmarks
from ..priors.bones import BONES

PELVIS = KEYPOINT_INDEX["pelvis"]
COUNT = len(KEYPOINT_NAMES)


def keypoints_in_space(made: Instances) -> np.ndarray:
    """The true keypoints (B, 25, 3) of synthetic people, metres, upright frame of `VIEW`."""
    return np.stack(keypoints_from_joints(made.joints, made.landmarks), -2)


def body_keypoints(model: BodyModel, betas: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Keypoints (B, 25, 3) of posed bodies, each of its own shape (B, S), in the frame of their roots' rotations."""
    joints, world = model.skeleton(betas, rotations)
    landmarks = skin_landmarks(model, betas, model.rest_joints(betas), joints, world)
    return np.stack(keypoints_from_joints(joints, landmarks), -2)


def mean_bone(points: np.ndarray) -> np.ndarray:
    """Mean length (B,) of the 27 `BONES` of keypoints (B, 25, 3): a size that a pose changes little."""
    return np.linalg.norm(points[:, BONES[:, 0]] - points[:, BONES[:, 1]], axis=-1).mean(1)


def about_pelvis(points: np.ndarray) -> np.ndarray:
    """Keypoints (B, 25, 3) with the pelvis at the origin."""
    return points - points[:, PELVIS : PELVIS + 1]


def split_features(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (B, 25, 2; y up) and confidences (B, 25) of features (B, 78) of `pose_features`."""
    keypoints = features[:, : 3 * COUNT].reshape(-1, COUNT, 3)
    return keypoints[..., :2], keypoints[..., 2]


def to_camera(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Answers (B, 25, 3) in the frame of the camera that was turned by `turn` (B, 3, 3): OpenCV's, y down."""
    return points @ CAMERA_FROM_SMPL.T @ turn
