"""Train PosePrior: `python -m body_from_image.training pose-prior --out runs/pose-prior`.

The loss is the rotation matrices' squared error (the paper's better parameter loss), plus the distances of joints and
of a subset of vertices (equations 1 and 2, as lengths rather than squares), on people made anew for every batch.
"""

import csv
import json
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from ...inference.body_model import BodyModel
from ...inference.pose_features import pose_features
from ..body_model import TorchBodyModel
from ..command_line import parse_run
from ..onnx_export import load_weights
from .batches import Batches
from .checkpoint import resume, save
from .corruption import Corruption, corrupt, well_seen
from .instances import VIEW, Poses, load_poses, make_instances, true_keypoints
from .networks import PosePrior, six_d_to_matrix


@dataclass(frozen=True)
class Config:
    iterations: int = 12000
    batch: int = 256
    learning_rate: float = 1e-3
    width: int = 1024
    units: int = 2
    dropout: float = 0.0
    rotation_weight: float = 1.0
    joint_weight: float = 10.0
    vertex_weight: float = 10.0
    vertices: int = 430
    """Size of the vertex subset that the loss sees."""
    clean: float = 0.4
    """Share of people whose keypoints are all seen, and off by a small error only."""
    seed: int = 0


def make_batch(model: BodyModel, poses: Poses, config: Config, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Features, and the rotations and betas that they came from."""
    instances = make_instances(model, poses, config.batch, rng)
    points = true_keypoints(instances)
    clean = rng.random((len(points), 1, 1)) < config.clean
    keypoints = np.where(clean, well_seen(points, rng), corrupt(points, rng, Corruption()))
    features, turn = pose_features(keypoints, VIEW)
    rotations = instances.rotations.copy()
    rotations[:, 0] = upright(turn) @ rotations[:, 0]
    arrays = {"features": features, "rotations": rotations, "betas": instances.betas}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def upright(turn: np.ndarray) -> np.ndarray:
    """A turn (B, 3, 3) of OpenCV's camera frame, as the same turn of SMPL's upright frame."""
    flip = np.array([1, -1, -1], np.float32)
    return (turn * flip[:, None] * flip).astype(np.float32)


def body_loss(body: TorchBodyModel, predicted, batch: dict, config: Config, subset) -> tuple[torch.Tensor, dict]:
    """The weighted sum, and its parts in millimetres for the log. `predicted` (B, 24, 3, 3)."""
    found = body(batch["betas"], predicted, None, subset)
    with torch.no_grad():
        true = body(batch["betas"], batch["rotations"], None, subset)
    rotation = ((predicted - batch["rotations"]) ** 2).sum((2, 3)).mean()
    joints = (found.joints - true.joints).norm(dim=-1).mean()
    vertices = (found.vertices - true.vertices).norm(dim=-1).mean()
    total = config.rotation_weight * rotation + config.joint_weight * joints + config.vertex_weight * vertices
    return total, {"rotation": rotation.item(), "mpjpe": 1e3 * joints.item(), "pve": 1e3 * vertices.item()}


def train(
    config: Config, folder: Path, workers: int = 1, log_every: int = 100, warm_start: Path | None = None
) -> PosePrior:
    """Train from the checkpoint in `folder`, if there is one, to the last iteration; the rate follows one cosine.

    `warm_start` is the weights.pt of an earlier run, or the .onnx that ships, to begin from.
    """
    torch.manual_seed(config.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2))
    model = BodyModel.load()
    body = TorchBodyModel(model)
    subset = torch.linspace(0, len(model.v_template) - 1, config.vertices).long()
    network = PosePrior(config.width, config.units, config.dropout)
    if warm_start:
        load_weights(network, warm_start)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.iterations, pct_start=0.05)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    start = resume(folder, parts)
    batches = Batches(partial(make_batch, model, load_poses("train"), config), config.seed, start)
    network.train()
    totals: dict[str, float] = {}
    loader = iter(DataLoader(batches, batch_size=None, num_workers=workers))
    began = time.perf_counter()
    for iteration in range(start, config.iterations):
        batch = next(loader)
        with torch.autocast("cpu", torch.bfloat16):
            six_d = network(batch["features"])
        loss, terms = body_loss(body, six_d_to_matrix(six_d.float()), batch, config, subset)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        totals = {name: totals.get(name, 0.0) + value / log_every for name, value in terms.items()}
        if (iteration + 1) % log_every == 0:
            rate = log_every * config.batch / (time.perf_counter() - began)
            _log(folder, iteration + 1, totals, rate)
            totals, began = {}, time.perf_counter()
        if (iteration + 1) % 1000 == 0:
            save(folder, parts, iteration + 1)
    save(folder, parts, config.iterations)
    return network


def _log(folder: Path, iteration: int, totals: dict[str, float], rate: float) -> None:
    row = {
        "iteration": iteration,
        **{name: f"{value:.3f}" for name, value in totals.items()},
        "samples/s": f"{rate:.0f}",
    }
    with open(folder / "log.csv", "a", newline="") as file:
        csv.writer(file).writerow(row.values())
    print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)


def main(arguments: list[str]) -> None:
    config, rest = parse_run(
        arguments, Config, "pose-prior", "Train PosePrior on mocap poses.",
        warm_start="weights.pt of an earlier run, or the .onnx that ships",
    )  # fmt: skip
    train(config, rest.out, rest.workers, warm_start=rest.warm_start)
