"""From the camera's frame to pixels of the photo, and on to cells of the map that Human2D sees, in torch."""

import numpy as np
import torch
from torch import Tensor

from ...inference.crop import Crop, crop_to_heatmap
from ...inference.rasterizer import NEAREST


def project(vertices: Tensor, focal: float | Tensor, center: np.ndarray | Tensor) -> Tensor:
    """Camera-frame vertices (B, V, 3), metres, as pixels (B, V, 2), as `inference.rasterizer.project` does; those
    nearer than `NEAREST` become NaN, and no gradient flows to them.

    `focal` in pixels, one or (B,); `center` in pixels, (2,) or (B, 2).
    """
    focal, center = (torch.as_tensor(value).to(vertices) for value in (focal, center))
    depth = vertices[..., 2:]
    seen = depth > NEAREST
    # Divided by a harmless depth where nothing is seen: the gradient of a value masked only afterwards would be NaN.
    pixels = vertices[..., :2] / torch.where(seen, depth, 1) * focal[..., None, None] + center[..., None, :]
    return torch.where(seen, pixels, torch.nan)


def cells_from_photo(crop: Crop, size: int) -> np.ndarray:
    """Affine map (2, 3) that takes pixels of the photo to cells of a map of the crop, `size` cells a side."""
    corners = np.array([[0, 0], [1, 0], [0, 1]], float)
    origin, right, down = crop_to_heatmap(crop.to_crop(corners), crop.size / size)
    return np.stack([right - origin, down - origin, origin], 1)


def to_cells(pixels: Tensor, affines: np.ndarray | Tensor) -> Tensor:
    """Pixels (B, V, 2) of photos as cells (B, V, 2), by the affine maps (B, 2, 3) of `cells_from_photo`."""
    affines = torch.as_tensor(affines).to(pixels)
    return pixels @ affines[..., :2].mT + affines[..., None, :, 2]
