"""What Human2D says of labelled crops, and its 2D metrics, each defined once.

* PCK@0.2: share of the labelled limb joints (ankles … shoulders) within .2 of the distance from left shoulder to right
  hip; pictures in which either is unlabelled are left out.
* PCK@0.1 box: the same within .1 of the longer side of the labelled joints' box.
* PCKh@0.5: the same within .5 of the head segment. MPII takes .6 of the diagonal of a head box for it; our labels have
  no such box, so that it is the distance from upper_neck to head_top.
* Silhouette IoU: at the crop's full size, mean over pictures, human masks only.

A person who is not found has keypoints at infinity, and counts as wrong in all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ...inference.geometry.joints import KEYPOINT_INDEX, LIMB_KEYPOINTS
from ...inference.networks.crop import CROP_SIZE, Crop, crop_of_box, heatmap_to_crop
from ...inference.networks.heatmaps import decode_heatmaps
from ..data.photos2d import LabelledCrop

Run = Callable[[np.ndarray], list[np.ndarray]]
"""Crops (B, 3, 256, 256) in 0–1 to heatmaps (B, 25, 64, 64) and silhouettes (B, 1, 64, 64), as probabilities, and
whatever else a network gives."""


def predict(
    run: Run, crops: list[LabelledCrop], batch: int = 8, decode=decode_heatmaps
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Keypoints (N, 25, 2) in pixels of each image, peak mass (N, 25), and silhouette probabilities at each image's
    size.
    """
    points, masses, silhouettes = [], [], []
    for start in range(0, len(crops), batch):
        examples = crops[start : start + batch]
        windows = [crop_of_box(example.box) for example in examples]
        images = np.stack([window.cut(example.image) for window, example in zip(windows, examples, strict=True)])
        heatmaps, masks, *_ = run(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        cells, mass = decode(heatmaps)
        masses.append(mass)
        for window, example, cell, mask in zip(windows, examples, cells, masks[:, 0], strict=True):
            points.append(window.to_photo(heatmap_to_crop(cell)))
            silhouettes.append(in_photo(mask, window, example.image.shape[1::-1]))
    return np.stack(points), np.concatenate(masses), silhouettes


def in_photo(silhouette: np.ndarray, crop: Crop, size: tuple[int, int]) -> np.ndarray:
    """A crop's silhouette (S, S) drawn where it lies in a photo of `size` (width, height)."""
    large = cv2.resize(silhouette, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_CUBIC)
    return cv2.warpAffine(large, crop.photo_from_crop, size)


def torso_lengths(crops: list[LabelledCrop]) -> np.ndarray:
    """Left shoulder to right hip (N,), pixels; NaN where either is not labelled."""
    return _segment_lengths(crops, "left_shoulder", "right_hip")


def head_lengths(crops: list[LabelledCrop]) -> np.ndarray:
    """Upper neck to the top of the head (N,), pixels; NaN where either is not labelled, or both on one spot."""
    return _segment_lengths(crops, "upper_neck", "head_top")


def _segment_lengths(crops: list[LabelledCrop], start: str, end: str) -> np.ndarray:
    ends = np.stack([crop.keypoints[[KEYPOINT_INDEX[start], KEYPOINT_INDEX[end]]] for crop in crops])
    length = np.linalg.norm(ends[:, 0, :2] - ends[:, 1, :2], axis=1)
    return np.where(ends[:, :, 2].all(1) & (length > 0), length, np.nan)


def box_lengths(crops: list[LabelledCrop]) -> np.ndarray:
    """Longer side of the box about the labelled joints (N,), pixels; NaN where fewer than two are labelled."""
    lengths = np.full(len(crops), np.nan)
    for number, crop in enumerate(crops):
        labelled = crop.keypoints[crop.keypoints[:, 2] > 0, :2]
        if len(labelled) >= 2:
            lengths[number] = np.ptp(labelled, axis=0).max()
    return lengths


def relative_errors(points: np.ndarray, crops: list[LabelledCrop], lengths=torso_lengths) -> np.ndarray:
    """Distance to the truth over a length of the body (N, 25); NaN where there is no label or no such length."""
    truth = np.stack([example.keypoints for example in crops])
    error = np.linalg.norm(points - truth[..., :2], axis=-1) / lengths(crops)[:, None]
    return np.where(truth[..., 2] > 0, error, np.nan)


def pck(errors: np.ndarray, joints: np.ndarray = LIMB_KEYPOINTS, threshold: float = 0.2) -> float:
    """Share of known errors (N, 25) below the threshold, over the limb joints."""
    known = errors[:, joints]
    known = known[~np.isnan(known)]
    return float((known < threshold).mean()) if len(known) else float("nan")


def silhouette_iou(silhouettes: list[np.ndarray], crops: list[LabelledCrop]) -> float:
    """Mean IoU of silhouettes (H, W) of probabilities over the crops that have a human mask."""
    scores = []
    for silhouette, example in zip(silhouettes, crops, strict=True):
        if example.human_mask:
            found, truth = silhouette >= 0.5, example.mask > 127
            scores.append((found & truth).sum() / max((found | truth).sum(), 1))
    return float(np.mean(scores)) if scores else float("nan")


@dataclass(frozen=True)
class ReliabilityBin:
    """Keypoints whose confidence lies in one bin from `low` on: how many, their mean confidence, and the share that is
    right."""

    low: float
    count: int
    confidence: float
    right: float


def reliability(confidence: np.ndarray, errors: np.ndarray, bins: int = 10) -> list[ReliabilityBin]:
    """Confidence (N, 25) against the share of keypoints within .2 torso, over bins that hold any."""
    known = np.isfinite(errors)
    confidence, right = confidence[known], errors[known] < 0.2
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    chosen = [(number / bins, place == number) for number in range(bins) if (place == number).any()]
    return [
        ReliabilityBin(low, int(one.sum()), float(confidence[one].mean()), float(right[one].mean()))
        for low, one in chosen
    ]


def calibration_error(confidence: np.ndarray, errors: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean gap, over confidence bins, to the share of keypoints within .2 torso."""
    parts = reliability(confidence, errors, bins)
    total = sum(part.count for part in parts)
    return sum(abs(part.confidence - part.right) * part.count for part in parts) / max(total, 1)
