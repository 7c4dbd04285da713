"""The training loop of both priors. A run resumes from its checkpoint, and leaves config.json, log.csv and weights.pt
in its folder.

What differs between the priors is their *task*: the network, how a batch is made, and the loss.
"""

import csv
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader

from .batches import Batches

CPU = torch.device("cpu")
WARMUP = 0.05
"""Share of the iterations over which the learning rate rises; it then falls to zero along a cosine."""


@dataclass(frozen=True)
class RunConfig:
    iterations: int = 4000
    batch: int = 256
    learning_rate: float = 1e-3
    seed: int = 0


class Task(Protocol):
    """What a run trains: a module, so that all that its loss computes with moves to the run's device together.
    `network.load_earlier(path)` begins with weights of an earlier run."""

    config: RunConfig
    network: torch.nn.Module
    extra: torch.nn.Module
    """What is learned beside the network and not shipped, such as weights of the loss."""

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]: ...

    def to(self, device: torch.device) -> "Task": ...

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """What is minimised, and its parts for the log."""


class Run:
    """A task in training: optimiser, schedule, where it stands, and the folder that it is kept in."""

    def __init__(self, task: Task, folder: Path, warm_start: Path | None = None, device: torch.device = CPU):
        self.task, self.folder, self.device, self.iteration = task, folder, device, 0
        config = task.config
        if warm_start:
            task.network.load_earlier(warm_start)
        task.to(device)
        parameters = [*task.network.parameters(), *task.extra.parameters()]
        optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=0.01, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, config.iterations, pct_start=WARMUP
        )
        self.parts = {"network": task.network, "extra": task.extra, "optimizer": optimizer, "schedule": schedule}
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "checkpoint.pt").exists():
            state = torch.load(folder / "checkpoint.pt", map_location=device, weights_only=True)
            self.iteration = state["iteration"]
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
        (folder / "config.json").write_text(json.dumps(asdict(config), indent=2))
        task.network.train()

    def save(self) -> None:
        """Write `checkpoint.pt` (everything) and `weights.pt` (the network), never leaving half a checkpoint."""
        state = {name: part.state_dict() for name, part in self.parts.items()} | {"iteration": self.iteration}
        torch.save(state, self.folder / "checkpoint.tmp")
        (self.folder / "checkpoint.tmp").replace(self.folder / "checkpoint.pt")
        torch.save(self.task.network.state_dict(), self.folder / "weights.pt")

    def step(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        """One update; returns the parts of the loss."""
        batch = {name: values.to(self.device, non_blocking=True) for name, values in batch.items()}
        loss, terms = self.task.loss(batch)
        self.parts["optimizer"].zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.task.network.parameters(), 1.0)
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        self.iteration += 1
        return terms

    def batches(self, workers: int):
        """The batches that are still to come, endlessly."""
        source = Batches(self.task.make_batch, self.task.config.seed, self.iteration)
        return iter(DataLoader(source, batch_size=None, num_workers=workers))

    def log(self, terms: list[dict[str, float]], seconds: float) -> None:
        """Append the means of the last iterations to log.csv, and print them."""
        # A part that an iteration did not have is NaN there.
        means = {name: f"{np.nanmean([term[name] for term in terms]):.3f}" for name in terms[0]}
        rate = len(terms) * self.task.config.batch / seconds
        row = {"iteration": self.iteration, **means, "samples/s": f"{rate:.0f}"}
        path = self.folder / "log.csv"
        new = not path.exists()
        with open(path, "a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)


def train(
    task: Task, folder: Path, workers: int = 1, log_every: int = 100, warm_start: Path | None = None,
    device: torch.device = CPU,
) -> torch.nn.Module:  # fmt: skip
    """Train on a device from the checkpoint in `folder`, if there is one, to the last iteration.

    `warm_start` is the weights.pt of an earlier run, or the .onnx that ships, to begin from.
    """
    run = Run(task, folder, warm_start, device)
    batches = run.batches(workers)
    terms, began = [], time.perf_counter()
    while run.iteration < task.config.iterations:
        terms.append(run.step(next(batches)))
        if run.iteration % log_every == 0:
            run.log(terms, time.perf_counter() - began)
            terms, began = [], time.perf_counter()
        if run.iteration % 500 == 0:
            run.save()
    run.save()
    return task.network
