"""From the camera's frame to pixels of the photo, in torch."""

import numpy as np
import torch
from torch import Tensor

from ...inference.geometry.rasterizer import NEAR_PLANE


def project(vertices: Tensor, focal: float | Tensor, center: np.ndarray | Tensor) -> Tensor:
    """Camera-frame vertices (B, V, 3), metres, as pixels (B, V, 2), as `inference.rasterizer.project` does; those
    nearer than `NEAR_PLANE` become NaN, and no gradient flows to them.

    `focal` in pixels, one or (B,); `center` in pixels, (2,) or (B, 2).
    """
    focal, center = (torch.as_tensor(value).to(vertices) for value in (focal, center))
    depth = vertices[..., 2:]
    seen = depth > NEAR_PLANE
    # Divided by a harmless depth where nothing is seen: the gradient of a value masked only afterwards would be NaN.
    pixels = vertices[..., :2] / torch.where(seen, depth, 1) * focal[..., None, None] + center[..., None, :]
    return torch.where(seen, pixels, torch.nan)
