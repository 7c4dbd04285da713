"""PosePrior and ShapePrior at inference (Pavlakos et al. 2018, §4.2): 2D evidence to rotations and betas."""

from pathlib import Path

import numpy as np

from ..body.body_estimate import CAMERA_FROM_SMPL
from ..geometry.camera import Camera
from ..geometry.rotations import six_d_to_matrix
from .pose_features import pose_features
from .runtime import Network

POSE_WEIGHTS = {"photos": "pose_prior", "mocap": "pose_prior_mocap"}
"""PosePrior's two sets of weights: finetuned on photos, better on photos, for research; and before that, from motion
capture alone, free for any use."""


BETAS = 10


class PosePrior:
    """Keypoints to the 24 joints' rotations. `file` is another network than the one that ships."""

    def __init__(self, device: str = "auto", threads: int | None = None, file: Path | None = None):
        self.network = Network(file or POSE_WEIGHTS["photos"], device, threads)

    def __call__(self, keypoints: np.ndarray, camera: Camera) -> np.ndarray:
        """Rotations (B, 24, 3, 3) for keypoints (B, 25, 3) in pixels; the root's in the camera's OpenCV frame."""
        return self.with_uncertainty(keypoints, camera)[0]

    def with_uncertainty(self, keypoints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """The same rotations, and the angle (B, 24) in degrees by which each is likely to be off: the mean over people
        who look like this. The root's is about the camera's frame, others' about their parents'."""
        features, turn = pose_features(keypoints, camera)
        six_d, uncertainty = self.network(features)
        rotations = six_d_to_matrix(six_d.astype(np.float64))
        # The network answers in the upright frame of a virtual camera that looks straight at the person.
        rotations[:, 0] = turn.transpose(0, 2, 1) @ CAMERA_FROM_SMPL @ rotations[:, 0]
        return rotations, uncertainty


def shape_prior_file(body_model: Path) -> Path:
    """Where the ShapePrior of a licensed SMPL file is looked for, and written by its training: next to it."""
    return body_model.with_name(body_model.stem + "_shape_prior.onnx")


class ShapePrior:
    """Silhouettes to betas of one body model, whose hash the weights carry.

    For a licensed SMPL file `body_model` it is the network next to it, if there is one; else the one that ships. `file`
    is another network than either.
    """

    def __init__(
        self, device: str = "auto", threads: int | None = None, body_model: Path | None = None, file: Path | None = None
    ):
        own = shape_prior_file(Path(body_model)) if body_model else None
        self.network = Network(file or (own if own and own.exists() else "shape_prior"), device, threads)

    @property
    def body_model(self) -> str:
        """Hash of the body model that the betas belong to."""
        return self.network.metadata.get("body_model", "")

    def __call__(self, silhouettes: np.ndarray) -> np.ndarray:
        """Betas (B, 10) for silhouettes (B, 64, 64) in 0–1. Raises UserError when the network, which may be a user's
        own, is none for that."""
        betas = self.network(silhouettes[:, None])[0]
        if betas.shape != (len(silhouettes), BETAS) or not np.isfinite(betas).all():
            raise self.network.refusal("gives no shape coefficients")
        return betas.clip(-3, 3)
