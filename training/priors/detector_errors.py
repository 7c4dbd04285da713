"""How Human2D errs, measured: `python -m body_from_image.training detector-errors`.

On the calibration crops, which no network is trained on, the engine's detections are compared with trusted labels. What
is kept is a row for each person: for each keypoint the confidence, whether it was found at its mirror image, and the
error in torso lengths. `corruption.corrupt` draws whole rows, so errors keep their size, their relation to confidence,
and their company within a person. No picture and no label enters the table.
"""

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...inference.errors import NoPersonError
from ...inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, LIMB_KEYPOINTS
from ...inference.networks.crop import crop_of_box
from ...inference.networks.human2d import Human2D
from ...inference.networks.person import check_person, look_twice
from ..data.photos2d import CCP, LSPET, LabelledCrop, load_crops

TABLE = Path(__file__).with_name("detector_errors.npz")
TRUSTED = 0.5
"""Weight from which a label counts as the truth: those that the teacher contradicts do not."""
FEWEST_LABELS = 8
NEAR = 0.2
"""Torso lengths within which a keypoint is right, as in PCK."""
BLIND = 0.02
"""A network that never gives a keypoint more confidence than this was not trained for it."""
SHAKEN_SIZE, SHAKEN_PLACE = 0.12, 0.03
"""Deviations of a found box from the true one: of its size, as a logarithm, and of its place over its longer side."""
NEIGHBOURS = {
    "nose": "head_top", "ear": "upper_neck", "heel": "ankle", "big_toe": "ankle", "knuckles": "wrist",
}  # fmt: skip
"""Keypoints that the others resemble in how they are found, for networks that know MPII's only."""


@dataclass(frozen=True)
class DetectorErrors:
    """N people, K keypoints."""

    confidence: np.ndarray
    """(N, K) 0–1."""
    swapped: np.ndarray
    """(N, K) bool: found near its mirror image and not near itself."""
    error: np.ndarray
    """(N, K, 2) torso lengths from the truth, or from the mirror image's where swapped; x right, y down."""
    sport: np.ndarray
    """(N,) bool: sports pictures, which are hard; the others are of fashion, and easy."""

    @classmethod
    @cache
    def load(cls) -> "DetectorErrors":
        """The table that is part of the package."""
        with np.load(TABLE) as archive:
            floats = {name: archive[name].astype(np.float32) for name in ("confidence", "error")}
            return cls(swapped=archive["swapped"], sport=archive["sport"], **floats)

    def save(self, path: Path) -> None:
        np.savez_compressed(
            path, confidence=self.confidence.astype(np.float16), error=self.error.astype(np.float16),
            swapped=self.swapped, sport=self.sport,
        )  # fmt: skip


def torso_length(points: np.ndarray) -> np.ndarray:
    """(B,) distance from left shoulder to right hip (the PCK's yardstick) of points (B, K, 2), but no less than 0.3 of
    the body's extent, since a torso seen end-on is short."""
    torso = np.linalg.norm(points[:, KEYPOINT_INDEX["left_shoulder"]] - points[:, KEYPOINT_INDEX["right_hip"]], axis=1)
    extent = np.linalg.norm(points.max(1) - points.min(1), axis=1)
    return np.maximum(torso, extent * 0.3)


def measure(crops: list[LabelledCrop], human2d: Human2D, seed: int = 0) -> tuple[DetectorErrors, int]:
    """Rows for the crops with enough trusted labels, and in how many of them nobody was found.

    Each person is looked at in a box that is off as a found one would be. A keypoint without a label gets the swap and
    the error of somebody's of the same name with a like confidence.
    """
    rng = np.random.default_rng(seed)
    rows, missed = [], 0
    for crop in crops:
        known = crop.keypoints[:, 2] >= TRUSTED
        if known[LIMB_KEYPOINTS].sum() < FEWEST_LABELS:
            continue
        found = look_twice(crop.image, human2d, crop_of_box(_shaken(crop.box, rng)))
        try:
            check_person(found, boxed=True)
        except NoPersonError:
            missed += 1
            continue
        rows.append((*compare(found.keypoints, crop.keypoints, known), known, crop.source == LSPET))
    confidence, swapped, error, known, sport = (np.array(column) for column in zip(*rows, strict=True))
    for name, index in KEYPOINT_INDEX.items():
        if confidence[:, index].max() < BLIND:
            source = KEYPOINT_INDEX[_neighbour(name)]
            for values in (confidence, swapped, error, known):
                values[:, index] = values[:, source]
    _fill(confidence, swapped, error, known)
    return DetectorErrors(confidence, swapped, error, sport), missed


def _shaken(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A box (x, y, width, height) with its middle and its size a little off."""
    size = box[2:] * np.exp(rng.normal(0, SHAKEN_SIZE))
    middle = box[:2] + box[2:] / 2 + rng.normal(0, SHAKEN_PLACE, 2) * box[2:].max()
    return np.concatenate([middle - size / 2, size])


def _neighbour(name: str) -> str:
    side, _, part = name.partition("_")
    paired = side in ("left", "right")
    neighbour = NEIGHBOURS.get(part if paired else name, name)
    return neighbour if neighbour in KEYPOINT_INDEX else f"{side}_{neighbour}"


def compare(found: np.ndarray, truth: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence (K,), swapped (K,) and error (K, 2) of one person."""
    places = np.where(known[:, None], truth[:, :2], truth[known, :2].mean(0))
    torso = torso_length(places[None])[0]
    own, mirror = (found[:, :2] - places) / torso, (found[:, :2] - places[KEYPOINT_MIRROR]) / torso
    known_mirror = known[KEYPOINT_MIRROR]
    swapped = known_mirror & (np.linalg.norm(own, axis=1) > NEAR) & (np.linalg.norm(mirror, axis=1) < NEAR)
    return found[:, 2], swapped, np.where(swapped[:, None], mirror, own)


def _fill(confidence: np.ndarray, swapped: np.ndarray, error: np.ndarray, known: np.ndarray) -> None:
    """Give unlabelled entries, in place, the fate of the labelled one of the same keypoint and nearest confidence."""
    for keypoint in range(confidence.shape[1]):
        have, lack = np.flatnonzero(known[:, keypoint]), np.flatnonzero(~known[:, keypoint])
        if not len(have):
            continue
        gap = np.abs(confidence[lack, None, keypoint] - confidence[None, have, keypoint])
        like = have[gap.argmin(1)]
        swapped[lack, keypoint], error[lack, keypoint] = swapped[like, keypoint], error[like, keypoint]


def describe(table: DetectorErrors) -> list[str]:
    """Lines that say how the detector errs, on sports and on fashion pictures."""
    lines = []
    for name, part in (("sports", table.sport), ("fashion", ~table.sport)):
        confidence, swapped = table.confidence[part][:, LIMB_KEYPOINTS], table.swapped[part][:, LIMB_KEYPOINTS]
        length = np.linalg.norm(table.error[part][:, LIMB_KEYPOINTS], axis=-1)
        right = (length < NEAR) & ~swapped
        lines.append(
            f"{name}: {part.sum()} people, twelve limb keypoints: within .2 torso {right.mean():.3f}, at the mirror "
            f"image {swapped.mean():.3f}, elsewhere {(~right & ~swapped).mean():.3f}; error of right ones "
            f"{length[right].mean():.3f} torso; correlation within a person "
            f"{within_person_correlation(right.astype(float)):.2f}"
        )
        for low in np.arange(0, 1, 0.2):
            there = (confidence >= low) & (confidence < low + 0.2)
            if there.any():
                quantiles = np.quantile(length[there & ~swapped], (0.25, 0.5, 0.75, 0.9))
                lines.append(
                    f"    confidence {low:.1f}–{low + 0.2:.1f}: {there.mean():5.1%} of keypoints, "
                    f"right {right[there].mean():.2f}, swapped {swapped[there].mean():.2f}, "
                    "error quartiles and ninth tenth " + " ".join(f"{value:.2f}" for value in quantiles)
                )
    return lines


def within_person_correlation(values: np.ndarray) -> float:
    """Mean correlation of two keypoints of one person, values (N, K)."""
    centred = values - values.mean(0)
    count = values.shape[1]
    together = (centred.sum(1) ** 2).mean() - (centred**2).mean(0).sum()
    return float(together / (count * (count - 1)) / (centred**2).mean())


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training detector-errors", description="Measure how Human2D errs.")
    parser.add_argument(
        "--out", type=Path, default=TABLE, help="the table to write; default: the one that is drawn from"
    )
    options = parser.parse_args(arguments)
    table, missed = measure(load_crops("calibration", (LSPET, CCP), taught=True), Human2D("fast", "cpu", 1))
    table.save(options.out)
    print(*describe(table), f"nobody found in {missed} pictures; wrote {options.out}", sep="\n")
