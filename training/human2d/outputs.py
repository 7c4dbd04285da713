"""What every Human2D network gives, and how its logits are read as probabilities."""

import math
from typing import NamedTuple

import torch

NOBODY = 0.1
"""Share of training samples without a person, so that people are not seen in railings and ceilings."""


class Outputs(NamedTuple):
    """Logits of a batch of crops of side S: `heatmaps` (B, K, S/4, S/4), `silhouette` (B, 2, S/4, S/4: background,
    person); and, None where a network has none, `depth` (B, K, S/4, S/4), how far behind the pelvis each keypoint is
    if it is there, in sides of the crop, and the logit `presence` (B,) of there being a person."""

    heatmaps: torch.Tensor
    silhouette: torch.Tensor
    depth: torch.Tensor | None = None
    presence: torch.Tensor | None = None


def heatmap_probabilities(logits):
    """Heatmap logits (B, K, H, W) as the probability that the keypoint lies in each cell; what is missing from 1 is the
    probability that it lies in none (outside the crop).

    `nowhere` has the fixed logit log(H·W), so a network that knows nothing gives it one half at any resolution.
    """
    flat = logits.flatten(2).float()
    nowhere = flat.new_full((*flat.shape[:2], 1), math.log(int(flat.shape[2])))
    return torch.softmax(torch.cat([flat, nowhere], 2), 2)[..., :-1].reshape(logits.shape)
