"""From heatmaps to keypoints with sub-cell places and an honest confidence."""

import json

import numpy as np

from ..geometry.joints import LIMB_PAIRS

WINDOW = 4
"""Half the side of the window about the peak, in cells: twice the Gaussian's deviation that the network was trained
on."""
ONE_SPOT = 3
"""Cells within which left and right of a pair lie on one spot."""
ONE_SPOT_ODDS = 0.5
"""How likely that is, to their lying apart, where the two heatmaps alone are for both alike."""


def peaks(heatmaps: np.ndarray) -> np.ndarray:
    """Cells (B, K, 2) int, x and y, of the highest values of heatmaps (B, K, H, W)."""
    y, x = np.divmod(heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(2), heatmaps.shape[3])
    return np.stack([x, y], -1)


def body_peaks(heatmaps: np.ndarray) -> np.ndarray:
    """The cells (B, 25, 2) of a person's keypoints: `peaks`, but for pairs on one spot.

    A network that sees two legs and does not know which is which gives both ankles two peaks, and each ankle's higher
    one may be on the same leg. The heatmaps do not say that left and right are seldom on one spot; here that is known.
    The one that has most to say for another place goes there, if the two places together are then likelier.
    """
    cells = peaks(heatmaps)
    _, mass = window_means(heatmaps, cells)
    left, right = LIMB_PAIRS.T
    for person, number in np.argwhere(np.abs(cells[:, left] - cells[:, right]).max(2) < ONE_SPOT):
        pair = LIMB_PAIRS[number]
        maps = _without_peaks(heatmaps[person, pair], cells[person, pair])
        elsewhere = peaks(maps[None])
        _, other_mass = window_means(maps[None], elsewhere)
        apart = other_mass[0] * mass[person, pair[::-1]]
        leaves = apart.argmax()
        if apart[leaves] > ONE_SPOT_ODDS * mass[person, pair].prod():
            cells[person, pair[leaves]] = elsewhere[0, leaves]
    return cells


def _without_peaks(heatmaps: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Heatmaps (K, H, W) that are 0 about the cells (K, 2) and as far as the windows about them reach."""
    rows, columns = np.ogrid[: heatmaps.shape[1], : heatmaps.shape[2]]
    x, y = cells[:, 0, None, None], cells[:, 1, None, None]
    return np.where((np.abs(columns - x) <= WINDOW + 1) & (np.abs(rows - y) <= WINDOW + 1), 0, heatmaps)


def decode_heatmaps(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A person's keypoints in heatmaps (B, 25, H, W) of probabilities: cells (B, 25, 2) and the probability (B, 25)
    within the window.
    """
    return window_means(heatmaps, body_peaks(heatmaps))


def window_means(heatmaps: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean place (B, K, 2) within the windows about cells (B, K, 2) of heatmaps (B, K, H, W), and the probability
    (B, K) there.

    The network is trained with a cross-entropy over cells, so its heatmap is a distribution, and that mean has no
    quantisation error (the aim of UDP and DARK).
    """
    batch, count = heatmaps.shape[:2]
    peak_x, peak_y = cells[..., 0], cells[..., 1]
    offsets = np.arange(-WINDOW, WINDOW + 1)
    rows, columns = (peak_y[..., None] + offsets)[..., :, None], (peak_x[..., None] + offsets)[..., None, :]
    y, x = (np.clip(side, 0, extent - 1) for side, extent in zip((rows, columns), heatmaps.shape[2:], strict=True))
    index = np.arange(batch)[:, None, None, None], np.arange(count)[None, :, None, None]
    window = heatmaps[index[0], index[1], y, x] * ((y == rows) & (x == columns))
    mass = window.sum((2, 3))
    safe = np.maximum(mass, 1e-9)
    x = peak_x + (window.sum(2) * offsets).sum(2) / safe
    y = peak_y + (window.sum(3) * offsets).sum(2) / safe
    return np.stack([x, y], -1), mass


def calibrate(mass: np.ndarray, calibration: str) -> np.ndarray:
    """Peak probabilities as the share of keypoints so sure that lie within .2 torso of the truth.

    `calibration` is JSON, {"mass": [...], "confidence": [...]}: knots of a monotone curve, measured when the network
    was exported on pictures that it was not trained on.
    """
    knots = json.loads(calibration)
    return np.interp(mass, knots["mass"], knots["confidence"]).astype(np.float32)
