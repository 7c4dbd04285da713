"""Measure Human2D: `python -m body_from_image.training evaluate-human2d --network FILE.onnx`.

Metrics as defined in METRICS below, on the validation split, which nothing is trained, calibrated or chosen on.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from ...inference.crop import CROP_SIZE, crop_of_box, heatmap_to_crop
from ...inference.heatmaps import decode_heatmaps
from ...inference.joints import KEYPOINT_INDEX, LIMB_KEYPOINTS
from ..photos2d import CCP, LSPET, LabelledCrop, load_crops

METRICS = """PCK@0.2: share of the labelled limb joints within .2 of the distance from left shoulder to right hip;
images without either are left out. Silhouette IoU: at the crop's full size, mean over images, human masks only."""


def predict(
    run, crops: list[LabelledCrop], batch: int = 8, decode=decode_heatmaps
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Keypoints (N, 25, 2) in pixels of each image, peak mass (N, 25), and silhouette probabilities at each image's
    size.

    `run` takes crops (B, 3, 256, 256) in 0–1 and returns heatmaps (B, 25, 64, 64) and silhouettes (B, 1, 64, 64).
    """
    points, masses, silhouettes = [], [], []
    for start in range(0, len(crops), batch):
        examples = crops[start : start + batch]
        windows = [crop_of_box(example.box) for example in examples]
        images = np.stack([window.cut(example.image) for window, example in zip(windows, examples, strict=True)])
        heatmaps, masks = run(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        cells, mass = decode(heatmaps)
        masses.append(mass)
        for window, example, cell, mask in zip(windows, examples, cells, masks[:, 0], strict=True):
            points.append(window.to_photo(heatmap_to_crop(cell)))
            size = example.image.shape[1::-1]
            large = cv2.resize(mask, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_CUBIC)
            silhouettes.append(cv2.warpAffine(large, window.photo_from_crop, size))
    return np.stack(points), np.concatenate(masses), silhouettes


def torso_lengths(crops: list[LabelledCrop]) -> np.ndarray:
    """Left shoulder to right hip (N,), pixels; NaN where either is not labelled."""
    ends = np.stack([c.keypoints[[KEYPOINT_INDEX["left_shoulder"], KEYPOINT_INDEX["right_hip"]]] for c in crops])
    length = np.linalg.norm(ends[:, 0, :2] - ends[:, 1, :2], axis=1)
    return np.where(ends[:, :, 2].all(1), length, np.nan)


def relative_errors(points: np.ndarray, crops: list[LabelledCrop]) -> np.ndarray:
    """Distance to the truth over the torso (N, 25); NaN where there is no label or no torso."""
    truth = np.stack([example.keypoints for example in crops])
    error = np.linalg.norm(points - truth[..., :2], axis=-1) / torso_lengths(crops)[:, None]
    return np.where(truth[..., 2] > 0, error, np.nan)


def pck(errors: np.ndarray, joints: np.ndarray = LIMB_KEYPOINTS, threshold: float = 0.2) -> float:
    """Share of known errors (N, 25) below the threshold, over the limb joints."""
    known = errors[:, joints]
    known = known[np.isfinite(known)]
    return float((known < threshold).mean()) if len(known) else float("nan")


def silhouette_iou(silhouettes: list[np.ndarray], crops: list[LabelledCrop]) -> float:
    """Mean IoU over the crops that have a human mask."""
    scores = []
    for silhouette, example in zip(silhouettes, crops, strict=True):
        if example.human_mask:
            found, truth = silhouette >= 0.5, example.mask > 127
            scores.append((found & truth).sum() / max((found | truth).sum(), 1))
    return float(np.mean(scores)) if scores else float("nan")


def calibration_error(confidence: np.ndarray, errors: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean gap, over confidence bins, to the share of keypoints within .2 torso."""
    known = np.isfinite(errors)
    confidence, right = confidence[known], errors[known] < 0.2
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean()
            for b in range(bins) if (place == b).any()]  # fmt: skip
    return float(sum(gaps))


def evaluate(run, calibrated=None) -> dict[str, float]:
    """All figures on the validation split. `calibrated` maps peak mass to confidence."""
    figures: dict[str, float] = {}
    for name, source in (("lspet", LSPET), ("ccp", CCP)):
        crops = load_crops("validation", (source,))
        points, mass, silhouettes = predict(run, crops)
        errors = relative_errors(points, crops)
        figures[f"{name} PCK@0.2"] = pck(errors)
        if source == LSPET:
            for joint, index in KEYPOINT_INDEX.items():
                figures[f"lspet PCK@0.2 {joint}"] = pck(errors, np.array([index]))
            if calibrated:
                figures["lspet calibration error"] = calibration_error(calibrated(mass), errors)
        else:
            figures["ccp IoU"] = silhouette_iou(silhouettes, crops)
    return figures


def print_figures(figures: dict[str, float]) -> None:
    for name, value in figures.items():
        print(f"{name:<32} {value:.3f}")


def main(arguments: list[str]) -> None:
    import onnxruntime

    from ...inference.heatmaps import calibrate

    parser = argparse.ArgumentParser(prog="training evaluate-human2d", description=METRICS)
    parser.add_argument("--network", type=Path, help="ONNX file; default: the one that ships")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(arguments)
    path = options.network or Path(__file__).parents[2] / "inference" / "models" / "human2d_fast.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    knots = session.get_modelmeta().custom_metadata_map.get("calibration")
    figures = evaluate(
        lambda crops: session.run(None, {"crops": crops}), (lambda mass: calibrate(mass, knots)) if knots else None
    )
    print_figures(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
