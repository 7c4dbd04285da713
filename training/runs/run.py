"""The training loop of the priors, of their finetuning and of their rivals; Human2D, which learns in stages and with
several processes, has its own. A run resumes from its checkpoint.

What differs between networks is their *task*: the network, how a batch is made, and the loss.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader

from .batches import Batches
from .run_folder import RunFolder

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
        self.task, self.device, self.iteration, config = task, device, 0, task.config
        if warm_start:
            task.network.load_earlier(warm_start)
        task.to(device)
        parameters = [*task.network.parameters(), *task.extra.parameters()]
        optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=0.01, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, config.iterations, pct_start=WARMUP
        )
        self.parts = {"network": task.network, "extra": task.extra, "optimizer": optimizer, "schedule": schedule}
        self.folder = RunFolder(folder, config)
        state = self.folder.checkpoint(device)
        if state is not None:
            self.iteration = state["iteration"]
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
        task.network.train()

    def save(self) -> None:
        """Keep everything, to be resumed, and the network's weights."""
        state = {name: part.state_dict() for name, part in self.parts.items()} | {"iteration": self.iteration}
        self.folder.save(state, self.task.network.state_dict())

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
        """Log the means of the last iterations."""
        # A part that an iteration did not have is NaN there.
        means = {name: f"{np.nanmean([term[name] for term in terms]):.3f}" for name in terms[0]}
        rate = len(terms) * self.task.config.batch / seconds
        self.folder.log({"iteration": self.iteration, **means, "samples/s": f"{rate:.0f}"})


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
