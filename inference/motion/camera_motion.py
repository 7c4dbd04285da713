"""How a film's camera turns and moves: what the background tells of it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CameraMotion:
    """`rotations` (F, 3, 3) take directions of the first frame's camera to each frame's, both OpenCV's. `moves` when
    the camera changes its place, too: by how much, only the feet of somebody who stands can tell."""

    rotations: np.ndarray
    moves: bool = False
