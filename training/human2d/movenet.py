"""MoveNet (Google 2021, Apache-2.0) in torch: what our own Human2D starts from, and the finder of people.

A MobileNetV2 (Sandler et al. 2018) of some width, a feature pyramid up to quarter resolution, and the heads of a
CenterNet (Zhou et al. 2019, "Objects as Points") upon it. Thunder sees one person in a crop; MultiPose, narrower, sees
everybody in a picture. Batch norms are folded into the convolutions, as they are in the weights that are published."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ...inference.geometry.joints import COCO_NAMES

STAGES = ((2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1))
"""Repeats and stride of MobileNetV2's stages after the first block."""
EXPANSION = 6
DEEPEST = 1280
PYRAMID = (24, 24, 32, 64)
"""Features of the pyramid at strides 4 (out), 4, 8 and 16."""
HEAD = 96


@dataclass(frozen=True)
class Architecture:
    """Features of the `stem`, of the `first` block and of each of `STAGES`, and the channels of each head by name."""

    stem: int
    first: int
    stages: tuple[int, ...]
    heads: dict[str, int]


_POSE_HEADS = {
    "heatmap": len(COCO_NAMES), "center": 1, "regress": 2 * len(COCO_NAMES), "offset": 2 * len(COCO_NAMES)
}  # fmt: skip
THUNDER = Architecture(56, 32, (40, 56, 112, 168, 280, 560), _POSE_HEADS)
MULTIPOSE = Architecture(48, 24, (40, 48, 96, 144, 240, 480), _POSE_HEADS | {"box_scale": 2, "box_offset": 2})


class SameConv(nn.Conv2d):
    """A convolution that keeps the size, or halves it; then it pads below and to the right only, as TensorFlow does for
    sides that are even."""

    def __init__(self, features_in: int, features: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        super().__init__(features_in, features, kernel, stride, 0 if stride == 2 else kernel // 2, groups=groups)

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)) if self.stride[0] == 2 else x)


class InvertedResidual(nn.Module):
    """MobileNetV2's block: 1×1 to more features (none in the first block), 3×3 of each by itself, 1×1 to fewer."""

    def __init__(self, features_in: int, hidden: int, features: int, stride: int, expand: bool = True):
        super().__init__()
        self.expand = SameConv(features_in, hidden) if expand else nn.Identity()
        self.depthwise = SameConv(hidden, hidden, 3, stride, hidden)
        self.project = SameConv(hidden, features)
        self.skips = stride == 1 and features_in == features

    def forward(self, x):
        y = self.project(F.relu6(self.depthwise(F.relu6(self.expand(x)))))
        return x + y if self.skips else y


class Backbone(nn.Module):
    """Pixels in −1…1 → features at strides 4, 8, 16 and 32."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.stem = SameConv(3, architecture.stem, 3, 2)
        # The first block has as many hidden features as the stem gives: nothing is expanded.
        blocks = [InvertedResidual(architecture.stem, architecture.stem, architecture.first, 1, expand=False)]
        features_in, kept = architecture.first, []
        for features, (repeats, stride) in zip(architecture.stages, STAGES, strict=True):
            if stride == 2:
                kept.append(len(blocks) - 1)
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(InvertedResidual(features_in, EXPANSION * features_in, features, step))
                features_in = features
        self.blocks = nn.ModuleList(blocks)
        self.last = SameConv(features_in, DEEPEST)
        # Of the blocks before each halving the first is at half resolution, which nothing uses; stride 16 is taken
        # before the stage of that stride that widens it, as published.
        self.kept = (kept[1], kept[2], kept[2] + STAGES[2][0])

    def forward(self, x):
        x = F.relu6(self.stem(x))
        features = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.kept:
                features.append(x)
        return [*features, F.relu6(self.last(x))]


class Separable(nn.Module):
    """3×3 of each feature by itself, 1×1, ReLU."""

    def __init__(self, features_in: int, features: int):
        super().__init__()
        self.depthwise = SameConv(features_in, features_in, 3, 1, features_in)
        self.pointwise = SameConv(features_in, features)

    def forward(self, x):
        return F.relu(self.pointwise(self.depthwise(x)))


class Pyramid(nn.Module):
    """Features at strides 4, 8, 16 and 32 → `PYRAMID[0]` features at stride 4."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        at4, at8, at16 = (architecture.stages[number] for number in (0, 1, 2))
        out, *widths = PYRAMID
        self.lateral = nn.ModuleList(
            SameConv(features, width)
            for features, width in zip((at4, at8, at16, DEEPEST), (*widths, widths[-1]), strict=True)
        )
        self.merge = nn.ModuleList(
            Separable(width, narrower) for width, narrower in zip(widths, (out, *widths), strict=False)
        )

    def forward(self, features):
        x = self.lateral[-1](features[-1])
        for level in reversed(range(len(self.merge))):
            x = self.merge[level](doubled(x) + self.lateral[level](features[level]))
        return x


class Head(nn.Module):
    """Separable 3×3 to `HEAD` features, then 1×1 to the head's channels."""

    def __init__(self, features: int, channels: int):
        super().__init__()
        self.separable, self.out = Separable(features, HEAD), SameConv(HEAD, channels)

    def forward(self, x):
        return self.out(self.separable(x))


class MoveNet(nn.Module):
    """Crops or pictures (B, 3, H, W) in 0–1 RGB, sides multiples of 32 → logits of each head (B, C, H/4, W/4), by name:
    `heatmap` of COCO's keypoints in COCO's order, `center` of people, from a centre, in cells, `regress` to the
    keypoints (y, x pairs), and from a keypoint's cell `offset` to its place; of MultiPose `box_scale` and `box_offset`
    (y, x), too."""

    def __init__(self, architecture: Architecture, heads: tuple[str, ...] | None = None):
        """With all heads, or some of them."""
        super().__init__()
        self.backbone, self.pyramid = Backbone(architecture), Pyramid(architecture)
        counts = {name: architecture.heads[name] for name in heads or architecture.heads}
        self.heads = nn.ModuleDict({name: Head(PYRAMID[0], count) for name, count in counts.items()})

    def forward(self, pictures) -> dict[str, torch.Tensor]:
        features = self.pyramid(self.backbone(normalised(pictures)))
        return {name: head(features) for name, head in self.heads.items()}


def normalised(pictures):
    """0–1 as the −1…1 that the backbone was trained on."""
    return pictures * 2 - 1


def doubled(x):
    """Twice the resolution, bilinear, cells' centres kept in place."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
