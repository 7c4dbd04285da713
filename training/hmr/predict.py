"""HMR's answer to a photo: pixels of one crop to a body before the photo's camera."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ...inference.body.body_model import BodyModel
from ...inference.geometry.camera import Camera
from ...inference.networks.crop import Crop
from ...inference.networks.pose_features import rotation_to_forward
from ..reprojection.lifting import in_camera
from .encoder import encode, open_encoder
from .regressor import BodyKeypoints, Regressor, read_parameters


class Answer(NamedTuple):
    """`rotations` (24, 3, 3), the root's in the camera's OpenCV frame; `betas` (10,); `keypoints` (25, 3), where HMR's
    own camera puts the body in the photo, pixels, all of confidence 1."""

    rotations: np.ndarray
    betas: np.ndarray
    keypoints: np.ndarray


class HMR:
    """A run's network. Its weak-perspective camera looks straight at the crop, so a person at the photo's edge is
    turned by the angle at which the photo's camera sees them."""

    def __init__(self, folder: Path, body: BodyModel, threads: int = 1):
        self.encoder = open_encoder(folder, threads)
        self.regressor = Regressor.of(folder / "weights.pt")
        self.keypoints = BodyKeypoints(body)

    @torch.no_grad()
    def __call__(self, photo: np.ndarray, window: Crop, camera: Camera) -> Answer:
        """The body of the person whom an upright `window` of a photo (H, W, 3) uint8 RGB frames."""
        features = encode(self.encoder, window.cut(photo)[None])
        body = read_parameters(self.regressor(torch.from_numpy(features))[-1])
        seen = body.project(self.keypoints(body))[0].double().numpy()
        places = window.to_photo((seen + 1) * window.size / 2 - 0.5)
        turn = rotation_to_forward(camera.rays(window.center)[None])
        rotations = in_camera(body.rotations, torch.from_numpy(turn).float())
        keypoints = np.column_stack([places, np.ones(len(places))])
        return Answer(rotations[0].numpy(), body.betas[0].numpy(), keypoints)
