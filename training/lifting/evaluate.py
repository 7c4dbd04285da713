"""PosePrior and its rivals in one table: `python -m body_from_image.training evaluate-lifting`.

Held-out clips: MPJPE (about the pelvis) and PA-MPJPE of MPII's sixteen keypoints in space, from all 25 in the picture.
A picture does not show how large somebody is: PosePrior gets the true shape, the others' answers are scaled to the true
mean bone. Photos3d: PA-MPJPE of the twelve limb joints, for the test split only, since nothing may be chosen by it.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.engine import Engine, Settings
from ...inference.geometry.joints import MPII_COUNT
from ..measure.figures import add_json_option, keep
from ..measure.metrics import mpjpe, pa_mpjpe
from ..measure.timing import load, median_ms
from ..people.instances import VIEW, Instances, People, true_keypoints
from ..priors.evaluation.command import noisy_keypoints
from .convex import SPARSITY
from .frames import PELVIS, keypoints_in_space, mean_bone
from .ordinal import order_of, pairs_right, relations
from .photos import look_at_photos, photo_figures
from .rivals import Rival, pose_prior_rival, reconstruction_rivals, sparse_rivals

DEPTH_NOISE = 0.1
"""Metres: deviation of the depths whose order the noisy rows get."""
TIMED = 20
MS = "ms"


class Clips:
    """Synthetic people of held-out clips, and what is known of them."""

    def __init__(self, engine: Engine, split: str, count: int, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.made: Instances = People(engine.body, split, widen=False).draw(count, rng)
        self.truth = keypoints_in_space(self.made).astype(float) @ CAMERA_FROM_SMPL
        points = true_keypoints(self.made)
        clean = np.concatenate([points, np.ones((*points.shape[:2], 1))], -1)
        self.keypoints = {"2 % noise": noisy_keypoints(points, rng), "clean": clean}
        depth = self.truth[..., 2]
        noisy = depth + DEPTH_NOISE * rng.normal(size=depth.shape)
        self.orders = {"true_order": order_of(depth), "noisy_order": order_of(noisy)}
        self.noisy_pairs_right = pairs_right(noisy, relations(depth))

    def figures(self, rival: Rival, order: str) -> dict[str, float]:
        """Errors in millimetres by condition, and the median milliseconds of processor time for one person."""
        figures = {}
        for name, keypoints in self.keypoints.items():
            found = rival(keypoints, VIEW, self.made.betas, self.orders[order]).astype(float)
            found *= (mean_bone(self.truth) / mean_bone(found))[:, None, None]
            figures[f"MPJPE, {name}"] = float(mpjpe(found[:, :MPII_COUNT], self.truth[:, :MPII_COUNT], PELVIS).mean())
            figures[f"PA-MPJPE, {name}"] = float(pa_mpjpe(found[:, :MPII_COUNT], self.truth[:, :MPII_COUNT]).mean())
        one = (self.keypoints["2 % noise"][:1], VIEW, self.made.betas[:1], self.orders[order][:1])
        return figures | {MS: median_ms(lambda: rival(*one), TIMED, time.process_time)}


def rows_of(options: argparse.Namespace, engine: Engine) -> dict[str, tuple[Rival, str]]:
    """Row → rival and the order that it is given; those whose run folder was not named are left out."""
    rows = {"PosePrior (ships)": (pose_prior_rival(engine.pose_prior, engine.body), "true_order")}
    if options.basis:
        rows |= {name: (rival, "true_order") for name, rival in sparse_rivals(options.basis, options.sparsity).items()}
    if options.reconstruction:
        without, with_order = reconstruction_rivals(options.reconstruction)
        rows |= {
            "reconstruction component, no order": (without, "true_order"),
            "… true order": (with_order, "true_order"),
            "… order of depths with noise": (with_order, "noisy_order"),
            "… order of Human2D's depths": (with_order, "seen_order"),
        }
    return rows


def table_of(
    options: argparse.Namespace, engine: Engine, rows: dict[str, tuple[Rival, str]]
) -> dict[str, dict[str, float]]:
    """Row → column → figure. An order that clips or photos do not have leaves its columns out."""
    clips = Clips(engine, options.split, options.count)
    seen = look_at_photos(engine, options.every) if options.split == "test" else []
    table = {}
    for name, (rival, order) in rows.items():
        table[name] = clips.figures(rival, order) if order in clips.orders else {}
        if seen and order != "noisy_order":
            table[name] |= photo_figures(seen, rival, engine.mean_betas, order)
    print(f"{options.count} people of {options.split} clips, {len(seen)} photos; {load()}.")
    right = 100 * clips.noisy_pairs_right
    print(f"Depths with noise are off by {DEPTH_NOISE} m; {right:.0f} % of the true relations are then right.\n")
    return table


def as_markdown(table: dict[str, dict[str, float]]) -> str:
    """The table, with a dash where a row has no figure."""
    columns = list(dict.fromkeys(name for figures in table.values() for name in figures))
    columns.sort(key=lambda name: name == MS)
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for row, figures in table.items():
        cells = [f"{figures[name]:.1f}" if name in figures else "–" for name in columns]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-lifting")
    parser.add_argument("--basis", type=Path, help="run folder of pose-basis")
    parser.add_argument("--sparsity", type=float, default=SPARSITY, help="the weight α of sparse lifting")
    parser.add_argument("--reconstruction", type=Path, help="run folder of reconstruction")
    parser.add_argument("--count", type=int, default=500, help="synthetic people from held-out clips")
    parser.add_argument("--every", type=int, default=1, help="only every such photo of photos3d")
    parser.add_argument("--split", choices=("validation", "test"), default="test", help="choose on validation only")
    add_json_option(parser, "lifting")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1, refine=False))
    table = table_of(options, engine, rows_of(options, engine))
    print(as_markdown(table))
    keep(options.json, "evaluate-lifting", arguments, table)
