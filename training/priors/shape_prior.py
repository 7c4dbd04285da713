"""Train ShapePrior: `python -m body_from_image.training shape-prior --out runs/shape-prior [--body-model SMPL.pkl]`.

The loss is the squared error of the betas plus the per-vertex distance of the T-posed bodies (equation 1), on
silhouettes drawn anew for every batch. Vertices are linear in the betas, so the per-vertex error is a quadratic form
of the betas' error, computed once from the body model instead of from 6890 vertices each time.
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
from ..command_line import parse_run
from ..onnx_export import load_weights
from .batches import Batches
from .checkpoint import resume, save
from .instances import Poses, load_poses, make_instances
from .networks import ShapePrior
from .silhouettes import corrupt_silhouettes, framed_silhouettes, project_bodies


@dataclass(frozen=True)
class Config:
    iterations: int = 4000
    batch: int = 64
    learning_rate: float = 1e-3
    vertex_weight: float = 20.0
    clean: float = 0.3
    """Share of silhouettes left uncorrupted."""
    seed: int = 0


def make_batch(
    model: BodyModel, poses: Poses, config: Config, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Silhouettes (B, 1, 64, 64) and the betas (B, 10) behind them."""
    instances = make_instances(model, poses, config.batch, rng)
    silhouettes = framed_silhouettes(project_bodies(model, instances), model.faces, rng)
    corrupted = corrupt_silhouettes(silhouettes, rng)
    clean = rng.random((len(silhouettes), 1, 1, 1)) < config.clean
    return torch.from_numpy(np.where(clean, silhouettes, corrupted)), torch.from_numpy(instances.betas)


def vertex_metric(model: BodyModel) -> torch.Tensor:
    """(10, 10) matrix M such that the root mean square T-pose vertex distance of two betas is √(dᵀ M d), in metres."""
    directions = model.shapedirs.reshape(-1, model.shapedirs.shape[2]).astype(np.float64)
    return torch.from_numpy(directions.T @ directions / len(model.v_template)).float()


def train(
    config: Config,
    folder: Path,
    body_file: Path | None = None,
    workers: int = 1,
    log_every: int = 50,
    warm_start: Path | None = None,
) -> ShapePrior:
    """Train from the checkpoint in `folder`, if there is one, to the last iteration; the rate follows one cosine.

    `body_file` is a licensed SMPL file to train for; `warm_start` the weights.pt of an earlier run, or the .onnx that
    ships, to begin from.
    """
    torch.manual_seed(config.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2))
    model = BodyModel.load(body_file)
    metric = vertex_metric(model)
    network = ShapePrior()
    if warm_start:
        load_weights(network, warm_start)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.iterations, pct_start=0.05)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    start = resume(folder, parts)
    batches = Batches(partial(make_batch, model, load_poses("train"), config), config.seed, start)
    loader = iter(DataLoader(batches, batch_size=None, num_workers=workers))
    network.train()
    errors, distances, began = [], [], time.perf_counter()
    for iteration in range(start, config.iterations):
        silhouettes, betas = next(loader)
        with torch.autocast("cpu", torch.bfloat16):
            found = network(silhouettes)
        difference = found.float() - betas
        squared = (difference**2).mean()
        distance = ((difference @ metric) * difference).sum(1).clamp_min(1e-12).sqrt().mean()
        optimizer.zero_grad(set_to_none=True)
        (squared + config.vertex_weight * distance).backward()
        optimizer.step()
        schedule.step()
        errors.append(squared.item())
        distances.append(1e3 * distance.item())
        if (iteration + 1) % log_every == 0:
            rate = log_every * config.batch / (time.perf_counter() - began)
            row = [iteration + 1, f"{np.mean(errors):.4f}", f"{np.mean(distances):.2f}", f"{rate:.0f}"]
            with open(folder / "log.csv", "a", newline="") as file:
                csv.writer(file).writerow(row)
            print("iteration {} betas² {} vertices {} mm samples/s {}".format(*row), flush=True)
            errors, distances, began = [], [], time.perf_counter()
        if (iteration + 1) % 500 == 0:
            save(folder, parts, iteration + 1)
    save(folder, parts, config.iterations)
    return network


def main(arguments: list[str]) -> None:
    config, rest = parse_run(
        arguments, Config, "shape-prior", "Train ShapePrior on silhouettes of posed bodies.",
        body_model="a licensed SMPL file to train for, instead of the open body",
        warm_start="weights.pt of an earlier run, or the .onnx that ships",
    )  # fmt: skip
    train(config, rest.out, rest.body_model, rest.workers, warm_start=rest.warm_start)
