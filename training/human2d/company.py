"""Somebody else in a training picture: another crop's person, cut out and put before or behind the one it is about."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ..data.photos2d import LabelledCrop

HEIGHT = (0.6, 1.4)
"""Of somebody else, over the person's own."""
ASIDE = (0.15, 0.7)
"""How far they stand aside, over the mean of the two widths; up and down a third of that."""
BEFORE = 0.5
"""Share of them who stand before the person, where either can be."""
MIN_VISIBLE = 0.4
"""Share of the person that must still be seen."""
HIDDEN_WEIGHT = 0.5
"""Of a label that somebody else hides."""
MIN_AREA = 0.02
"""Of its picture, from which a silhouette is worth cutting out."""
TRIES = 4


def with_somebody_else(example: LabelledCrop, others: Sequence[LabelledCrop], rng: np.random.Generator) -> LabelledCrop:
    """The example with one of `others` beside them, as far as one of a few drawn ones has a silhouette and leaves
    enough of the person to be seen; else the example."""
    for _ in range(TRIES):
        other = others[rng.integers(len(others))]
        if other.id != example.id and other.mask is not None and (other.mask > 127).mean() >= MIN_AREA:
            return _composed(example, other, rng)
    return example


def _composed(example: LabelledCrop, other: LabelledCrop, rng: np.random.Generator) -> LabelledCrop:
    x, y, width, height = example.box
    ox, oy, other_width, other_height = cv2.boundingRect(other.mask)
    scale = rng.uniform(*HEIGHT) * max(width, height) / max(other_width, other_height)
    aside = rng.uniform(*ASIDE) * (width + scale * other_width) / 2 * rng.choice((-1, 1))
    middle = np.array([x + width / 2 + aside, y + height / 2 + rng.normal() * abs(aside) / 3])
    linear = np.diag([scale * rng.choice((-1, 1)), scale])
    offset = middle - linear @ [ox + other_width / 2, oy + other_height / 2]
    affine, size = np.column_stack([linear, offset]), example.image.shape[1::-1]
    covered = cv2.warpAffine(other.mask, affine, size).astype(np.float32)[..., None] / 255
    drawn = cv2.warpAffine(other.image, affine, size, borderMode=cv2.BORDER_REPLICATE)
    mask = example.mask
    if mask is not None and mask.any() and rng.random() >= BEFORE:
        covered = covered * (1 - mask[..., None].astype(np.float32) / 255)
        return replace(example, image=_over(example.image, drawn, covered))
    hidden = _hidden(example.keypoints, covered[..., 0])
    if hidden.sum() > (1 - MIN_VISIBLE) * (example.keypoints[:, 2] > 0).sum():
        return example
    keypoints = example.keypoints.copy()
    keypoints[hidden, 2] *= HIDDEN_WEIGHT
    left = None if mask is None else np.where(covered[..., 0] > 0.5, 0, mask).astype(np.uint8)
    if left is not None and left.sum() < MIN_VISIBLE * mask.sum():
        return example
    return replace(example, image=_over(example.image, drawn, covered), keypoints=keypoints, mask=left)


def _over(image: np.ndarray, drawn: np.ndarray, covered: np.ndarray) -> np.ndarray:
    return (image * (1 - covered) + drawn * covered).astype(np.uint8)


def _hidden(keypoints: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Which labelled keypoints (25, 3) lie under what is drawn over a picture, (H, W) in 0–1."""
    x, y = np.round(keypoints[:, :2]).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < covered.shape[1]) & (y < covered.shape[0])
    under = covered[np.clip(y, 0, covered.shape[0] - 1), np.clip(x, 0, covered.shape[1] - 1)] > 0.5
    return (keypoints[:, 2] > 0) & inside & under
