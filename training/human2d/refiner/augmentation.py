"""Heatmaps of people, mirrored, turned, moved and scaled: what Human2D saw is shown anew."""

import numpy as np
import torch
from torch.nn import functional as F

from ....inference.geometry.joints import KEYPOINT_MIRROR

TURNED_FAR, TURN = 0.3, 0.2
"""Share of people that are turned by any angle, and by how much of half a turn the others are at most."""
SCALE, SHIFT = 0.2, 1 / 16
"""At most: the logarithm of the scale, and the shift over the map's side."""


def augmented(
    heatmaps: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps (B, 25, H, H) of probabilities and labels (B, 25, 3: cells, weight), each person as by another crop."""
    count, side = len(heatmaps), heatmaps.shape[3]
    mirrored = torch.from_numpy(rng.random(count) < 0.5)[:, None, None]
    heatmaps = torch.where(mirrored[..., None], heatmaps.flip(3)[:, KEYPOINT_MIRROR], heatmaps)
    flipped = labels[:, KEYPOINT_MIRROR] * torch.tensor([-1.0, 1, 1]) + torch.tensor([side - 1.0, 0, 0])
    labels = torch.where(mirrored, flipped, labels)
    angle = np.pi * rng.uniform(-1, 1, count) * np.where(rng.random(count) < TURNED_FAR, 1, TURN)
    scale = np.exp(rng.uniform(-SCALE, SCALE, count))
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    # From places in the new maps to the old, both in -1 to 1.
    turn = torch.from_numpy(np.stack([[cosine, -sine], [sine, cosine]]).transpose(2, 0, 1)).float()
    shift = torch.from_numpy(rng.uniform(-2 * SHIFT, 2 * SHIFT, (count, 2, 1))).float()
    grid = F.affine_grid(torch.cat([turn, shift], 2), heatmaps.shape, align_corners=False)
    # The same probability on fewer cells is denser.
    density = torch.from_numpy(scale**2).float()[:, None, None, None]
    moved = F.grid_sample(heatmaps, grid, align_corners=False) * density
    places = (labels[..., :2] + 0.5) * 2 / side - 1
    places = torch.linalg.solve(turn[:, None], (places - shift[:, None, :, 0])[..., None])[..., 0]
    return moved, torch.cat([(places + 1) * side / 2 - 0.5, labels[..., 2:]], 2)
