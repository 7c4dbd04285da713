"""Triangles to pixels in numpy: which pixel centres a projected mesh covers, and what is nearest at each.

Pixel (0, 0) has its centre at (0, 0). A triangle is cut into spans, one for each row of pixel centres it crosses; an
edge that two triangles share is cut by the same arithmetic in both, so no pixel between them is missed.
"""

from dataclasses import dataclass

import numpy as np

NEAR_PLANE = 0.05
"""Metres. What comes closer to the camera than this is not drawn."""


@dataclass(frozen=True)
class Spans:
    """Runs of pixels, each of one triangle in one row: columns `start` ≤ x < `stop`. All (N,) int."""

    triangle: np.ndarray
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray


def project(vertices: np.ndarray, focal: float, center: np.ndarray) -> np.ndarray:
    """Camera-frame vertices (V, 3) to pixels (V, 2); those nearer than `NEAR_PLANE`, or not finite, become NaN."""
    vertices = np.asarray(vertices, np.float64)
    depth = np.where(vertices[:, 2:] > NEAR_PLANE, vertices[:, 2:], np.nan)
    pixels = vertices[:, :2] / depth * focal + np.asarray(center, np.float64)
    return np.where(np.abs(pixels) < 1e7, pixels, np.nan)


def spans_of(triangles: np.ndarray, width: int, height: int) -> Spans:
    """Cut triangles (T, 3, 2), in pixels, into spans within width × height. Triangles with NaN are left out."""
    index = np.flatnonzero(np.isfinite(triangles).all(axis=(1, 2)))
    x, y = triangles[index, :, 0], triangles[index, :, 1]
    order = np.lexsort((x, y), axis=1)
    top, middle, bottom = np.moveaxis(np.take_along_axis(triangles[index], order[..., None], axis=1), 1, 0)
    first = np.clip(np.ceil(top[:, 1]), 0, height).astype(int)
    last = np.clip(np.floor(bottom[:, 1]), -1, height - 1).astype(int)
    rows = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(index)), rows)
    row = first[owner] + np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows, rows)
    along = _crossing(top, bottom, owner, row)
    bent = np.where(row < middle[owner, 1], _crossing(top, middle, owner, row), _crossing(middle, bottom, owner, row))
    start = np.clip(np.ceil(np.minimum(along, bent)), 0, width).astype(int)
    stop = np.clip(np.floor(np.maximum(along, bent)) + 1, 0, width).astype(int)
    full = start < stop
    return Spans(index[owner[full]], row[full], start[full], stop[full])


def _crossing(upper: np.ndarray, lower: np.ndarray, owner: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The x at which edges upper → lower (T, 2) cross rows; for level edges the x of `upper`."""
    drop = lower[:, 1] - upper[:, 1]
    slope = np.divide(lower[:, 0] - upper[:, 0], drop, out=np.zeros_like(drop), where=drop > 0)
    return upper[owner, 0] + (row - upper[owner, 1]) * slope[owner]


def coverage(spans: Spans, width: int, height: int) -> np.ndarray:
    """(height, width) bool: the pixels whose centre any span holds."""
    change = np.zeros((height, width + 1), np.int16)
    np.add.at(change, (spans.row, spans.start), 1)
    np.subtract.at(change, (spans.row, spans.stop), 1)
    return np.cumsum(change, axis=1, dtype=np.int16, out=change)[:, :width] > 0


def paint(spans: Spans, triangles: np.ndarray, values: np.ndarray, depth: np.ndarray, canvas: np.ndarray) -> None:
    """Write values (T, 3), one for each corner of triangles (T, 3, 2), into a float canvas (H, W), nearest on top.

    Painter's algorithm: spans are written from far to near by the `depth` (T,) of their triangle, which is exact enough
    for the millimetre triangles of a body. Between the corners values are linear.
    """
    far_to_near = np.argsort(-depth[spans.triangle], kind="stable")
    triangle, row = spans.triangle[far_to_near], spans.row[far_to_near]
    start, stop = spans.start[far_to_near], spans.stop[far_to_near]
    gradient, origin = _planes(triangles, values)
    length = stop - start
    column = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length - start, length)
    left = origin[triangle] + gradient[triangle, 1] * row
    # Of several writes to one pixel numpy keeps the last.
    canvas[np.repeat(row, length), column] = np.repeat(left, length) + np.repeat(gradient[triangle, 0], length) * column


def _planes(triangles: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each triangle's values as gradient (T, 2) · pixel + origin (T,); slivers are flat at their mean."""
    edges = triangles[:, 1:] - triangles[:, :1]
    rise = values[:, 1:] - values[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    thin = ~(np.abs(area) > 1e-3)
    area = np.where(thin, 1.0, area)
    across = (rise[:, 0] * edges[:, 1, 1] - rise[:, 1] * edges[:, 0, 1]) / area
    down = (rise[:, 1] * edges[:, 0, 0] - rise[:, 0] * edges[:, 1, 0]) / area
    gradient = np.where(thin[:, None], 0.0, np.stack([across, down], -1))
    origin = np.where(thin, values.mean(1), values[:, 0] - (gradient * triangles[:, 0]).sum(-1))
    return gradient, origin
