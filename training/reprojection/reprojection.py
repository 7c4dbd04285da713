"""From what Human2D saw to the body's projection, differentiably: priors, body model, camera, silhouette."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import keypoints_from_joints
from ..body.body_model import TorchBodyModel
from ..priors.networks import PosePrior, ShapePrior
from ..priors.rotations import six_d_to_matrix
from .detection import Detector
from .lifting import in_camera, pose_features, solve_translation
from .projection import project
from .seen import CELLS
from .silhouette.soft_silhouette import SoftSilhouette


class Projected(NamedTuple):
    """A batch of bodies in their photos' 64² maps (§4.3)."""

    cells: Tensor
    """(B, 25, 2) Ŵ: keypoints, in cells."""
    silhouette: Tensor
    """(B, 64, 64) Ŝ, 0–1."""
    in_front: Tensor
    """(B,) bool: the body stands in front of the camera; the others' projections mean nothing."""


class Reprojection(nn.Module):
    """The priors, and what turns their answer back into 2D (figure 1c of the paper)."""

    def __init__(self, pose: PosePrior, shape: ShapePrior, model: BodyModel, detector: Detector | None = None):
        super().__init__()
        self.pose, self.shape, self.body, self.detector = pose, shape, TorchBodyModel(model), detector
        self.silhouettes = SoftSilhouette(model.faces, CELLS, softness=0.0)

    def forward(self, seen: dict[str, Tensor]) -> Projected:
        """Project the bodies for `keypoints` (B, 25, 3) and `silhouette` (B, 64, 64), in photos with `focal` (B,) and
        `center` (B, 2), into the maps at `window` (B, 3), as `seen.SeenPhotos.take` gives them. With a detector, the
        first two are its answer to `crop` (B, 3, 256, 256)."""
        focal, center, window = (seen[name] for name in ("focal", "center", "window"))
        keypoints, silhouette = (
            self.detector(seen["crop"], window) if self.detector else (seen["keypoints"], seen["silhouette"])
        )
        features, turn = pose_features(keypoints, focal, center)
        rotations = in_camera(six_d_to_matrix(self.pose(features)[0]), turn)
        betas = self.shape(silhouette[:, None]).clamp(-3, 3)
        body = self.body(betas, rotations)
        landmarks = body.vertices[:, self.body.keypoint_vertices]
        points = torch.stack(keypoints_from_joints(body.joints, landmarks), -2)
        translation, in_front = solve_translation(points, keypoints, focal, center)
        translation = torch.where(in_front[:, None], translation, translation.new_tensor([0.0, 0.0, 5.0]))[:, None]
        origin, cell = window[:, None, :2], window[:, None, 2:]
        cells = (project(points + translation, focal, center) - origin) / cell
        outline = (project(body.vertices + translation, focal, center) - origin) / cell
        return Projected(cells, self.silhouettes(outline), in_front)
