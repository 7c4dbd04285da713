"""What Human2D is trained on: where each keypoint is and how deep, which pixels are the person, and whether there is
one.

The paper's loss on heatmaps is the squared error (§4.1). With few labels it sits on the all-zero plateau for long; the
cross-entropy over positions starts at once, and it is what we ship. Both are here, so that the faithful row stays
reproducible. The "nowhere" outcome, ours, teaches the network that a joint beyond the edge of the crop has no place.
"""

import math

import torch
from torch.nn import functional as F

SIGMA = 2 / 64
"""Deviation of the target's Gaussian over the side of the heatmap: two cells of a 64×64 map."""


def gaussian_targets(points, height: int, width: int):
    """Gaussians (B, K, H, W) of peak 1 at heatmap cells `points` (B, K, 2)."""
    sigma = SIGMA * width
    x = torch.arange(width, device=points.device) - points[..., :1]
    y = torch.arange(height, device=points.device) - points[..., 1:]
    return torch.exp(-(y[..., :, None] ** 2 + x[..., None, :] ** 2) / (2 * sigma**2))


def position_cross_entropy(logits, points, labelled, inside):
    """Cross-entropy over the cells and "nowhere": logits (B, K, H, W), points (B, K, 2), inside (B, K) 0/1,
    labelled (B, K) the weight of each label in 0–1.

    A labelled keypoint outside the crop has "nowhere" as its target. Keypoints without a label cost nothing.
    """
    batch, count, height, width = logits.shape
    target = gaussian_targets(points, height, width).flatten(2)
    target = target / target.sum(2, keepdim=True).clamp_min(1e-6) * inside[..., None]
    flat = logits.flatten(2).float()
    nowhere = flat.new_full((batch, count, 1), math.log(height * width))
    log_probability = torch.log_softmax(torch.cat([flat, nowhere], 2), 2)
    loss = -(target * log_probability[..., :-1]).sum(2) - (1 - inside) * log_probability[..., -1]
    return (loss * labelled).sum() / labelled.sum().clamp_min(1)


def heatmap_mse(logits, points, labelled, inside):
    """The paper's loss: squared error against Gaussians of peak 1, all-zero where the keypoint is outside."""
    target = gaussian_targets(points, *logits.shape[2:]) * inside[..., None, None]
    error = ((logits.float() - target) ** 2).mean((2, 3))
    return (error * labelled).sum() / labelled.sum().clamp_min(1)


def silhouette_cross_entropy(logits, silhouette, has_silhouette):
    """Pixelwise cross-entropy: logits (B, 2, H, W), silhouette (B, H, W) in 0–1 (soft at edges), has_silhouette
    (B,)."""
    log_probability = torch.log_softmax(logits.float(), 1)
    loss = -(silhouette * log_probability[:, 1] + (1 - silhouette) * log_probability[:, 0]).mean((1, 2))
    return (loss * has_silhouette).sum() / has_silhouette.sum().clamp_min(1)


HEATMAP_LOSSES = {"cross-entropy": (position_cross_entropy, 1.0), "mse": (heatmap_mse, 100.0)}
"""Name → loss and its weight; the paper weighs heatmaps 100 to the silhouette's 1."""
SILHOUETTE_WEIGHT = {"cross-entropy": 2.0, "mse": 1.0}


DEPTH_WEIGHT = 10.0
"""A tenth of a crop's side off in depth costs as much as a keypoint at twice the likely distance."""
PRESENCE_WEIGHT = 0.5


def depth_error(depth, points, known, inside):
    """Mean absolute error of depth maps (B, K, H, W), in sides of the crop, at the keypoints' places `points` (B, K, 2)
    in cells; `known` (B, K, 2) are the true depths and their weights."""
    target = gaussian_targets(points, *depth.shape[2:])
    target = target / target.sum((2, 3), keepdim=True).clamp_min(1e-6)
    weight = known[..., 1] * inside
    error = ((depth.float() * target).sum((2, 3)) - known[..., 0]).abs()
    return (error * weight).sum() / weight.sum().clamp_min(1)


def human2d_loss(outputs, batch, kind: str):
    """Sum over the stacks of L = w·L_heatmaps + L_silhouette, and of the depths and the presence where there are
    any."""
    heatmap_loss, weight = HEATMAP_LOSSES[kind]
    total = 0.0
    for stack in outputs:
        total = total + weight * heatmap_loss(stack.heatmaps, batch["points"], batch["labelled"], batch["inside"])
        total = total + SILHOUETTE_WEIGHT[kind] * silhouette_cross_entropy(
            stack.silhouette, batch["silhouette"], batch["has_silhouette"]
        )
        if stack.depth is not None:
            total = total + DEPTH_WEIGHT * depth_error(stack.depth, batch["points"], batch["depth"], batch["inside"])
        if stack.presence is not None:
            total = total + PRESENCE_WEIGHT * F.binary_cross_entropy_with_logits(stack.presence, batch["somebody"])
    return total
