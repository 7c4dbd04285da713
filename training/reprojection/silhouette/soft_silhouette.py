"""A silhouette that can be differentiated: the renderer of Pavlakos et al. 2018, §4.3, in our own way.

The paper renders with OpenDR. Here a cell's value is the exact share of its area that the projected mesh covers (as
labels reduced by averaging are made), blurred if wished. Areas change smoothly with every vertex, also where limbs
cross, gaps open and fingers are thinner than a cell; there is nothing to tune and nothing is approximated. A product
over faces (Liu et al. 2019, SoftRas) grows with the number of triangles, and the distance to the outline, the other
usual choice, jumps inside the body whenever a gap opens.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .coverage import cover
from .outline import contour, edge_table, outline


class SoftSilhouette(nn.Module):
    """Draws a mesh of `faces` (F, 3) into maps of `size` × `size` cells.

    `softness` is the standard deviation, in cells, of the Gaussian that blurs the covered areas; 0 leaves them sharp.
    Where the outline is straight, the map passes ½ exactly on it for any softness.
    """

    def __init__(self, faces: np.ndarray, size: int = 64, softness: float = 0.5):
        super().__init__()
        self.faces = np.ascontiguousarray(faces, np.int64)
        self.edge_table = edge_table(self.faces)
        self.size = size
        reach = int(np.ceil(3 * softness))
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).double() / max(softness, 1e-3)) ** 2)
        self.register_buffer("kernel", kernel / kernel.sum(), persistent=False)

    def forward(self, points: Tensor) -> Tensor:
        """Silhouettes (B, size, size), 0–1, of projected vertices (B, V, 2) in cells, x right and y down.

        Cell (0, 0) has its centre at (0, 0). Faces with a vertex that is not finite are left out. Computed on the CPU
        in double; the result has the points' type and device. It can be differentiated once.
        """
        return self.soften(_Coverage.apply(points, self))

    def soften(self, maps: Tensor) -> Tensor:
        """Blur maps (B, size, size) as the drawn ones are, so that a sharp target can be compared with them. What lies
        beyond the border is taken to be as the border."""
        reach = len(self.kernel) // 2
        if not reach:
            return maps
        kernel = self.kernel.to(maps)
        padded = F.pad(maps[:, None], (reach, reach, reach, reach), mode="replicate")
        return F.conv2d(F.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])[:, 0].clamp(0, 1)

    def cover(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Covered areas (size, size) for vertices (V, 2), and their derivative as `coverage.cover` tells it, but for
        the vertices (K, 2) of each segment in place of its number."""
        corner = points + 0.5
        ends, layers = contour(corner, self.faces, *self.edge_table, self.size)
        segments = corner[ends].reshape(-1, 4)
        areas, cell, segment, slope = cover(segments, *outline(segments, ends, layers, self.size), self.size)
        return areas, cell, ends[segment], slope


class _Coverage(torch.autograd.Function):
    """Areas (B, size, size) covered by projected vertices (B, V, 2), unblurred."""

    @staticmethod
    def forward(ctx, points: Tensor, renderer: SoftSilhouette) -> Tensor:
        size, vertex_count = renderer.size, points.shape[1]
        maps, cells, vertices, slopes = [], [], [], []
        for body, corners in enumerate(points.detach().cpu().double().numpy()):
            areas, cell, vertex, slope = renderer.cover(corners)
            maps.append(areas)
            cells.append(cell + body * size**2)
            vertices.append(vertex + body * vertex_count)
            slopes.append(slope)
        ctx.save_for_backward(*(torch.from_numpy(np.concatenate(part)) for part in (cells, vertices, slopes)))
        ctx.shape = points.shape
        return torch.from_numpy(np.stack(maps).clip(0, 1)).to(points)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        cells, vertices, slopes = ctx.saved_tensors
        weight = gradient.reshape(-1).cpu().double()[cells]
        moved = (weight[:, None] * slopes).reshape(-1, 2)
        result = torch.zeros(ctx.shape, dtype=torch.float64)
        result.view(-1, 2).index_add_(0, vertices.reshape(-1), moved)
        return result.to(gradient), None
