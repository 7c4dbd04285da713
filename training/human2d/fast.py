"""Human2D's `fast`: MoveNet Thunder's backbone, pyramid and heads, and beside them a wider pyramid with heads of our
own (docs/decisions/019)."""

import torch
from torch import nn
from torch.nn import functional as F

from ...inference.geometry.joints import COCO_SHARED, KEYPOINT_NAMES, SHARED_COCOS, SHARED_OURS
from .movenet import DEEPEST, PYRAMID, THUNDER, MoveNet, doubled, normalised
from .outputs import Outputs

WIDE_PYRAMID = (64, 64, 96, 128)
"""Features at strides 4 (out), 4, 8 and 16."""
CONTEXT_BLOCKS, CONTEXT_WIDENING = 3, 3
SEEN_LEVEL = 9.0
"""Logit of MoveNet's at which a keypoint counts as half seen: of sports photos' keypoints nine in ten have a higher
peak, and one cell in a hundred."""
HEAD = 96
HEADS = ("heatmap", "center", "regress")
"""MoveNet's that are used: its offsets are not, since the mean about a peak says where between cells a keypoint is."""
PROMPT_REACH = 1.0
"""Deviation, in cells of stride 16, of what a prompt's keypoint is drawn as."""
SHARPNESS, LEVEL = 1.2, 11.0
"""What MoveNet's logits are multiplied by and raised by, to begin with, so that a softmax over the cells and "nowhere"
is as sure as its sigmoids are."""
CENTER_REACH = 1.8
"""Cells added to the distance from where the person's centre expects a keypoint, before a peak is divided by it
(MoveNet's own constant): of several people's peaks the one that belongs to the centre wins."""
CENTER_SHARPNESS = 3.0
"""Of the softmax over cells that the person's centre is a mean by."""


class ConvNormReLU(nn.Sequential):
    def __init__(self, features_in: int, features: int):
        convolution = nn.Conv2d(features_in, features, 3, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(features), nn.ReLU())


class ContextBlock(nn.Module):
    """x plus what its surroundings of seven cells say of it (Liu et al. 2022's block, with a batch norm); begins as
    x."""

    def __init__(self, features: int):
        super().__init__()
        self.around = nn.Conv2d(features, features, 7, padding=3, groups=features, bias=False)
        self.norm = nn.BatchNorm2d(features)
        self.widen = nn.Conv2d(features, CONTEXT_WIDENING * features, 1)
        self.narrow = nn.Conv2d(CONTEXT_WIDENING * features, features, 1)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x):
        return x + self.narrow(F.relu(self.widen(self.norm(self.around(x)))))


class Context(nn.Module):
    """Features at stride 16, where MoveNet sees each keypoint and where the prompt has them → features that know of
    the whole body, and of whose: as an hourglass' next stack corrects what the one before it saw (Newell et al.
    2016)."""

    def __init__(self, features: int):
        super().__init__()
        self.seen = nn.Conv2d(len(COCO_SHARED), features, 1)
        self.prompted = nn.Conv2d(len(KEYPOINT_NAMES), features, 1, bias=False)
        self.blocks = nn.Sequential(*(ContextBlock(features) for _ in range(CONTEXT_BLOCKS)))
        nn.init.zeros_(self.seen.weight)
        nn.init.zeros_(self.seen.bias)
        nn.init.zeros_(self.prompted.weight)

    def forward(self, x, logits, prompts):
        peaks = F.max_pool2d(torch.sigmoid(logits - SEEN_LEVEL), 4)
        return self.blocks(x + self.seen(peaks) + self.prompted(drawn_prompts(prompts, x)))


class WidePyramid(nn.Module):
    """The backbone's features at strides 4, 8, 16 and 32, MoveNet's own pyramid and its logits at stride 4 → features
    at stride 32, as `WIDE_PYRAMID[-1]`, and at stride 4."""

    def __init__(self):
        super().__init__()
        out, *widths = WIDE_PYRAMID
        at4, at8, at16 = THUNDER.stages[:3]
        self.lateral = nn.ModuleList(
            nn.Conv2d(features, width, 1)
            for features, width in zip((at4, at8, at16, DEEPEST), (*widths, widths[-1]), strict=True)
        )
        extra = (PYRAMID[0], 0, 0)
        self.merge = nn.ModuleList(
            ConvNormReLU(width + more, narrower)
            for width, more, narrower in zip(widths, extra, (out, *widths), strict=False)
        )
        self.deepest = ConvNormReLU(widths[-1], widths[-1])
        self.context = Context(widths[-1])

    def forward(self, features, own, logits, prompts):
        deepest = x = self.deepest(self.lateral[-1](features[-1]))
        for level in reversed(range(len(self.merge))):
            x = doubled(x) + self.lateral[level](features[level])
            x = x if level < len(self.merge) - 1 else self.context(x, logits, prompts)
            x = self.merge[level](x if level else torch.cat([x, own], 1))
        return deepest, x


class FastHuman2D(nn.Module):
    """Crops (B, 3, S, S) in 0–1 RGB, S a multiple of 32 → `Outputs`, as a list of one.

    `prompts` (B, 25, 3) say whom of several people is meant: roughly where keypoints are, x and y over the crop's side,
    and 1, or 0 for what is not known; None: nothing is. Keypoints that COCO has begin as MoveNet's own: its maps,
    divided by the distance from where the prompt or else the person's centre expects each. Our heads add to these
    logits.
    """

    takes_prompts = True

    def __init__(self):
        super().__init__()
        self.movenet = MoveNet(THUNDER, HEADS)
        self.pyramid = WidePyramid()
        count = len(KEYPOINT_NAMES)
        self.head = nn.Sequential(ConvNormReLU(WIDE_PYRAMID[0], HEAD), nn.Conv2d(HEAD, count + 2 + count, 1))
        self.presence = nn.Conv2d(WIDE_PYRAMID[-1], 1, 1)
        self.sharpness = nn.Parameter(torch.full((len(COCO_SHARED),), SHARPNESS))
        self.level = nn.Parameter(torch.full((len(COCO_SHARED),), LEVEL))
        self.nearness = nn.Parameter(torch.ones(len(COCO_SHARED)))
        self.obedience = nn.Parameter(torch.ones(len(COCO_SHARED)))
        nn.init.normal_(self.head[1].weight, std=0.01)
        nn.init.zeros_(self.head[1].bias)
        self.register_buffer("ours", torch.from_numpy(SHARED_OURS), persistent=False)
        self.register_buffer("theirs", torch.from_numpy(SHARED_COCOS), persistent=False)

    def forward(self, crops, prompts=None):
        if prompts is None:
            prompts = crops.new_zeros((crops.shape[0], len(KEYPOINT_NAMES), 3))
        features = self.movenet.backbone(normalised(crops))
        own = self.movenet.pyramid(features)
        seen = self.movenet_logits(own, prompts)
        deepest, wide = self.pyramid(features, own, seen.detach(), prompts)
        maps = self.head(wide).float()
        count = len(KEYPOINT_NAMES)
        heatmaps = maps[:, :count].index_add(1, self.ours, seen)
        # A person anywhere is a person: the mean is of probabilities' odds, not of logits.
        evidence = self.presence(deepest).float().flatten(1)
        presence = torch.logsumexp(evidence, 1)
        return [Outputs(heatmaps, maps[:, count : count + 2], maps[:, count + 2 :], presence)]

    def movenet_logits(self, features, prompts):
        """Logits (B, 15, H, W) of the keypoints `COCO_SHARED`, from MoveNet's heads."""
        heads = self.movenet.heads
        logits = heads["heatmap"](features).float()[:, self.theirs]
        expected = expected_places(heads["center"](features).float(), heads["regress"](features).float())
        asked = prompts[:, self.ours].float()
        known = asked[..., 2:]
        places = torch.lerp(expected[:, self.theirs], asked[..., :2].flip(2) * logits.shape[-1] - 0.5, known)
        distances = (cells_of(logits)[:, None] - places[..., None]).square().sum(2).add(1e-4).sqrt()
        near = torch.log(distances + CENTER_REACH).unflatten(2, logits.shape[2:])
        nearness = torch.lerp(self.nearness.expand_as(known[..., 0]), self.obedience.expand_as(known[..., 0]),
                              known[..., 0])  # fmt: skip
        sharpness, level = (values[:, None, None] for values in (self.sharpness, self.level))
        return logits * sharpness + level - nearness[..., None, None] * near


def cells_of(maps):
    """Rows and columns (1, 2, H·W) of maps (..., H, W)."""
    height, width = int(maps.shape[-2]), int(maps.shape[-1])
    y = torch.arange(height, device=maps.device, dtype=torch.float32)
    x = torch.arange(width, device=maps.device, dtype=torch.float32)
    return torch.stack([y[:, None].expand(height, width), x.expand(height, width)]).flatten(1)[None]


def drawn_prompts(prompts, maps):
    """Gaussians of peak 1 (B, 25, H, W) at the known keypoints of prompts (B, 25, 3), on the cells of `maps`."""
    places = prompts[..., :2].float().flip(2) * maps.shape[-1] - 0.5
    squares = (cells_of(maps)[:, None] - places[..., None]).square().sum(2)
    return (prompts[..., 2:] * torch.exp(-squares / (2 * PROMPT_REACH**2))).unflatten(2, maps.shape[2:])


def expected_places(center, regress):
    """Rows and columns (B, K, 2) at which the most central person's centre expects the keypoints: logits of centres
    (B, 1, H, W), and what each cell would say (B, 2K, H, W)."""
    cells = cells_of(center)
    middle = (cells.amax(2, keepdim=True)) / 2
    away = (cells - middle).square().sum(1).add(1e-4).sqrt()
    # As MoveNet has it: a centre's probability is divided by its distance from the middle of the crop.
    likely = F.logsigmoid(center.flatten(1)) - torch.log(away + CENTER_REACH)
    share = torch.softmax(CENTER_SHARPNESS * likely, 1)
    said = regress.unflatten(1, (-1, 2)).flatten(3) + cells[:, None]
    return (said * share[:, None, None]).sum(3)
