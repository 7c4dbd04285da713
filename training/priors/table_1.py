"""The paper's Table 1, and what lies beyond it: `python -m body_from_image.training table-1`.

What supervision is worth to the priors (Pavlakos et al. 2018, §5.2, table 1): the same networks, the same people in the
same order, the same number of iterations, and another loss in each row. The error is the mean per-vertex error of the
whole body, pelvis-aligned, both priors together, on people of held-out clips, from keypoints with 2 % noise and clean
silhouettes. Further rows are ours.
"""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ...inference.body_model import BodyModel
from ...inference.pose_features import pose_features
from . import pose_prior, shape_prior
from .evaluate import noisy_keypoints, pelvis_aligned_vertices
from .instances import VIEW, Instances, People, true_keypoints
from .pose_prior import PoseTask, upright
from .run import Run, Task
from .shape_prior import ShapeTask
from .silhouettes import framed_silhouettes, project_bodies

TEST_PEOPLE = 500
NOTHING = {"joint_weight": 0.0, "vertex_weight": 0.0}
ALL = {"output": "6d"}


@dataclass(frozen=True)
class Row:
    """One way to train. `paper` is what the paper measured for it, mm on UP-3D with its UP-3D and CMU priors; `pose`
    and `vertex_loss` are what differs from the defaults of PosePrior and of ShapePrior."""

    name: str
    paper: str = ""
    pose: dict = field(default_factory=dict)
    vertex_loss: bool = True


ROWS = (
    Row(
        "parameter loss (axis-angle)", "514.9 / 589.9",
        {"output": "axis-angle", "parameter_loss": "axis-angle", **NOTHING}, False,
    ),
    Row("parameter loss (rotation matrix)", "140.7 / 152.2", {"output": "axis-angle", **NOTHING}, False),
    Row("+ per-vertex loss (equation 1)", "120.7 / 142.0", {"output": "axis-angle", "joint_weight": 0.0}),
    Row("+ joint loss (equation 2) instead", "", {"output": "axis-angle", "vertex_weight": 0.0}),
    Row("ours: 6D output, rotation matrix alone", "", {"output": "6d", **NOTHING}, False),
    Row("ours: 6D output, all three losses", "", ALL),
    Row("ours: the same, learned weights", "", {**ALL, "learned_weights": True}),
    Row("ours: the same, half as wide (512)", "", {**ALL, "width": 512}),
    Row("ours: the same, twice as deep (4 units)", "", {**ALL, "units": 4}),
)  # fmt: skip


def train_together(tasks: dict[str, Task], folder: Path, workers: int) -> None:
    """Train several tasks of one kind on the same batches; resumes if the folder holds all of them."""
    runs = [Run(task, folder / name) for name, task in tasks.items()]
    first = runs[0]
    if len({run.iteration for run in runs}) > 1:
        raise ValueError(f"the runs in {folder} stand at different iterations; remove the folder to begin anew")
    batches = first.batches(workers)
    while first.iteration < first.task.config.iterations:
        batch = next(batches)
        for run in runs:
            run.step(batch)
        if first.iteration % 100 == 0:
            print(f"{folder.name}: {first.iteration} of {first.task.config.iterations}", flush=True)
            for run in runs:
                run.save()


def pose_tasks(rows: tuple[Row, ...], config: pose_prior.Config) -> dict[str, PoseTask]:
    """One for each row, by its number."""
    return {str(number): PoseTask(replace(config, **row.pose)) for number, row in enumerate(rows)}


def shape_tasks(config: shape_prior.Config) -> dict[str, ShapeTask]:
    """Without and with the per-vertex loss."""
    return {"parameter": ShapeTask(replace(config, vertex_weight=0.0)), "vertex": ShapeTask(config)}


@torch.no_grad()
def rotations_of(task: PoseTask, keypoints: np.ndarray) -> np.ndarray:
    """Rotations (B, 24, 3, 3) of a trained PosePrior, the root's in the upright frame of `VIEW`."""
    features, turn = pose_features(keypoints, VIEW)
    task.network.eval()
    rotations = task.network.to_matrix(task.network(torch.from_numpy(features))[0]).numpy().astype(np.float64)
    rotations[:, 0] = upright(turn).transpose(0, 2, 1) @ rotations[:, 0]
    return rotations


@torch.no_grad()
def betas_of(task: ShapeTask, silhouettes: np.ndarray) -> np.ndarray:
    task.network.eval()
    return task.network(torch.from_numpy(silhouettes)).numpy().clip(-3, 3)


def measure(model: BodyModel, made: Instances, rows, poses: dict, shapes: dict, seed: int = 1) -> list[list[float]]:
    """For each row the per-vertex error of both priors, of PosePrior with the true shape, and of ShapePrior at rest."""
    rng = np.random.default_rng(seed)
    keypoints = noisy_keypoints(true_keypoints(made), rng)
    silhouettes = framed_silhouettes(project_bodies(model, made), model.faces, rng)
    truth = pelvis_aligned_vertices(model, made.betas, made.rotations)
    betas = {name: betas_of(task, silhouettes) for name, task in shapes.items()}
    rest = model.rest_vertices(made.betas)
    figures = []
    for row, task in zip(rows, poses.values(), strict=True):
        rotations, own = rotations_of(task, keypoints), betas["vertex" if row.vertex_loss else "parameter"]
        differences = [
            pelvis_aligned_vertices(model, own, rotations) - truth,
            pelvis_aligned_vertices(model, made.betas, rotations) - truth,
            model.rest_vertices(own) - rest,
        ]
        figures.append([1e3 * float(np.linalg.norm(difference, axis=-1).mean()) for difference in differences])
    return figures


def as_text(rows, figures: list[list[float]]) -> str:
    """A table in Markdown."""
    lines = ["| trained with | both priors | PosePrior, true shape | ShapePrior, T-pose | the paper, UP-3D / CMU |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for row, values in zip(rows, figures, strict=True):
        lines.append(f"| {row.name} | " + " | ".join(f"{value:.1f}" for value in values) + f" | {row.paper} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training table-1", description="What supervision is worth to the priors.")
    parser.add_argument("--out", type=Path, default=Path("runs/table-1"), help="folder; resumed if it exists")
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--shape-iterations", type=int, default=1500)
    parser.add_argument("--shape-batch", type=int, default=64)
    parser.add_argument("--rows", type=int, default=len(ROWS), help="train the first so many rows only")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = ROWS[: options.rows]
    poses = pose_tasks(rows, pose_prior.Config(iterations=options.iterations, batch=options.batch, clean=1.0))
    shapes = shape_tasks(
        shape_prior.Config(
            iterations=options.shape_iterations, batch=options.shape_batch, clean=1.0, scale_corrected=False
        )
    )
    train_together(shapes, options.out / "shape", options.workers)
    train_together(poses, options.out / "pose", options.workers)
    model = BodyModel.load()
    made = People(model, "test", widen=False).draw(TEST_PEOPLE, np.random.default_rng(0))
    print(as_text(rows, measure(model, made, rows, poses, shapes)))
