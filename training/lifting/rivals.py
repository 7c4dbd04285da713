"""Ways from 2D keypoints to 3D, side by side: each takes keypoints and the order of their depths, if it wants that, and
answers with keypoints in space in the camera's frame (OpenCV)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...inference.body.body_model import BodyModel
from ...inference.geometry.camera import Camera
from ...inference.networks.priors import PosePrior
from .convex import SparseLifting
from .dictionary import BASIS_FILE, PoseBasis
from .frames import body_keypoints, to_camera
from .ordinal import no_order
from .reconstruction import Reconstruction

Rival = Callable[[np.ndarray, Camera, np.ndarray, np.ndarray], np.ndarray]
"""(keypoints (B, 25, 3), camera, betas (B, S), order (B, 50)) → keypoints in space (B, 25, 3), of any size but for
PosePrior's, which are of the body with these betas."""


def pose_prior_rival(prior: PosePrior, model: BodyModel) -> Rival:
    """PosePrior on bodies of the given shapes."""

    def lift(keypoints: np.ndarray, camera: Camera, betas: np.ndarray, order: np.ndarray) -> np.ndarray:
        return body_keypoints(model, betas, prior(keypoints, camera).astype(np.float32))

    return lift


def sparse_rivals(folder: Path, sparsity: float) -> dict[str, Rival]:
    """Sparse lifting with the basis in `folder`: the convex problem alone, and with the alternation after it."""

    def rival(lifting: SparseLifting) -> Rival:
        return lambda keypoints, camera, betas, order: to_camera(*lifting.lift(keypoints, camera))

    refined = SparseLifting(PoseBasis.load(folder / BASIS_FILE), sparsity)
    return {"sparse convex lifting": rival(replace(refined, refine=False)), "… and alternation": rival(refined)}


def reconstruction_rivals(folder: Path) -> tuple[Rival, Rival]:
    """The reconstruction component in `folder`: without, and with the order of depths."""
    network = Reconstruction.of(folder / "weights.pt")

    def with_order(keypoints: np.ndarray, camera: Camera, betas: np.ndarray, order: np.ndarray) -> np.ndarray:
        return to_camera(*network.lift(keypoints, camera, order))

    def without(keypoints: np.ndarray, camera: Camera, betas: np.ndarray, order: np.ndarray) -> np.ndarray:
        return with_order(keypoints, camera, betas, no_order(len(keypoints)))

    return without, with_order
