"""What finetuning by reprojection is worth: `python -m body_from_image.training evaluate-finetuning [--after
runs/finetune]`.

Rows 3 and 4 of the paper's Table 1 on people of held-out mocap clips; and, since synthetic people cannot show what real
photos teach, the same priors on validation photos, from the same detections, without refinement.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import BodyEstimate
from ...inference.engine import Engine, Lifted, Settings, observed, with_silhouette
from ...inference.errors import NoPersonError
from ...inference.files.images import Photo
from ...inference.models import MODELS
from ...inference.networks.human2d import Detection
from ...inference.networks.person import person_cells
from ...inference.networks.priors import POSE_WEIGHTS, PosePrior, ShapePrior
from ..data.packs import PackMissing
from ..data.photos2d import CCP, LSPET, LabelledCrop, load_crops
from ..measure.figures import add_json_option, keep
from ..measure.keypoints2d import pck, relative_errors
from ..measure.metrics import mpjpe, pa_mpjpe, scale_corrected
from ..measure.photos3d import MeasuredPhoto, load_photos3d
from ..people.instances import Instances, People, true_keypoints
from ..priors.corruption import Corruption, corrupt
from ..priors.evaluation.command import lifted, noisy_keypoints, pelvis_aligned_vertices
from ..priors.silhouettes import framed_silhouettes, project_bodies
from ..refinement.evaluate import Photographed, nan_mean, near_detection, overlap, places
from ..refinement.methods import fit

Priors = tuple[PosePrior, ShapePrior]


@dataclass(frozen=True)
class Seen:
    """A photo, and what Human2D saw in it; None where it saw nobody."""

    photo: Photo
    detection: Detection | None


Guess = Callable[[Seen], BodyEstimate]
"""A way to the body of somebody who was found in a photo."""


def see(engine: Engine, image: np.ndarray, box: np.ndarray | None = None) -> Seen:
    photo = Photo(image, None, Path("photo.jpg"))
    try:
        return Seen(photo, engine.detect(photo, box).detection)
    except NoPersonError:
        return Seen(photo, None)


def predict(engine: Engine, priors: Priors, seen: Seen) -> BodyEstimate:
    """The priors' own answer, unrefined."""
    pose, shape = priors
    detection, camera = seen.detection, engine.camera(seen.photo.size)
    rotations, uncertainty = pose.with_uncertainty(detection.keypoints[None], camera)
    frame = Lifted(detection.keypoints, rotations[0], camera, uncertainty[0])
    cells = person_cells(detection)
    betas = shape(cells[None])[0]
    placed = engine.place([frame], betas, observed(detection, seen.photo.path))
    return with_silhouette(placed, cells, detection.crop)


def photo_figures(engine: Engine, guesses: dict[str, Guess], crops: list[LabelledCrop]) -> dict[str, dict[str, float]]:
    """For each way: where the projected body lies on photos with 2D labels."""
    photos = []
    for crop in crops:
        seen = see(engine, crop.image, crop.box)
        if seen.detection is None:
            photos.append(Photographed(crop, None, None))
            continue
        fits = {name: fit(engine.body, guess(seen)) for name, guess in guesses.items()}
        photos.append(Photographed(crop, seen.detection.keypoints, fits))
    sports = [photo for photo in photos if photo.crop.source == LSPET]
    fashion = [photo for photo in photos if photo.crop.source == CCP]
    found = [photo for photo in photos if photo.fits is not None]
    return {
        name: {
            "PCK@0.2 lspet": pck(relative_errors(places(sports, name), [photo.crop for photo in sports])),
            "PCK@0.2 ccp": pck(relative_errors(places(fashion, name), [photo.crop for photo in fashion])),
            "near Human2D": near_detection(found, name),
            "IoU lspet": nan_mean([overlap(photo, name) for photo in sports]),
            "IoU ccp": nan_mean([overlap(photo, name) for photo in fashion]),
        }
        for name in guesses
    }


def measured_figures(engine: Engine, guesses: dict[str, Guess], photos: list[MeasuredPhoto]) -> dict[str, float]:
    """For each way: PA-MPJPE of photos3d's limbs in mm, where somebody was found."""
    seen = [(photo, see(engine, photo.image)) for photo in photos]
    found = [(photo, one) for photo, one in seen if one.detection is not None]
    return {
        name: float(np.mean([photo.error(guess(one).joints_3d[0]) for photo, one in found]))
        for name, guess in guesses.items()
    }


def all_photo_figures(
    engine: Engine, guesses: dict[str, Guess], crops: list[LabelledCrop], split: str, limit: int | None
) -> dict[str, dict[str, float]]:
    """`photo_figures` and, of the validation split, by which nothing is chosen, `measured_figures`."""
    table = photo_figures(engine, guesses, crops)
    if split == "validation":
        try:
            for name, error in measured_figures(engine, guesses, load_photos3d()[:limit]).items():
                table[name]["PA-MPJPE, photos3d"] = error
        except PackMissing as missing:
            print(missing)
    return table


def synthetic_figures(engine: Engine, priors: Priors, made: Instances, seed: int = 1) -> dict[str, float]:
    """On synthetic people of held-out clips, mm: both priors' mean per-vertex error as in Table 1, joints with the true
    shape, clean and corrupted."""
    pose, shape = priors
    rng = np.random.default_rng(seed)
    points = true_keypoints(made)
    silhouettes = framed_silhouettes(project_bodies(engine.body, made), engine.body.faces, rng)
    betas = shape(silhouettes[:, 0])
    figures = {}
    for name, keypoints in (
        ("2 % noise", noisy_keypoints(points, rng)),
        ("corrupted", corrupt(points, rng, Corruption())),
    ):
        rotations, _ = lifted(pose, keypoints)
        found, truth = (engine.body.pose(made.betas, r).joints for r in (rotations, made.rotations))
        figures |= {
            f"MPJPE, {name}": float(mpjpe(found, truth).mean()),
            f"PA-MPJPE, {name}": float(pa_mpjpe(found, truth).mean()),
        }
        if name == "2 % noise":
            apart = pelvis_aligned_vertices(engine.body, betas, rotations) - pelvis_aligned_vertices(
                engine.body, made.betas, made.rotations
            )
            figures["per vertex, both priors"] = 1e3 * float(np.linalg.norm(apart, axis=-1).mean())
    rest = engine.body.rest_vertices
    return figures | {"PVE-T-SC": float(scale_corrected(rest(betas), rest(made.betas)).mean())}


def evaluate(engine: Engine, pairs: dict[str, Priors], split: str, count: int, limit: int | None) -> dict:
    """All figures of every pair. On `calibration` photos the synthetic people are of validation clips, on `validation`
    photos of test clips."""
    clips = "test" if split == "validation" else "validation"
    made = People(engine.body, clips, widen=False).draw(count, np.random.default_rng(0))
    table = {name: synthetic_figures(engine, priors, made) for name, priors in pairs.items()}
    crops = [crop for source in (LSPET, CCP) for crop in load_crops(split, (source,), limit)]
    guesses = {name: partial(predict, engine, priors) for name, priors in pairs.items()}
    for name, figures in all_photo_figures(engine, guesses, crops, split, limit).items():
        table[name] |= figures
    return table


def as_text(table: dict[str, dict[str, float]]) -> str:
    """A table in Markdown, a row for each figure."""
    lines = ["| | " + " | ".join(table) + " |", "| --- |" + " ---: |" * len(table)]
    for name in next(iter(table.values())):
        digits = 1 if name.startswith(("MPJPE", "PA", "per", "PVE", "ms")) else 3
        lines.append(f"| {name} | " + " | ".join(f"{figures[name]:.{digits}f}" for figures in table.values()) + " |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-finetuning", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--after", type=Path, nargs="+", default=[], help="folders of a further pose_prior.onnx, and shape_prior.onnx"
    )
    parser.add_argument("--split", choices=("calibration", "validation"), default="validation")
    parser.add_argument("--count", type=int, default=1000, help="synthetic people")
    parser.add_argument("--limit", type=int, help="photos of each source")
    add_json_option(parser, "finetuning")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1, refine=False))
    mocap = PosePrior("cpu", 1, MODELS / f"{POSE_WEIGHTS['mocap']}.onnx")
    pairs = {"before": (mocap, engine.shape_prior), "as it ships": (engine.pose_prior, engine.shape_prior)}
    for folder in options.after:
        own_shape = folder / "shape_prior.onnx"
        shape = ShapePrior("cpu", 1, file=own_shape) if own_shape.exists() else engine.shape_prior
        pairs[folder.name] = (PosePrior("cpu", 1, folder / "pose_prior.onnx"), shape)
    table = evaluate(engine, pairs, options.split, options.count, options.limit)
    print(as_text(table))
    keep(options.json, "evaluate-finetuning", arguments, table)
