"""What is coloured alike: somebody in two pictures of a film; and a film before and after a cut is not."""

from dataclasses import replace

import cv2
import numpy as np

from .human2d import Detection
from .person import person_cells

COLOURS = (12, 6, 4)
"""Bins of hue, saturation and value."""

CUT_CHANGE, CUT_SHARE, CUT_COLOURS = 30, 0.6, 0.6
"""Levels by which a part of the picture changes, the share of parts that do, and the distance of all colours, from
which a film is cut."""


def colours_of(detection: Detection, photo: np.ndarray) -> np.ndarray:
    """How the person's silhouette is coloured: shares (288,) of hues, saturations and values."""
    mask = person_cells(detection) >= 0.5
    cells = replace(detection.crop, size=len(mask)).cut(photo)
    return shares_of_colours(cells, mask.astype(np.uint8) if mask.any() else None)


def shares_of_colours(picture: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Shares (288,) of hues, saturations and values in a picture (H, W, 3) uint8 RGB, or where its `mask` (H, W) is not
    0."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    shares = cv2.calcHist([hsv], [0, 1, 2], mask, list(COLOURS), [0, 180, 0, 256, 0, 256]).ravel()
    return shares / shares.sum()


def colour_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Bhattacharyya's distance of two histograms, 0 (alike) to 1."""
    return float(np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())))


def glimpse(picture: np.ndarray) -> np.ndarray:
    """What `is_cut` compares of a picture (H, W, 3) uint8 RGB: (18, 32, 3)."""
    return cv2.resize(picture, (32, 18), interpolation=cv2.INTER_AREA)


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a film goes on somewhere else between two glimpses of its pictures: almost nothing is where it was, nor
    coloured as before."""
    changed = np.abs(before.astype(int) - after).max(-1) > CUT_CHANGE
    if changed.mean() < CUT_SHARE:
        return False
    return colour_distance(shares_of_colours(before), shares_of_colours(after)) > CUT_COLOURS
