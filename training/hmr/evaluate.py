"""HMR beside PosePrior on photos: `python -m body_from_image.training evaluate-hmr --run runs/hmr`.

All see the same people, in the crop that Human2D looked at. PosePrior and ShapePrior answer to Human2D's keypoints and
silhouette; HMR to the crop's pixels, and its body stands where its own camera puts it. Either may be refined on what
Human2D saw. `evaluate-finetuning` measures in the same way. Nothing is chosen by the validation split.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import BodyEstimate
from ...inference.engine import Engine, Lifted, Settings, observed, with_silhouette
from ...inference.networks.crop import crop_of_box
from ...inference.networks.person import person_cells
from ..data.photos2d import CCP, LSPET, LabelledCrop, load_crops
from ..measure.figures import add_json_option, keep
from ..measure.timing import load, median_ms
from ..reprojection.evaluate import Guess, Seen, all_photo_figures, as_text, predict, see
from .predict import HMR

REPEATS = 15


def hmr_body(engine: Engine, hmr: HMR, on_its_own: bool, seen: Seen) -> BodyEstimate:
    """HMR's body, unrefined: where its own camera puts it, or where it lies best on Human2D's keypoints."""
    detection, camera = seen.detection, engine.camera(seen.photo.size)
    answer = hmr(seen.photo.pixels, detection.crop, camera)
    keypoints = answer.keypoints if on_its_own else detection.keypoints
    # HMR does not tell how far its rotations may be off, and refinement does not ask.
    frame = Lifted(keypoints, answer.rotations, camera, np.full(len(answer.rotations), np.nan))
    placed = engine.place([frame], answer.betas, observed(detection, seen.photo.path))
    return with_silhouette(placed, person_cells(detection), detection.crop)


def guesses_of(engine: Engine, hmr: HMR) -> dict[str, Guess]:
    """The table's columns."""
    ours = partial(predict, engine, (engine.pose_prior, engine.shape_prior))
    start = partial(hmr_body, engine, hmr, False)
    return {
        "PosePrior": ours,
        "PosePrior, refined": lambda seen: engine.refine(ours(seen))[0],
        "HMR": partial(hmr_body, engine, hmr, True),
        "HMR, refined": lambda seen: engine.refine(start(seen))[0],
    }


def milliseconds(engine: Engine, guesses: dict[str, Guess], hmr: HMR, crop: LabelledCrop) -> dict[str, float]:
    """Median processor time from one crop's pixels to each body, with what Human2D takes where it is asked; HMR alone
    needs nothing of it but the box."""
    seen = see(engine, crop.image, crop.box)
    if seen.detection is None:
        return dict.fromkeys(guesses, float("nan"))
    looking = median_ms(lambda: see(engine, crop.image, crop.box), REPEATS, time.process_time)
    window, camera = crop_of_box(crop.box), engine.camera(seen.photo.size)
    alone = median_ms(lambda: hmr(crop.image, window, camera), REPEATS, time.process_time)
    own = {
        name: median_ms(lambda guess=guess: guess(seen), REPEATS, time.process_time) for name, guess in guesses.items()
    }
    return {name: alone if name == "HMR" else looking + taken for name, taken in own.items()}


def evaluate(engine: Engine, hmr: HMR, split: str, limit: int | None) -> dict[str, dict[str, float]]:
    """All figures of every way. Raises PackMissing."""
    guesses = guesses_of(engine, hmr)
    crops = [crop for source in (LSPET, CCP) for crop in load_crops(split, (source,), limit)]
    table = all_photo_figures(engine, guesses, crops, split, limit)
    for name, taken in milliseconds(engine, guesses, hmr, crops[0]).items():
        table[name]["ms"] = taken
    print(f"{len(crops)} {split} photos; {load()}.\n")
    return table


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-hmr", description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/hmr"), help="run folder of hmr")
    parser.add_argument("--split", choices=("calibration", "validation"), default="validation")
    parser.add_argument("--limit", type=int, help="photos of each source")
    add_json_option(parser, "hmr")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1, refine=False))
    table = evaluate(engine, HMR(options.run, engine.body), options.split, options.limit)
    print(as_text(table))
    keep(options.json, "evaluate-hmr", arguments, table)
