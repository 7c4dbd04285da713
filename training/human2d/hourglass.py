"""The stacked hourglass (Newell et al. 2016; Pavlakos et al. 2018, §4.1): photo crop in, heatmaps and silhouette
out."""

import torch
from torch import nn
from torch.nn import functional as F

from ...inference.geometry.joints import KEYPOINT_NAMES
from .outputs import Outputs

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class Residual(nn.Module):
    """Pre-activation bottleneck: 1×1 to half the features, 3×3, 1×1 back, plus the input."""

    def __init__(self, features_in: int, features: int):
        super().__init__()
        half = features // 2
        self.body = nn.Sequential(
            nn.BatchNorm2d(features_in), nn.ReLU(), nn.Conv2d(features_in, half, 1, bias=False),
            nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, half, 3, padding=1, bias=False),
            nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, features, 1),
        )  # fmt: skip
        self.skip = nn.Identity() if features_in == features else nn.Conv2d(features_in, features, 1)

    def forward(self, x):
        return self.body(x) + self.skip(x)


class Hourglass(nn.Module):
    """Four times down and up again, one residual per branch, features of each scale added on the way back."""

    def __init__(self, features: int, depth: int = 4):
        super().__init__()
        self.across = Residual(features, features)
        self.down = Residual(features, features)
        self.inner = Hourglass(features, depth - 1) if depth > 1 else Residual(features, features)
        self.up = Residual(features, features)

    def forward(self, x):
        below = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.across(x) + F.interpolate(below, scale_factor=2, mode="nearest")


class StackedHourglass(nn.Module):
    """Crops (B, 3, S, S) in 0–1 RGB → the `Outputs` of each stack, maps of S/4; there is no presence.

    Each stack's outputs are supervised, and re-injected into the next by 1×1 convolutions. The paper's network has no
    map of depth; in ours the last stack has, and it goes nowhere from there.
    """

    takes_prompts = False

    def __init__(self, features: int = 256, keypoints: int = len(KEYPOINT_NAMES), stacks: int = 2):
        super().__init__()
        self.keypoints = keypoints
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
            Residual(64, 128), nn.MaxPool2d(2), Residual(128, 128), Residual(128, features),
        )  # fmt: skip
        self.hourglasses = nn.ModuleList(Hourglass(features) for _ in range(stacks))
        self.necks = nn.ModuleList(
            nn.Sequential(
                Residual(features, features), nn.Conv2d(features, features, 1, bias=False), nn.BatchNorm2d(features),
                nn.ReLU(),
            )
            for _ in range(stacks)
        )  # fmt: skip
        self.heads = nn.ModuleList(nn.Conv2d(features, keypoints + 2, 1) for _ in range(stacks))
        self.reinject_features = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in range(stacks - 1))
        self.reinject_outputs = nn.ModuleList(nn.Conv2d(keypoints + 2, features, 1) for _ in range(stacks - 1))
        self.depth = nn.Conv2d(features, keypoints, 1)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)

    def forward(self, crops):
        x = self.stem((crops - self.mean) / self.deviation)
        outputs = []
        for stack, (hourglass, neck, head) in enumerate(zip(self.hourglasses, self.necks, self.heads, strict=True)):
            y = neck(hourglass(x))
            output = head(y)
            last = stack == len(self.reinject_features)
            depth = self.depth(y) if last else None
            outputs.append(Outputs(output[:, : self.keypoints], output[:, self.keypoints :], depth))
            if not last:
                x = x + self.reinject_features[stack](y) + self.reinject_outputs[stack](output)
        return outputs
