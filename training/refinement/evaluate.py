"""Measure what refinement is worth: `python -m body_from_image.training evaluate-refinement`.

The paper's Table 5 with our networks: SMPLify from the mean pose, the same anchored at our prediction, and what ships,
on real photos. It runs as long as Human2D and the priors that ship can be loaded; nothing is chosen on these figures.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...inference.drawing.overlay import draw_overlay
from ...inference.engine import Engine, Settings
from ...inference.errors import NoPersonError
from ...inference.files.images import Photo
from ...inference.geometry.joints import KEYPOINT_NAMES, LIMB_KEYPOINTS
from ...inference.networks.person import SURE_CONFIDENCE
from ..data.packs import PackMissing
from ..data.photos2d import CCP, LSPET, LabelledCrop, load_crops
from ..measure.figures import add_json_option, keep
from ..measure.keypoints2d import pck, relative_errors, torso_lengths
from ..measure.photos3d import load_photos3d
from .methods import METHODS, Fit, fit_all

METRICS = """PCK@0.2: share of the labelled limb joints on which the projected body lies within .2 torso; "of Human2D's"
divides that by Human2D's own PCK. "near Human2D": share of its sure limb keypoints within .2 torso of the body. IoU of
the body's silhouette, mean over images: ccp against human masks, lspet against MediaPipe's where trusted. FB: accuracy
and mean F1 of {background, person}, pixels pooled, same masks. A person not found counts as wrong. Worse: photos where
fewer limb joints are right than before, and where IoU fell by more than .02. PA-MPJPE of photos3d in mm, limbs. Times
are the processor's, without detection."""
PAPER = """paper, Table 5 (LSP test, 6 parts; Human2D of its own): FB acc / F1, part acc / F1
    SMPLify             91.89 / 88.07   87.71 / 63.98
    SMPLify + anchor    92.17 / 88.38   88.24 / 64.62   3 times faster
(our packs have no part labels, so there is no such column here)"""
FELL = 0.02


@dataclass(frozen=True)
class Photographed:
    """One labelled photo: Human2D's keypoints (25, 3) and each method's fit; None where nobody was found."""

    crop: LabelledCrop
    detected: np.ndarray | None
    fits: dict[str, Fit] | None


def photograph(engine: Engine, crop: LabelledCrop) -> Photographed:
    """All methods on one photo, in the labelled person's box."""
    try:
        estimate = engine.estimate(Photo(crop.image, None, Path(f"{crop.id}.jpg")), crop.box).estimate
    except NoPersonError:
        return Photographed(crop, None, None)
    return Photographed(crop, estimate.keypoints_2d[0], fit_all(engine.body, estimate))


def places(photos: list[Photographed], method: str) -> np.ndarray:
    """Projected keypoints (N, 25, 2); infinitely far where nobody was found."""
    nowhere = np.full((len(KEYPOINT_NAMES), 2), np.inf)
    return np.stack([nowhere if photo.fits is None else photo.fits[method].keypoints for photo in photos])


def overlap(photo: Photographed, method: str) -> float:
    """IoU with the photo's mask; NaN without one, 0 where nobody was found."""
    if photo.crop.mask is None:
        return float("nan")
    if photo.fits is None:
        return 0.0
    found, truth = photo.fits[method].mask, photo.crop.mask > 127
    return float((found & truth).sum() / max((found | truth).sum(), 1))


def foreground(photos: list[Photographed], method: str) -> tuple[float, float]:
    """Accuracy and mean F1 of background and person, pixels of all photos with a mask pooled."""
    counts = np.zeros((2, 2))
    for photo in photos:
        if photo.crop.mask is not None:
            truth = photo.crop.mask > 127
            found = np.zeros_like(truth) if photo.fits is None else photo.fits[method].mask
            counts += np.histogram2d(truth.ravel(), found.ravel(), bins=2, range=((0, 1), (0, 1)))[0]
    f1 = [2 * counts[k, k] / max(counts[k].sum() + counts[:, k].sum(), 1) for k in (0, 1)]
    return float(np.trace(counts) / max(counts.sum(), 1)), float(np.mean(f1))


def figures_of(photos: list[Photographed], method: str) -> dict[str, float]:
    """One row of the table."""
    sports = [photo for photo in photos if photo.crop.source == LSPET]
    fashion = [photo for photo in photos if photo.crop.source == CCP]
    seen = [photo for photo in photos if photo.fits is not None]
    errors = relative_errors(places(sports, method), [photo.crop for photo in sports])
    accuracy, f1 = foreground(photos, method)
    row = {
        "PCK@0.2 lspet": pck(errors),
        "near Human2D": near_detection(seen, method),
        "IoU lspet": nan_mean([overlap(photo, method) for photo in sports]),
        "IoU ccp": nan_mean([overlap(photo, method) for photo in fashion]),
        "FB acc": accuracy,
        "FB F1": f1,
        "median ms": 1e3 * float(np.median([photo.fits[method].seconds for photo in seen])),
        "steps": float(np.mean([photo.fits[method].steps for photo in seen])),
        "not accepted": float(sum(not photo.fits[method].accepted for photo in seen)),
    }
    return row | {name: float(len(harmed)) for name, harmed in worse(photos, method).items()}


def nan_mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def near_detection(seen: list[Photographed], method: str) -> float:
    """Share of Human2D's sure limb keypoints that the body lies on; NaN where nobody was found in any photo."""
    if not seen:
        return float("nan")
    apart, sure = [], []
    for photo, torso in zip(seen, torso_lengths([photo.crop for photo in seen]), strict=True):
        difference = photo.fits[method].keypoints - photo.detected[:, :2]
        apart.append(np.linalg.norm(difference, axis=1)[LIMB_KEYPOINTS] / torso)
        sure.append(photo.detected[LIMB_KEYPOINTS, 2] >= SURE_CONFIDENCE)
    apart, sure = np.concatenate(apart), np.concatenate(sure)
    return float((apart[sure & np.isfinite(apart)] < 0.2).mean())


def worse(photos: list[Photographed], method: str) -> dict[str, list[int]]:
    """Numbers of the photos where a method is worse than the direct prediction, in joints and in silhouette."""
    direct = next(iter(METHODS))
    joints, silhouettes = [], []
    seen = [photo for photo in photos if photo.fits is not None]
    for photo in seen:
        right = [
            (relative_errors(photo.fits[name].keypoints[None], [photo.crop])[:, LIMB_KEYPOINTS] < 0.2).sum()
            for name in (direct, method)
        ]
        if right[1] < right[0]:
            joints.append(photo.crop.id)
        if overlap(photo, method) < overlap(photo, direct) - FELL:
            silhouettes.append(photo.crop.id)
    return {"worse in joints": joints, "worse in IoU": silhouettes}


def limb_errors(engine: Engine, limit: int | None) -> dict[str, list[float]]:
    """PA-MPJPE on photos3d by method. Raises PackMissing."""
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    for photo in load_photos3d()[:limit]:
        try:
            estimate = engine.estimate(Photo(photo.image, None, Path(f"{photo.id}.jpg"))).estimate
        except NoPersonError:
            continue
        for name, fit in fit_all(engine.body, estimate).items():
            errors[name].append(photo.error(fit.joints))
    return errors


def evaluate(engine: Engine, split: str, limit: int | None) -> tuple[dict, list[Photographed]]:
    """All figures by method, Human2D's own PCK, and the photos."""
    crops = [crop for source in (LSPET, CCP) for crop in load_crops(split, (source,), limit)]
    photos = [photograph(engine, crop) for crop in crops]
    sports = [photo for photo in photos if photo.crop.source == LSPET]
    nowhere = np.full((len(KEYPOINT_NAMES), 2), np.inf)
    detected = np.stack([nowhere if photo.detected is None else photo.detected[:, :2] for photo in sports])
    table = {name: figures_of(photos, name) for name in METHODS}
    own = pck(relative_errors(detected, [photo.crop for photo in sports]))
    direct = next(iter(METHODS))
    for row in table.values():
        row["of Human2D's"] = row["PCK@0.2 lspet"] / own if own else float("nan")
        row["IoU gained"] = nan_mean([*(row[k] - table[direct][k] for k in ("IoU lspet", "IoU ccp"))])
    try:
        for name, errors in limb_errors(engine, limit).items():
            table[name]["PA-MPJPE"] = float(np.mean(errors)) if errors else float("nan")
    except PackMissing as missing:
        print(missing)
    counts = {"photos": len(photos), "people missed": sum(photo.fits is None for photo in photos)}
    return {"Human2D's own PCK@0.2 lspet": own, **counts, "methods": table}, photos


def print_table(figures: dict) -> None:
    table = figures["methods"]
    print(METRICS, "\n")
    for name, value in figures.items():
        if name != "methods":
            print(f"{name:<32} {value:.3f}" if isinstance(value, float) else f"{name:<32} {value}")
    names = list(table)
    print(f"\n{'':<18}" + "".join(f"{name:>20}" for name in names))
    for figure in table[names[0]]:
        digits = 1 if figure in ("median ms", "steps", "PA-MPJPE") else 0 if figure[:3] in ("wor", "not") else 3
        cells = "".join(f"{table[name].get(figure, float('nan')):>20.{digits}f}" for name in names)
        print(f"{figure:<18}{cells}")
    vanilla, anchored, ours = (table[name]["median ms"] for name in names[1:])
    print(f"\nSMPLify takes {vanilla / anchored:.1f} times as long as anchored, {vanilla / ours:.1f} times as ours.\n")
    print(PAPER)


def draw_sheet(engine: Engine, crops: list[LabelledCrop], path: Path, height: int = 360) -> None:
    """Before and after, side by side, four photos a row."""
    tiles = []
    for crop in crops:
        try:
            before = engine.estimate(Photo(crop.image, None, Path(f"{crop.id}.jpg")), crop.box).estimate
        except NoPersonError:
            continue
        pair = np.hstack([draw_overlay(crop.image, estimate) for estimate in (before, engine.refine(before)[0])])
        pair = cv2.resize(pair, (round(pair.shape[1] * height / pair.shape[0]), height), interpolation=cv2.INTER_AREA)
        tiles.append(cv2.copyMakeBorder(pair, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255)))
    rows = [np.hstack(tiles[start : start + 4]) for start in range(0, len(tiles), 4)]
    width = max(row.shape[1] for row in rows)
    sheet = np.vstack([cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT) for row in rows])
    cv2.imwrite(str(path), sheet[..., ::-1])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-refinement", description=METRICS)
    parser.add_argument("--split", choices=("validation", "calibration"), default="validation")
    parser.add_argument("--limit", type=int, help="photos of each source")
    add_json_option(parser, "refinement")
    parser.add_argument("--sheet", type=Path, help="draw before and after of the photos that became worse here")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1, refine=False))
    figures, photos = evaluate(engine, options.split, options.limit)
    print_table(figures)
    keep(options.json, "evaluate-refinement", arguments, figures)
    if options.sheet:
        harmed = {number for numbers in worse(photos, list(METHODS)[-1]).values() for number in numbers}
        if harmed:
            draw_sheet(engine, [photo.crop for photo in photos if photo.crop.id in harmed][:24], options.sheet)
