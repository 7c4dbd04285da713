"""From heatmaps to keypoints with sub-cell places and an honest confidence."""

import json

import numpy as np

WINDOW = 4
"""Half the side of the window about the peak, in cells: twice the Gaussian's deviation that the network was trained
on."""


def decode_heatmaps(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of heatmaps (B, K, H, W) of probabilities: cells (B, K, 2) and the probability (B, K) within the window.

    The place is the mean over the window about the peak. The network is trained with a cross-entropy over cells, so its
    heatmap is a distribution, and that mean has no quantisation error (the aim of UDP and DARK).
    """
    batch, count, _, width = heatmaps.shape
    peak = heatmaps.reshape(batch, count, -1).argmax(2)
    peak_y, peak_x = np.divmod(peak, width)
    padded = np.pad(heatmaps, ((0, 0), (0, 0), (WINDOW, WINDOW), (WINDOW, WINDOW)))
    offsets = np.arange(2 * WINDOW + 1)
    rows = (peak_y[..., None] + offsets)[..., :, None]
    columns = (peak_x[..., None] + offsets)[..., None, :]
    index = np.arange(batch)[:, None, None, None], np.arange(count)[None, :, None, None]
    window = padded[index[0], index[1], rows, columns]
    mass = window.sum((2, 3))
    safe = np.maximum(mass, 1e-9)
    x = peak_x + (window.sum(2) * (offsets - WINDOW)).sum(2) / safe
    y = peak_y + (window.sum(3) * (offsets - WINDOW)).sum(2) / safe
    return np.stack([x, y], -1), mass


def calibrate(mass: np.ndarray, calibration: str) -> np.ndarray:
    """Peak probabilities as the share of keypoints so sure that lie within .2 torso of the truth.

    `calibration` is JSON, {"mass": [...], "confidence": [...]}: knots of a monotone curve, measured when the network
    was exported on pictures that it was not trained on.
    """
    knots = json.loads(calibration)
    return np.interp(mass, knots["mass"], knots["confidence"]).astype(np.float32)
