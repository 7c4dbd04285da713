"""The run's own average as a teacher: it reviews the labels of its training pictures between stages.

Pseudo-labels from easy to hard: what the average is sure of, and nobody labelled, becomes a label; a label that it is
sure to be wrong counts less. People mislabel about one limb in eight of the sports pictures.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ...inference.geometry.joints import KEYPOINT_NAMES
from ..data.photos2d import LabelledCrop, combined_keypoints
from ..measure.keypoints2d import predict
from ..runs.several_processes import ALONE, Share, as_the_leader
from .export import Shipped

SURE_CONFIDENCE = 0.75
"""Probability in a heatmap's peak from which the average is heard."""


def reviewed(crops: list[LabelledCrop], average: nn.Module, share: Share = ALONE) -> list[LabelledCrop]:
    """The same crops with labels that take the average's word into account. Of several processes, the leading one asks
    it, and tells the others."""
    taught = _word_of(average, crops) if share.leads else np.zeros((len(crops), len(KEYPOINT_NAMES), 3), np.float32)
    return [
        replace(crop, keypoints=combined_keypoints(crop.keypoints, own))
        for crop, own in zip(crops, as_the_leader(taught, share), strict=True)
    ]


def _word_of(average: nn.Module, crops: list[LabelledCrop]) -> np.ndarray:
    """Keypoints (N, 25, 3) where the average sees them: x, y, and 1 where it is sure."""
    device = next(average.parameters()).device
    shipped = Shipped(average)

    def run(images: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.cpu().numpy() for output in shipped(torch.from_numpy(images).to(device))]

    points, mass, _ = predict(run, crops)
    return np.concatenate([points, (mass >= SURE_CONFIDENCE)[..., None]], -1).astype(np.float32)
