"""Shadows that people cast on a level ground under them."""

import cv2
import numpy as np

from .rasterizer import draw_nearness
from .scene import Scene

COARSE = 2
"""Pixels of the picture to one of the shadow: it is soft anyway."""
LOWEST_SUN = 0.25
"""Height over distance of a sun below which the shadow would leave the picture; the sky's own is drawn then."""
LOWEST_CAMERA = 0.3
"""Metres above the ground."""


def ground_shadow(scene: Scene, sun: np.ndarray, size: int) -> np.ndarray:
    """(size, size) float32, 0 in the light and 1 where people hide the sun, `sun` (3,) in the camera's frame.

    All 0 where the camera is not above the ground.
    """
    up, camera = scene.camera_from_world[:, 1], scene.camera
    dark = np.zeros((size // COARSE, size // COARSE), np.float32)
    rise = sun if sun @ up > LOWEST_SUN else up
    for figure in scene.figures:
        body = figure.parts[0]
        height = body.vertices @ up
        if height.min() > -LOWEST_CAMERA:
            continue
        fallen = body.vertices - np.outer((height - height.min()) / (rise @ up), rise)
        depth = np.maximum(fallen[:, 2:], 0.1)
        pixels = (fallen[:, :2] / depth * camera.focal + camera.center + 0.5) / COARSE - 0.5
        screen = np.column_stack([pixels, fallen[:, 2] > 0.1]).astype(np.float32)
        draw_nearness(screen, body.faces, np.ones(len(screen), np.float32), dark)
    softness = 0.012 * size / COARSE
    return cv2.resize(cv2.GaussianBlur(dark, (0, 0), softness), (size, size), interpolation=cv2.INTER_LINEAR)
