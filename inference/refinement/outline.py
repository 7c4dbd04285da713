"""The silhouette's outline, as something that a body can be pulled to: numpy alone, so that it runs in Blender too."""

from dataclasses import dataclass

import numpy as np

MOST_POINTS = 160
SLACK = 0.04
"""Metres that a contour point and its rim vertex may lie apart along the contour: the vertices' spacing."""
TURN = 0.15
"""Metres that a rim vertex counts as farther off when its normal is at right angles to the contour's."""


@dataclass(frozen=True)
class Outline:
    """A silhouette (H, W) of probabilities in the photo: a grid whose cell (0, 0) lies at `origin`, `cell` pixels
    apart."""

    points: np.ndarray
    """(C, 2) pixels of the photo: where the silhouette ends, but for where the photo itself ends."""
    normals: np.ndarray
    """(C, 2) unit, outwards."""
    distance: np.ndarray
    """(H, W) pixels from each cell outside the silhouette to the nearest cell in it; 0 inside."""
    origin: np.ndarray
    cell: float
    size: tuple[int, int]
    """(width, height) of the photo."""

    @classmethod
    def of(cls, silhouette: np.ndarray, origin: np.ndarray, cell: float, size: tuple[int, int]) -> "Outline | None":
        """From a silhouette (H, W) whose cell (0, 0) is the pixel `origin` (2,), cells `cell` pixels apart. None where
        nothing is seen."""
        cells, normals = _crossings(silhouette.astype(np.float64))
        if len(cells) < 8:
            return None
        photo = cells * cell + origin
        edge = 1.5 * cell
        whole = ((photo > edge) & (photo < np.array(size) - 1 - edge)).all(1)
        stride = max(1, -(-int(whole.sum()) // MOST_POINTS))
        distance = _distance_to(cells, silhouette) * cell
        return cls(photo[whole][::stride], normals[whole][::stride], distance, origin, float(cell), size)

    def outside(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which of pixels (N, 2) lie in the photo but outside the silhouette, how far (M,) pixels, and the directions
        (M, 2) in which that grows."""
        in_photo = ((pixels >= 0) & (pixels <= np.array(self.size) - 1)).all(1)
        which = np.flatnonzero(in_photo)
        height, width = self.distance.shape
        place = (pixels[which] - self.origin) / self.cell
        low = np.clip(np.floor(place), 0, [width - 2, height - 2]).astype(int)
        across, down = np.clip(place - low, 0, 1).T
        held = (place < 0) | (place > [width - 1, height - 1])
        x, y = low.T
        a, b = self.distance[y, x], self.distance[y, x + 1]
        c, d = self.distance[y + 1, x], self.distance[y + 1, x + 1]
        value = (a * (1 - across) + b * across) * (1 - down) + (c * (1 - across) + d * across) * down
        slope = np.stack([(b - a) * (1 - down) + (d - c) * down, (c - a) * (1 - across) + (d - b) * across], 1)
        slope[held] = 0
        out = value > 0
        return which[out], value[out], slope[out] / self.cell

    def unmatched(
        self, pixels: np.ndarray, rim: np.ndarray, rim_normals: np.ndarray, metre: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each contour point the rim vertex that belongs to it, twice over: how far it lies across (C,) and, beyond
        `SLACK`, along (C,) the contour, with the directions (2C, 2) in which that grows.

        `rim` are the numbers among `pixels` (N, 2) of vertices on the body's own outline, `rim_normals` (R, 2) where it
        faces there.
        """
        there = pixels[rim]
        # |a - b|² + TURN² (1 - cosine), less what is the same for all rim vertices.
        cost = (there**2).sum(1) - 2 * self.points @ there.T - (TURN * metre) ** 2 * (self.normals @ rim_normals.T)
        nearest = cost.argmin(1)
        apart = there[nearest] - self.points
        along = np.stack([-self.normals[:, 1], self.normals[:, 0]], 1)
        across_values, along_values = (apart * self.normals).sum(1), (apart * along).sum(1)
        slack = SLACK * metre
        beyond = along_values - np.clip(along_values, -slack, slack)
        along = along * (beyond != 0)[:, None]
        which = rim[nearest]
        return (
            np.concatenate([which, which]),
            np.concatenate([across_values, beyond]),
            np.concatenate([self.normals, along]),
        )


def _crossings(silhouette: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the silhouette passes one half between two neighbouring cells: places (C, 2) in cells, x first, and outward
    unit normals (C, 2)."""
    down, across = np.gradient(silhouette)
    places, normals = [], []
    for axis, shift in ((1, [1, 0]), (0, [0, 1])):
        first = np.take(silhouette, range(silhouette.shape[axis] - 1), axis)
        second = np.take(silhouette, range(1, silhouette.shape[axis]), axis)
        y, x = np.nonzero((first >= 0.5) != (second >= 0.5))
        share = (first[y, x] - 0.5) / (first[y, x] - second[y, x])
        places.append(np.stack([x, y], 1) + share[:, None] * shift)
        ends = [-np.stack([across[row, column], down[row, column]], 1) for row, column in ((y, x), _next(y, x, axis))]
        normals.append(ends[0] * (1 - share[:, None]) + ends[1] * share[:, None])
    places, normals = np.concatenate(places), np.concatenate(normals)
    length = np.linalg.norm(normals, axis=1)
    return places[length > 1e-6], normals[length > 1e-6] / length[length > 1e-6, None]


def _next(y: np.ndarray, x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    return (y + 1, x) if axis == 0 else (y, x + 1)


def _distance_to(cells: np.ndarray, silhouette: np.ndarray) -> np.ndarray:
    """(H, W) cells from each cell to the nearest of `cells` (C, 2); 0 within the silhouette."""
    distance = np.zeros(silhouette.shape, np.float32)
    outside = silhouette < 0.5
    y, x = np.nonzero(outside)
    grid, cells = np.stack([x, y, np.ones(len(x))]).astype(np.float32), cells.astype(np.float32)
    # |a - b|² as one product; and least values of columns, which numpy finds eight times as fast as those of rows.
    squares = (np.column_stack([-2 * cells, (cells**2).sum(1)]) @ grid).min(0) + (grid[:2] ** 2).sum(0)
    distance[outside] = np.sqrt(np.maximum(squares, 0))
    return distance
