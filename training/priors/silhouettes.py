"""Silhouettes of posed bodies, 64×64, as Human2D would draw them: clean, and corrupted.

Drawing is by points: vertices and triangle centres are a centimetre or two apart, closer than a cell of the double-size
grid they are dropped on; a morphological closing fills what is left, and averaging 2×2 cells gives soft edges.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.body.body_model import BodyModel
from ...inference.networks.crop import CROP_SIZE, FRAMING, HEATMAP_STRIDE
from ..people.instances import VIEW, Instances

CELLS = CROP_SIZE // HEATMAP_STRIDE
_FINE = 2
_CLOSING = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class SilhouetteCorruption:
    """Shares of silhouettes that each thing goes wrong with."""

    dressed: float = 0.45
    """Clothes: a band of the body is wider."""
    eroded: float = 0.1
    """Narrower all round; never of those that are dressed."""
    erased: float = 0.21
    """A box is missing."""
    added: float = 0.09
    """A box is there that is not the person; never where one is missing."""
    ragged: float = 0.6
    """Blurred, with edges that are ragged and in doubt."""


CORRUPTION = SilhouetteCorruption()
"""What ShapePrior is trained on."""


def project_bodies(model: BodyModel, instances: Instances) -> np.ndarray:
    """Vertices (B, V, 2) in pixels of `VIEW`."""
    vertices = model.pose(instances.betas, instances.rotations, instances.transl).vertices
    return VIEW.project(vertices @ CAMERA_FROM_SMPL.astype(np.float32).T)


def draw_silhouette(points: np.ndarray, faces: np.ndarray, left_top: np.ndarray, side: float) -> np.ndarray:
    """Silhouette (64, 64) float32 in 0–1 of projected vertices (V, 2) in the square window at `left_top` (2,)."""
    grid = CELLS * _FINE
    left_top = np.asarray(left_top, np.float32)[:, None]
    planar = (points.T - left_top) * np.float32(grid / side)
    a, b, c = (planar.take(corner, 1) for corner in faces.T)
    x, y = np.concatenate([planar, (a + b + c) * np.float32(1 / 3)], 1).astype(np.int32)
    inside = (x >= 0) & (x < grid) & (y >= 0) & (y < grid)
    drawn = np.zeros((grid, grid), np.uint8)
    drawn[y[inside], x[inside]] = 255
    drawn = cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, _CLOSING)
    # A cell counts as soon as one point falls in it, which widens the body by half a cell all round; the mean with the
    # silhouette that is one cell narrower takes that off again.
    drawn = cv2.addWeighted(drawn, 0.5, cv2.erode(drawn, _CLOSING), 0.5, 0)
    return cv2.resize(drawn, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def framed_silhouettes(
    points: np.ndarray, faces: np.ndarray, rng: np.random.Generator, jitter: float = 1.0
) -> np.ndarray:
    """Silhouettes (B, 1, 64, 64), each in the crop that inference would cut, shaken by up to `jitter` times what the
    box of a real detection varies."""
    result = np.empty((len(points), 1, CELLS, CELLS), np.float32)
    planar = np.ascontiguousarray(points.transpose(0, 2, 1), np.float32)
    for body, (low, high) in enumerate(zip(planar.min(2), planar.max(2), strict=True)):
        side = FRAMING * (high - low).max() * np.exp(jitter * rng.uniform(-0.12, 0.12))
        center = (low + high) / 2 + jitter * rng.uniform(-0.05, 0.05, 2) * side
        result[body, 0] = draw_silhouette(planar[body].T, faces, center - side / 2, side)
    return result


def corrupt_silhouettes(
    silhouettes: np.ndarray, rng: np.random.Generator, options: SilhouetteCorruption = CORRUPTION
) -> np.ndarray:
    """Silhouettes (B, 1, 64, 64) with what goes wrong with real ones."""
    result = silhouettes.copy()
    for image in result[:, 0]:
        kind = rng.random()
        if kind < options.dressed:
            image[:] = _dressed(image, rng)
        elif kind < options.dressed + options.eroded:
            image[:] = cv2.erode(image, _CLOSING)
        kind = rng.random()
        if kind < options.erased + options.added:
            _fill_box(image, 0.0 if kind < options.erased else 1.0, rng)
        if rng.random() < options.ragged:
            ragged = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), rng.uniform(0.7, 2))
            soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.3))
            image[:] = np.clip((soft - 0.5) * rng.uniform(1.5, 4) + 0.5 + ragged * rng.uniform(0, 1.2), 0, 1)
    return result


def partly_corrupted(
    silhouettes: np.ndarray, rng: np.random.Generator, clean: float, options: SilhouetteCorruption = CORRUPTION
) -> np.ndarray:
    """Silhouettes (B, 1, 64, 64) to learn from: a share `clean` as they are, the others corrupted."""
    corrupted = corrupt_silhouettes(silhouettes, rng, options)
    return np.where(rng.random((len(silhouettes), 1, 1, 1)) < clean, silhouettes, corrupted)


def _dressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Loose clothes widen a band of the body (a skirt, a coat) more than its ends."""
    wide = cv2.dilate(image, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)), iterations=int(rng.integers(1, 3)))
    rows = np.arange(CELLS)
    middle, reach = rng.uniform(15, 50), rng.uniform(6, 40)
    share = (1 / (1 + np.exp((np.abs(rows - middle) - reach) / 2)))[:, None].astype(np.float32)
    return image * (1 - share) + wide * share


def _fill_box(image: np.ndarray, value: float, rng: np.random.Generator) -> None:
    width, height = rng.integers(4, 18, 2)
    x, y = rng.integers(0, CELLS - width), rng.integers(0, CELLS - height)
    image[y : y + height, x : x + width] = value
