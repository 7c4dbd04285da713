"""A silhouette brought to the edges of its picture: the fast guided filter (He, Sun and Tang, "Guided Image Filtering",
PAMI 2013; He and Sun 2015).

Human2D's silhouette is coarse: 32 or 64 cells over a crop. In each neighbourhood of cells, the linear function of their
colours that comes nearest to it is found; applied to the pixels, it puts the silhouette's edge where the picture has
one.
"""

import cv2
import numpy as np

RADIUS = 2
"""Half the side of a neighbourhood, cells."""
SMOOTHNESS = 3e-5
"""Variance of colours, of 0–1, below which there is no edge. This and the radius were chosen on held-back training
pictures, where the silhouettes of fashion photos overlap .873 with people's masks, and .846 without the filter
(`ablate-human2d`)."""
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Of the colours, whose products are taken."""


def sharpened(silhouette: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Silhouette (h, w) of probabilities at the size of its picture (H, W, 3) uint8, float32 in 0–1."""
    size = picture.shape[1::-1]
    cells = cv2.resize(picture, silhouette.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float64) / 255
    colours, silhouette = [cells[..., channel] for channel in range(3)], silhouette.astype(np.float64)
    pairs = [colours[first] * colours[second] for first, second in PAIRS]
    means = cv2.split(_mean(np.dstack([silhouette, *colours, *(silhouette * one for one in colours), *pairs])))
    mean, colours = means[0], means[1:4]
    together = [both - mean * one for both, one in zip(means[4:7], colours, strict=True)]
    covariances = [own - colours[a] * colours[b] + SMOOTHNESS * (a == b)
                   for own, (a, b) in zip(means[7:], PAIRS, strict=True)]  # fmt: skip
    slopes = _solved(covariances, together)
    offset = mean - sum(slope * one for slope, one in zip(slopes, colours, strict=True))
    *slopes, offset = (cv2.resize(_mean(one).astype(np.float32), size) for one in (*slopes, offset))
    channels = (channel * np.float32(1 / 255) for channel in cv2.split(picture))
    return sum((slope * channel for slope, channel in zip(slopes, channels, strict=True)), offset).clip(0, 1)


def _solved(covariances: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
    """The solutions (3 of (h, w)) of symmetric systems of three unknowns, whose entries are in the order of `PAIRS`, by
    Cramer's rule: numpy's solver takes ten times as long for so many small ones."""
    xx, xy, xz, yy, yz, zz = covariances
    adjugate = [yy * zz - yz**2, xz * yz - xy * zz, xy * yz - xz * yy, xx * zz - xz**2, xy * xz - xx * yz,
                xx * yy - xy**2]  # fmt: skip
    size = xx * adjugate[0] + xy * adjugate[1] + xz * adjugate[2]
    rows = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
    return [sum(adjugate[entry] * one for entry, one in zip(row, right, strict=True)) / size for row in rows]


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of (h, w[, C]) over each cell's neighbourhood."""
    return cv2.blur(values, (2 * RADIUS + 1, 2 * RADIUS + 1))
