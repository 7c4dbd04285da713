"""The temporal prior as an engine would use it: a `clip.Lift`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ....inference.clip import SeenClip, frame_by_frame
from ....inference.geometry.camera import Camera
from ....inference.networks.priors import PosePrior
from ....inference.networks.runtime import Network
from .windows import Film, about_camera, about_parents, steadied, turned


class TemporalLift:
    """Poses a clip by a temporal prior, an exported file or another function from windows' features to rotations."""

    def __init__(self, network: Path | Callable[[np.ndarray], np.ndarray]):
        self.network = network
        if isinstance(network, Path):
            opened = Network(network, "cpu", 1)
            self.network = lambda features: opened(features)[0]

    def __call__(self, prior: PosePrior, clip: SeenClip) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (F, 24, 3, 3) and uncertainty (F, 24), which stays that of PosePrior."""
        rotations, uncertainty = frame_by_frame(prior, clip)
        times = np.arange(len(rotations)) / clip.rate
        film = film_of(clip.keypoints, clip.camera, times, clip.known, rotations, uncertainty)
        turns = None if clip.camera_motion is None else clip.camera_motion.rotations
        if turns is not None:
            film = turned(film, turns.swapaxes(1, 2))
        found = steadied(film, self.network)
        found = found if turns is None else turns[:, None] @ found
        return about_parents(found), uncertainty


def film_of(
    keypoints: np.ndarray, camera: Camera, times: np.ndarray, known: np.ndarray, rotations: np.ndarray,
    uncertainty: np.ndarray,
) -> Film:  # fmt: skip
    """The film of keypoints (F, 25, 3; pixels and confidence) and of what PosePrior makes of each frame: rotations
    (F, 24, 3, 3) about the parents and their uncertainty (F, 24)."""
    rays = camera.rays(keypoints[..., :2])
    directions = np.concatenate([rays, np.ones_like(rays[..., :1])], -1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return Film(times, directions, keypoints[..., 2], about_camera(rotations), uncertainty, known)
