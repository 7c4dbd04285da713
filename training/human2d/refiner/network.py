"""The heatmap refiner: heatmaps of a person's keypoints to better ones, by what bodies look like.

It sees no picture. As an hourglass' next stack corrects what the one before it saw (Newell et al. 2016), and as PoseFix
corrects another network's pose by how such networks err (Moon et al. 2019), it moves probability from a peak on another
limb, or on somebody else's, to one that goes with the rest.
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ....inference.geometry.joints import KEYPOINT_NAMES
from ...runs.onnx_export import load_weights
from ..outputs import heatmap_probabilities

WIDTHS = (48, 64, 96)
"""Features at strides 2, 4 and 8 (and 16) of the heatmaps."""
WHOLE = 256
"""Features of the whole body, which every place is told."""
DROPPED = 0.2
DEEPEST = 4
"""Cells to a side at stride 16."""
LEAST = 1e-6
"""Probability of a cell below which it does not matter."""


def convolution(features_in: int, features: int, stride: int = 1) -> nn.Sequential:
    """Three by three, a batch norm, and a ReLU."""
    layer = nn.Conv2d(features_in, features, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(features), nn.ReLU(inplace=True))


class HeatmapRefiner(nn.Module):
    """Probabilities (B, 25, 64, 64), each map with a sum of at most 1, to logits (B, 25, 64, 64) as
    `outputs.heatmap_probabilities` reads them. Begins by changing nothing."""

    def __init__(self):
        super().__init__()
        fine, middle, coarse = WIDTHS
        count = len(KEYPOINT_NAMES)
        self.first = convolution(count, fine)
        self.down = nn.ModuleList([
            nn.Sequential(convolution(fine, middle, 2), convolution(middle, middle)),
            nn.Sequential(convolution(middle, coarse, 2), convolution(coarse, coarse)),
            nn.Sequential(convolution(coarse, coarse, 2), convolution(coarse, coarse)),
        ])
        cells = coarse * DEEPEST**2
        self.whole = nn.Sequential(
            nn.Flatten(), nn.Linear(cells, WHOLE), nn.ReLU(inplace=True), nn.Dropout(DROPPED), nn.Linear(WHOLE, cells)
        )
        self.up = nn.ModuleList([
            convolution(coarse + coarse, coarse), convolution(coarse + middle, middle), convolution(middle + fine, fine)
        ])  # fmt: skip
        self.change = nn.Conv2d(fine, count, 3, padding=1)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def forward(self, heatmaps):
        # The mean over four cells, times four, is the probability of lying in any of them.
        levels = [self.first(torch.log(4 * F.avg_pool2d(heatmaps, 2) + 100 * LEAST) / 4 + 1)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels[-1] + self.whole(levels[-1]).view_as(levels[-1])
        for up, level in zip(self.up, levels[-2::-1], strict=True):
            x = up(torch.cat([doubled(x), level], 1))
        return as_logits(heatmaps) + doubled(self.change(x))

    def load_earlier(self, weights: Path) -> None:
        """Begin with the weights of an earlier run."""
        load_weights(self, weights, prefix="network.")


def doubled(maps):
    """Maps at half their stride."""
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def as_logits(heatmaps):
    """The logits of which probabilities (B, K, H, W) are `heatmap_probabilities`."""
    beyond = (1 - heatmaps.sum((2, 3), keepdim=True)).clamp_min(LEAST)
    cells = math.log(heatmaps.shape[2] * heatmaps.shape[3])
    return torch.log(heatmaps + LEAST) - torch.log(beyond) + cells


class Shipped(nn.Module):
    """Heatmaps (B, 25, 64, 64) to refined ones, both probabilities. How likely each keypoint lies in the picture at all
    stays what the looks say: the refiner has learnt from people who are whole."""

    def __init__(self, network: HeatmapRefiner):
        super().__init__()
        self.network = network

    def forward(self, heatmaps):
        refined = heatmap_probabilities(self.network(heatmaps))
        seen = heatmaps.sum((2, 3), keepdim=True)
        return refined * (seen / refined.sum((2, 3), keepdim=True).clamp_min(LEAST))
