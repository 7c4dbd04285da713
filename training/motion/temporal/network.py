"""The temporal prior: a window of a film to its rotations. Dilated convolutions over time with skips (Pavllo et al.,
CVPR 2019), upon PosePrior's answers smoothed by a fixed filter."""

import torch
from torch import nn

from ....inference.motion.windows import FEATURE_COUNT, FRAMES, JOINTS, TURNS

WIDTH = 192
DILATIONS = (1, 2, 4, 8, 4)
DEVIATION = 2.0
"""Frames of the filter."""
FAR = 1e-3, 4.0
"""What the filter gives to frames far off, so that gaps lie between their ends, and the frames in which that fades."""


class TemporalUnit(nn.Module):
    """A convolution over three frames that are `dilation` apart, one over none, and a skip."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, (3, 1), padding=(dilation, 0), dilation=(dilation, 1), bias=False),
            nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x):
        return x + self.body(x)


class TemporalPrior(nn.Module):
    """Features (B, FRAMES, FEATURE_COUNT) of `windows` → rotations (B, FRAMES, 24, 6) about the window's camera."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        frames = torch.arange(FRAMES).float()
        apart = (frames[:, None] - frames).abs()
        near, (share, fades) = torch.exp(-((apart / DEVIATION) ** 2) / 2), FAR
        self.register_buffer("filter", near + share * torch.exp(-apart / fades))
        self.stem = nn.Sequential(nn.Conv2d(FEATURE_COUNT, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.units = nn.Sequential(*(TemporalUnit(width, dilation) for dilation in DILATIONS))
        self.head = nn.Conv2d(width, 6 * JOINTS, 1)
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)

    def forward(self, features):
        known = features[..., -1:]
        smooth = (self.filter @ features[..., TURNS]) / (self.filter @ known).clamp_min(1e-6)
        hidden = self.units(self.stem(features.transpose(1, 2)[..., None]))
        correction = self.head(hidden)[..., 0].transpose(1, 2)
        return (smooth + correction).unflatten(2, (JOINTS, 6))
