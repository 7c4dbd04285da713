"""The run's own average as a teacher: it reviews the labels of its training pictures between stages.

Pseudo-labels from easy to hard: what the average is sure of, and nobody labelled, becomes a label; a label that it is
sure to be wrong counts less. People mislabel about one limb in eight of the sports pictures.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ..data.photos2d import LabelledCrop, combined_keypoints
from ..measure.keypoints2d import predict
from .export import Shipped

SURE_CONFIDENCE = 0.75
"""Probability in a heatmap's peak from which the average is heard."""


def reviewed(crops: list[LabelledCrop], average: nn.Module) -> list[LabelledCrop]:
    """The same crops with labels that take the average's word into account."""
    device = next(average.parameters()).device
    shipped = Shipped(average)

    def run(images: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.cpu().numpy() for output in shipped(torch.from_numpy(images).to(device))]

    points, mass, _ = predict(run, crops)
    taught = np.concatenate([points, (mass >= SURE_CONFIDENCE)[..., None]], -1).astype(np.float32)
    return [
        replace(crop, keypoints=combined_keypoints(crop.keypoints, own))
        for crop, own in zip(crops, taught, strict=True)
    ]
