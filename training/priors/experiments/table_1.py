"""The paper's Table 1, and what lies beyond it: `python -m body_from_image.training table-1`.

What supervision is worth to the priors (Pavlakos et al. 2018, §5.2, table 1): the same networks, the same people in the
same order, the same number of iterations, and another loss in each row. The error is the mean per-vertex error of the
whole body, pelvis-aligned, both priors together, on people of held-out clips, from keypoints with 2 % noise and clean
silhouettes. Further rows are ours: what the network answers with, what it sees, and how often it may guess.

People stand anywhere in wide pictures (`off_axis`), in training and in the test, and the answer is compared as the
camera sees it. ShapePrior's crops are cut as if the camera looked straight at them.

`--as-in-the-paper` takes equations 1 and 2 as they are, over all vertices and with weights of 1, after two fifths of
the iterations with the parameter loss alone (the paper: 40 000 of 100 000).
"""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ....inference.body.body_model import BodyModel
from ....inference.geometry.joints import MPII_COUNT
from ...people.instances import Instances, People
from .. import shape_prior
from ..evaluation.command import noisy_keypoints, pelvis_aligned_vertices
from ..shape_prior import ShapeTask
from ..silhouettes import framed_silhouettes, project_bodies
from . import row_task
from .row_task import RowTask, off_axis
from .together import train_together

TEST_PEOPLE = 500
PARAMETERS_FIRST = 0.4
"""Share of the paper's iterations that learn by the parameter loss alone."""
NOTHING = {"joint_weight": 0.0, "vertex_weight": 0.0}
ALL = {"output": "6d"}


@dataclass(frozen=True)
class Row:
    """One way to train. `key` names its folder; `paper` is what the paper measured for it, mm on UP-3D with its UP-3D
    and CMU priors; `pose` and `vertex_loss` are what differs from the defaults of PosePrior and of ShapePrior."""

    key: str
    name: str
    paper: str = ""
    pose: dict = field(default_factory=dict)
    vertex_loss: bool = True


ROWS = (
    Row(
        "axis-angle", "parameter loss (axis-angle)", "514.9 / 589.9",
        {"output": "axis-angle", "parameter_loss": "axis-angle", **NOTHING}, False,
    ),
    Row(
        "matrix", "parameter loss (rotation matrix)", "140.7 / 152.2", {"output": "axis-angle", **NOTHING}, False
    ),
    Row("vertex", "+ per-vertex loss (equation 1)", "120.7 / 142.0", {"output": "axis-angle", "joint_weight": 0.0}),
    Row("joint", "+ joint loss (equation 2) instead", "", {"output": "axis-angle", "vertex_weight": 0.0}),
    Row("6d-matrix", "ours: 6D output, rotation matrix alone", "", {"output": "6d", **NOTHING}, False),
    Row("6d", "ours: 6D output, all three losses", "", ALL),
    Row("learned", "ours: the same, learned weights", "", {**ALL, "learned_weights": True}),
    Row("narrow", "ours: the same, half as wide (512)", "", {**ALL, "width": 512}),
    Row("deep", "ours: the same, twice as deep (4 units)", "", {**ALL, "units": 4}),
    Row("crop", "ours: seeing the paper's crop coordinates", "", {**ALL, "inputs": "crop"}),
    Row("box", "ours: those and the box (CLIFF)", "", {**ALL, "inputs": "crop and box"}),
    Row("unrolled", "ours: the virtual camera is not rolled", "", {**ALL, "inputs": "virtual camera"}),
    Row("extras", "ours: the nine further keypoints never missing in training", "", {**ALL, "extras": "always"}),
    Row("mpii", "ours: without the nine further keypoints", "", {**ALL, "extras": "never"}),
    Row("answers", "ours: three answers, the likeliest", "", {**ALL, "answers": 3}),
    Row("camera", "ours: rotations about the camera's frame, not the parents'", "", {**ALL, "output": "camera-6d"}),
    Row("bones", "ours: seeing how foreshortened bones are", "", {**ALL, "bones": True}),
    Row("ships", "ours: both of these, as it ships", "", {**ALL, "output": "camera-6d", "bones": True}),
)  # fmt: skip
COLUMNS = (
    "both priors", "PosePrior, true shape", "the same, MPII's 16 alone", "ShapePrior, T-pose", "the paper, UP-3D / CMU",
)  # fmt: skip


def pose_tasks(rows: tuple[Row, ...], config: row_task.Config) -> dict[str, RowTask]:
    """One for each row, by its key. They share their people."""
    people = People(BodyModel.load(), "train")
    return {row.key: RowTask(replace(config, **row.pose), people) for row in rows}


def shape_tasks(rows: tuple[Row, ...], config: shape_prior.Config) -> dict[str, ShapeTask]:
    """Without and with the per-vertex loss, as far as rows ask for it."""
    people = People(BodyModel.load(), "train")
    configs = {shape_key(row): config if row.vertex_loss else replace(config, vertex_weight=0.0) for row in rows}
    return {key: ShapeTask(config, people=people) for key, config in configs.items()}


def shape_key(row: Row) -> str:
    """The ShapePrior that goes with a row."""
    return "vertex" if row.vertex_loss else "parameter"


@torch.no_grad()
def betas_of(task: ShapeTask, silhouettes: np.ndarray) -> np.ndarray:
    task.network.eval()
    return task.network(torch.from_numpy(silhouettes)).numpy().clip(-3, 3)


class HeldOut:
    """People of held-out clips and what is seen of them, the same for all rows."""

    def __init__(self, model: BodyModel, made: Instances, seed: int = 1):
        rng = np.random.default_rng(seed)
        self.model, self.betas = model, made.betas
        points, self.rotations = off_axis(made, rng)
        self.keypoints = noisy_keypoints(points, rng)
        self.silhouettes = framed_silhouettes(project_bodies(model, made), model.faces, rng)
        self.truth = pelvis_aligned_vertices(model, made.betas, self.rotations)

    def measure(self, row: Row, pose: RowTask, shape: ShapeTask) -> dict[str, list[float]]:
        """Lines of the table, name → the errors in mm of `COLUMNS`: the row's, and that of the best of several
        answers."""
        own = betas_of(shape, self.silhouettes)
        at_rest = 1e3 * _distances(self.model.rest_vertices(own) - self.model.rest_vertices(self.betas)).mean()
        mpii = self.keypoints * (np.arange(self.keypoints.shape[1]) < MPII_COUNT)[:, None]
        rotations, likeliest = pose.lift(self.keypoints)
        fewer, likeliest_of_fewer = pose.lift(mpii)
        columns = [
            (self.errors(rotations, own), likeliest),
            (self.errors(rotations, self.betas), likeliest),
            (self.errors(fewer, self.betas), likeliest_of_fewer),
        ]
        chosen = [float(np.take_along_axis(errors, which[:, None], 1).mean()) for errors, which in columns]
        lines = {row.name: [*chosen, at_rest]}
        if rotations.shape[1] > 1:
            best = [float(errors.min(1).mean()) for errors, _ in columns]
            lines[f"ours: the best of the {rotations.shape[1]} answers"] = [*best, at_rest]
        return lines

    def errors(self, rotations: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """Per-vertex errors (B, M) in mm of answers (B, M, 24, 3, 3)."""
        found = (pelvis_aligned_vertices(self.model, betas, answer) for answer in rotations.swapaxes(0, 1))
        return 1e3 * np.stack([_distances(vertices - self.truth) for vertices in found], 1)


def _distances(differences: np.ndarray) -> np.ndarray:
    """Mean length (B,) of vectors (B, V, 3)."""
    return np.linalg.norm(differences, axis=-1).mean(1)


def as_text(rows: tuple[Row, ...], lines: dict[str, list[float]]) -> str:
    """A table in Markdown."""
    paper = {row.name: row.paper for row in rows}
    head = [f"| trained with | {' | '.join(COLUMNS)} |", "| --- |" + " ---: |" * len(COLUMNS)]
    body = (
        f"| {name} | " + " | ".join(f"{value:.1f}" for value in values) + f" | {paper.get(name, '')} |"
        for name, values in lines.items()
    )
    return "\n".join([*head, *body])


def chosen_rows(text: str) -> tuple[Row, ...]:
    """Rows by key, number (from 1) or range of numbers, separated by commas, in the table's order. Raises
    ArgumentTypeError."""
    keys = [row.key for row in ROWS]
    wanted = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if part in keys:
            wanted.add(keys.index(part))
        elif (
            first.isdigit() and (last.isdigit() or part == first) and 1 <= int(first) <= int(last or first) <= len(ROWS)
        ):
            wanted.update(range(int(first) - 1, int(last or first)))
        else:
            raise argparse.ArgumentTypeError(f"there is no row {part}; there are 1 to {len(ROWS)}: {', '.join(keys)}")
    return tuple(ROWS[number] for number in sorted(wanted))


def configs(options: argparse.Namespace) -> tuple[row_task.Config, shape_prior.Config]:
    """What all rows have in common, by the command's options."""
    pose = row_task.Config(iterations=options.iterations, batch=options.batch)
    shape = shape_prior.Config(
        iterations=options.shape_iterations, batch=options.shape_batch, clean=1.0, scale_corrected=False
    )
    if not options.as_in_the_paper:
        return pose, shape
    pose, shape = (
        replace(one, point_loss="squared", parameters_first=round(PARAMETERS_FIRST * one.iterations), vertex_weight=1.0)
        for one in (pose, shape)
    )
    return replace(pose, joint_weight=1.0, vertices=0), shape


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training table-1", description="What supervision is worth to the priors.")
    parser.add_argument("--out", type=Path, default=Path("runs/table-1"), help="folder; resumed if it exists")
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--shape-iterations", type=int, default=1500)
    parser.add_argument("--shape-batch", type=int, default=64)
    parser.add_argument(
        "--rows", type=chosen_rows, default=ROWS,
        help="such as 1-6,answers; default: all of " + ", ".join(row.key for row in ROWS),
    )  # fmt: skip
    parser.add_argument(
        "--as-in-the-paper", action="store_true",
        help="squared errors of all vertices, with equal weights, after the parameter loss alone",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    pose, shape = configs(options)
    poses, shapes = pose_tasks(options.rows, pose), shape_tasks(options.rows, shape)
    train_together(shapes, options.out / "shape", options.workers)
    train_together(poses, options.out / "pose", options.workers)
    model = BodyModel.load()
    held_out = HeldOut(model, People(model, "test", widen=False).draw(TEST_PEOPLE, np.random.default_rng(0)))
    lines = {}
    for row in options.rows:
        lines |= held_out.measure(row, poses[row.key], shapes[shape_key(row)])
    print(as_text(options.rows, lines))
