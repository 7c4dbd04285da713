"""The photo's camera: focal length, projection, and where in front of it a posed body stands.

The paper predicts no camera. Ours is a pinhole whose focal length comes from the photo's EXIF data, else from the
user's field of view, else it is √(W² + H²), about 53° across the diagonal; the body's place follows by least squares.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """`focal` in pixels, `center` (2,) in pixels, `size` (width, height). OpenCV's frame: x right, y down, z
    forward."""

    focal: float
    center: np.ndarray
    size: tuple[int, int]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in metres as pixels (..., 2)."""
        depth = np.maximum(points[..., 2:], 1e-6)
        return points[..., :2] / depth * self.focal + self.center

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) as points (..., 2) of the plane at depth 1."""
        return (pixels - self.center) / self.focal


def choose_camera(size: tuple[int, int], exif_focal: float | None = None, field_of_view: float | None = None) -> Camera:
    """The camera of a photo of `size` (width, height). `field_of_view` in degrees, across the longer side, is the
    user's word and overrides EXIF."""
    width, height = size
    if field_of_view is not None:
        focal = max(width, height) / 2 / np.tan(np.deg2rad(field_of_view) / 2)
    elif exif_focal:
        focal = exif_focal
    else:
        focal = np.hypot(width, height)
    return Camera(float(focal), np.array([(width - 1) / 2, (height - 1) / 2]), (int(width), int(height)))


ROBUST_ROUNDS = 4
ROBUST_SCALE = 0.1
"""Residuals beyond this share of the body's size in the picture count less and less (Geman-McClure)."""


def solve_translation(points: np.ndarray, pixels: np.ndarray, weights: np.ndarray, camera: Camera) -> np.ndarray:
    """Where points (N, 3) must be moved, (3,) in metres, so that they project to pixels (N, 2).

    Each pixel gives two equations linear in the translation: x + tx = u (z + tz). Weighted least squares, reweighted a
    few times so that a misplaced wrist does not move the body.
    """
    rays = camera.rays(pixels)
    seen = weights > 0
    size = np.maximum(np.sqrt(np.average(((rays - np.average(rays, 0, weights)) ** 2).sum(1), weights=weights)), 1e-6)
    robust = np.ones(len(points))
    translation = np.zeros(3)
    for _ in range(ROBUST_ROUNDS):
        root = np.sqrt(weights * robust)[:, None]
        rows = np.zeros((len(points), 2, 3))
        rows[:, 0, 0] = rows[:, 1, 1] = 1
        rows[:, :, 2] = -rays
        right = rays * points[:, 2:] - points[:, :2]
        matrix, vector = (rows * root[..., None]).reshape(-1, 3), (right * root).reshape(-1)
        translation = np.linalg.lstsq(matrix, vector, rcond=None)[0]
        moved = points + translation
        if moved[seen, 2].min() <= 0.05:
            break
        residual = np.linalg.norm(moved[:, :2] / np.maximum(moved[:, 2:], 0.05) - rays, axis=1) / (size * ROBUST_SCALE)
        robust = 1 / (1 + residual**2) ** 2
    nearest = points[seen, 2].min() + translation[2]
    if nearest <= 0.2:
        # Noise alone can put a body behind the camera. It is kept in front, on the ray that the pixels point along.
        depth = 1.0 - points[seen, 2].min()
        translation = np.array([*(np.average(rays, 0, weights) * depth), depth])
    return translation
