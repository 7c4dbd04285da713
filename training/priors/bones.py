"""What PosePrior is told about bones, so that it need not learn it: how foreshortened each is in the picture. A
layer of the network, and part of the exported file."""

import numpy as np
import torch
from torch import nn

from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, keypoints_from_joints

_TRUNK = (
    ("pelvis", "thorax"), ("thorax", "upper_neck"), ("upper_neck", "head_top"), ("right_hip", "left_hip"),
    ("right_shoulder", "left_shoulder"),
)  # fmt: skip
_LIMBS = (
    ("pelvis", "{}_hip"), ("thorax", "{}_shoulder"), ("{}_hip", "{}_shoulder"), ("{}_hip", "{}_knee"),
    ("{}_knee", "{}_ankle"), ("{}_ankle", "{}_heel"), ("{}_ankle", "{}_big_toe"), ("{}_heel", "{}_big_toe"),
    ("{}_shoulder", "{}_elbow"), ("{}_elbow", "{}_wrist"), ("{}_wrist", "{}_knuckles"),
)  # fmt: skip
BONES = np.array(
    [[KEYPOINT_INDEX[end] for end in bone] for bone in _TRUNK]
    + [[KEYPOINT_INDEX[end.format(side)] for end in bone] for side in ("left", "right") for bone in _LIMBS]
)
"""(27, 2): pairs of keypoints whose distance a pose changes little."""
LONGEST = 4
"""So many bones, those that look longest for their length, are taken to lie in the picture's plane."""


def rest_keypoints(model: BodyModel) -> np.ndarray:
    """The keypoints (25, 3) of the average body in the T-pose, metres."""
    average = np.zeros((1, model.shapedirs.shape[2]), np.float32)
    landmarks = model.rest_vertices(average)[:, model.keypoint_vertices]
    return np.stack(keypoints_from_joints(model.rest_joints(average), landmarks), -2)[0]


def bone_lengths(model: BodyModel) -> np.ndarray:
    """Metres (27,) between the ends of `BONES` in the average body's T-pose."""
    points = rest_keypoints(model)
    return np.linalg.norm(points[BONES[:, 0]] - points[BONES[:, 1]], axis=1)


class Foreshortening(nn.Module):
    """Features (B, 78) of `inference.pose_features` → (B, 187): themselves, and for each of the 27 bones its vector in
    the picture, its length there over its own (against that of the longest such), the depth between its ends that this
    would mean, in bone lengths and without a sign; and the longest such. Bones of which an end is not seen are zero.
    """

    added = 4 * len(BONES) + 1
    """Features more than there were."""

    def __init__(self):
        super().__init__()
        self.register_buffer("lengths", torch.from_numpy(bone_lengths(BodyModel.load())).float())

    def forward(self, features):
        keypoints = features[:, : 3 * len(KEYPOINT_NAMES)].unflatten(1, (-1, 3))
        near, far = keypoints[:, BONES[:, 0]], keypoints[:, BONES[:, 1]]
        seen = ((near[..., 2] > 0) & (far[..., 2] > 0)).to(features.dtype)
        bones = (near[..., :2] - far[..., :2]) * seen[..., None]
        ratio = (bones**2).sum(-1).clamp_min(1e-8).sqrt() / self.lengths * seen
        scale = ratio.topk(LONGEST, 1).values.mean(1, keepdim=True).clamp_min(1e-3)
        ratio = (ratio / scale).clamp(0, 2)
        depth = (1 - ratio**2).clamp_min(0).sqrt() * seen
        return torch.cat([features, bones.flatten(1), ratio, depth, scale], 1)
