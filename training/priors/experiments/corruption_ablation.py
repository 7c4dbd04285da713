"""What each kind of corruption is worth: `python -m body_from_image.training ablate-corruption --out DIR`.

The priors that ship go on learning for a while with everything that goes wrong with real detections, and with all but
one kind of it, from the same people; what they then make of real photos is measured beside synthetic people. A row says
what is forgotten without a kind within that while, which is less than what would be missing had it never been there.
"""

import argparse
from pathlib import Path
from types import ModuleType

import torch

from ....inference.engine import Settings
from .. import pose_prior, shape_prior
from . import pose_ablation, shape_ablation
from .detected_once import DetectsOnce


def as_text(part: ModuleType, lines: dict[str, list[float]]) -> str:
    """A table in Markdown, of the columns of `pose_ablation` or `shape_ablation`."""
    head = [f"| trained | {' | '.join(part.COLUMNS)} |", "| --- |" + " ---: |" * len(part.COLUMNS)]
    body = (
        f"| {name} | " + " | ".join(f"{v:.{d}f}" for v, d in zip(values, part.DIGITS, strict=True)) + " |"
        for name, values in lines.items()
    )
    return "\n".join([*head, *body]) + "\n"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training ablate-corruption", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/corruption"), help="folder; resumed if it exists")
    parser.add_argument("--prior", choices=("pose", "shape", "both"), default="both")
    parser.add_argument("--iterations", type=int, default=500, help="of each PosePrior")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--shape-iterations", type=int, default=250, help="of each ShapePrior")
    parser.add_argument("--shape-batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="the highest, of both")
    parser.add_argument("--people", type=int, default=1000, help="synthetic people of validation clips to measure on")
    parser.add_argument("--photos", type=int, default=200, help="at most so many photos of a kind to measure on")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rate = options.learning_rate
    parts = {
        "pose": (pose_ablation, pose_prior.Config(options.iterations, options.batch, rate)),
        "shape": (shape_ablation, shape_prior.Config(options.shape_iterations, options.shape_batch, rate)),
    }
    engine = DetectsOnce(Settings(device="cpu", threads=1, refine=False))
    for name, (part, config) in parts.items():
        if options.prior not in (name, "both"):
            continue
        shipped = engine.pose_prior, engine.shape_prior.network
        part.train_rows(config, options.out / name, options.workers)
        lines = part.measure_rows(engine, options.out / name, options.people, options.photos)
        engine.pose_prior, engine.shape_prior.network = shipped
        table = as_text(part, lines)
        (options.out / f"{name}.md").write_text(table)
        print(table)
