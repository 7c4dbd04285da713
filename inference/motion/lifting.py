"""How the frames of a clip are posed: each by itself, or by a network that sees a second and a half of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..geometry.camera import Camera
from ..networks.priors import PosePrior
from ..networks.runtime import Network
from .camera_motion import CameraMotion
from .smoothing import fill_gaps, fill_rotation_gaps
from .windows import Film, about_camera, about_parents, steadied, turned


@dataclass(frozen=True)
class SeenClip:
    """What is known of F frames before they are posed: `keypoints` (F, 25, 3) where the person is `known` (F,), the
    camera, how it turned (None: it did not, or nobody knows) and frames a second."""

    keypoints: np.ndarray
    known: np.ndarray
    camera: Camera
    camera_motion: CameraMotion | None
    rate: float


Lift = Callable[[PosePrior, SeenClip], tuple[np.ndarray, np.ndarray]]
"""Poses a clip: rotations (F, 24, 3, 3), the root's in each frame's camera, and uncertainty (F, 24) in degrees."""


def frame_by_frame(prior: PosePrior, clip: SeenClip) -> tuple[np.ndarray, np.ndarray]:
    """The `Lift` by which each frame is posed by its own keypoints; those without a person lie between others."""
    known, rotations = clip.known, np.zeros((len(clip.known), 24, 3, 3))
    rotations[known], uncertainty = prior.with_uncertainty(clip.keypoints[known], clip.camera)
    return fill_rotation_gaps(rotations, known), fill_gaps(spread(list(uncertainty), known), known)


SLOWEST = 5.0
"""Frames a second below which frames tell nothing of each other's poses."""


class TemporalPrior:
    """The `Lift` by which PosePrior's answers are put right by those around them: windows of 1.6 s go through a network
    of dilated convolutions. `network` is another file than the one that ships, or a function from windows' features to
    rotations."""

    def __init__(self, network: Path | Callable[[np.ndarray], np.ndarray] | None = None):
        self.network = network
        if not callable(network):
            opened = Network(network or "temporal_prior", "cpu", 1)
            self.network = lambda features: opened(features)[0]

    def __call__(self, prior: PosePrior, clip: SeenClip) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (F, 24, 3, 3) and uncertainty (F, 24), which stays that of PosePrior."""
        rotations, uncertainty = frame_by_frame(prior, clip)
        if clip.rate < SLOWEST:
            return rotations, uncertainty
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


def spread(values: list[np.ndarray], known: np.ndarray) -> np.ndarray:
    """The known frames' arrays at their places among all frames; zeros elsewhere."""
    spread = np.zeros((len(known), *values[0].shape))
    spread[known] = values
    return spread
