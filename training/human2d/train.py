"""The training loop of Human2D: `python -m body_from_image.training human2d --size fast --movenet FOLDER --out
runs/human2d`.

`fast` begins as MoveNet, from the folder that holds its published weights (`movenet_weights`); what that network knows
is kept by a lower rate for it, and lost by a high one. Stages go from small crops to full size; in the last one the
rate falls to zero. A run resumes from its checkpoint.
"""

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..data.people2d import load_everyday, load_more2d
from ..data.photos2d import LabelledCrop, load_crops
from ..runs.command_line import one_of, parse_run
from ..runs.device import chosen_device
from ..runs.eight_bits import round_frozen
from ..runs.onnx_export import load_weights
from ..runs.precision import mixed_precision
from ..runs.run_folder import RunFolder
from ..runs.several_processes import as_the_leader, average_gradients, join, leave
from ..runs.shared_statistics import share_statistics
from .augmentation import AUGMENTATIONS
from .fast import HEADS
from .losses import HEATMAP_LOSSES, human2d_loss
from .movenet_weights import load_movenet
from .network import SIZES, human2d_network
from .outputs import NOBODY
from .own_teacher import reviewed
from .samples import Samples, Stage

PRETRAINED = "movenet."
"""How the names of weights begin that others have trained."""
NEW_PARTS = ("pyramid.context.prompted", "obedience")
"""Parts that weights from before prompts lack; they begin as nothing."""


@dataclass(frozen=True)
class Config:
    size: str = one_of(SIZES, "fast")
    stages: str = "192:4000,256:4000"
    """SIDE:ITERATIONS or SIDE:ITERATIONS:SYNTHETIC, in order; the learning rate falls to zero over the last."""
    batch: int = 16
    learning_rate: float = 1e-3
    pretrained_rate: float = 0.2
    """Of the learning rate, for what comes from MoveNet; 0 leaves it untouched."""
    frozen_blocks: int = 6
    """Of MoveNet's backbone, the first so many blocks (6: up to stride 8, 10: up to 16) and the stem stay as they are,
    which saves half of a step: what edges and textures are it knows."""
    warmup: int = 200
    minutes: float = 0.0
    """Train for so long, however fast the machine is; the iterations of the stages are then shares of that time.
    0: to the last iteration."""
    ema: float = 0.998
    loss: str = one_of(HEATMAP_LOSSES, "cross-entropy")
    optimizer: str = one_of(("adamw", "rmsprop"), "adamw")
    """`adamw`, or the paper's `rmsprop` (at 3e-4)."""
    augmentation: str = one_of(AUGMENTATIONS, "gentle")
    """`ours`, `gentle` or `slight` for the end of a run, or the `paper`'s."""
    packs: str = one_of(("all", "photos2d"), "all")
    """`all`: people2d's crops as well."""
    labels: str = one_of(("human", "taught", "reviewed"), "taught")
    """Whose labels on photos2d: `human` alone; `taught`: with MediaPipe's; `reviewed`: with those of the run's own
    average too, from its second stage or its warm start on."""
    nobody: float = NOBODY
    """Share of samples without a person."""
    overfit: int = 0
    """Train on this many crops without augmentation: a debug run that must reach PCK > 95 %."""
    seed: int = 0

    def __post_init__(self):
        self.parsed_stages()

    def parsed_stages(self) -> list[Stage]:
        """Raises ValueError, with a sentence, for stages that are not written so."""
        parts = [stage.split(":") for stage in self.stages.split(",")]
        try:
            return [Stage(int(side), int(count), *map(float, share)) for side, count, *share in parts]
        except (TypeError, ValueError):
            example = (
                "SIDE:ITERATIONS or SIDE:ITERATIONS:SYNTHETIC, separated by commas, such as 128:4000,256:1500:0.15"
            )
            raise ValueError(f"'{self.stages}' names no stages: write {example}.") from None


class AverageModel:
    """Exponential moving average of the weights, with a short memory at first."""

    def __init__(self, model: torch.nn.Module, decay: float):
        self.model, self.decay, self.updates = copy.deepcopy(model).eval(), decay, 0

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mean, value in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            mean.lerp_(value, 1 - decay) if mean.is_floating_point() else mean.copy_(value)


def make_optimizer(model: torch.nn.Module, config: Config) -> torch.optim.Optimizer:
    """The optimiser, its groups with the share `of_rate` of the learning rate that is theirs."""
    frozen = (PRETRAINED,) if config.pretrained_rate == 0 else frozen_parts(config.frozen_blocks)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen))
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    pretrained = [parameter for name, parameter in learning.items() if name.startswith(PRETRAINED)]
    ours = [parameter for name, parameter in learning.items() if not name.startswith(PRETRAINED)]
    groups = [{"params": ours, "of_rate": 1.0}]
    if pretrained:
        groups.append({"params": pretrained, "of_rate": config.pretrained_rate})
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=config.learning_rate)
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=0.02, fused=True)


def frozen_parts(blocks: int) -> tuple[str, ...]:
    """How the names of weights begin that are not trained when the first `blocks` blocks of MoveNet's backbone are
    not."""
    backbone = PRETRAINED + "backbone."
    return (backbone + "stem.", *(f"{backbone}blocks.{number}." for number in range(blocks))) if blocks else ()


def rate_factor(config: Config, iteration: int, done: float) -> float:
    """Share of the learning rate: a warm-up, then constant, then a fall to zero over the last stage. `done` is the
    share of the run that is done."""
    stages = config.parsed_stages()
    last = stages[-1].iterations / sum(stage.iterations for stage in stages)
    return min(1.0, (iteration + 1) / config.warmup) * min(1.0, max(0.0, 1 - done) / last)


class Run:
    """One training run in a folder: model, average, optimiser, and where it stands."""

    def __init__(
        self, config: Config, folder: Path, warm_start: Path | None = None, movenet: Path | None = None,
        device: torch.device | None = None,
    ):  # fmt: skip
        torch.manual_seed(config.seed)
        self.config, self.iteration, self.seconds = config, 0, 0.0
        self.share = join()
        self.warm = warm_start is not None
        device = device or chosen_device("auto")
        self.device = torch.device("cuda", self.share.rank) if device.type == "cuda" else device
        self.model = human2d_network(config.size).to(self.device, memory_format=torch.channels_last)
        if movenet:
            self.model.movenet.load_state_dict(load_movenet(movenet, "thunder", HEADS).state_dict())
        if warm_start:
            load_weights(self.model, warm_start, prefix="network.", optional=NEW_PARTS)
        share_statistics(self.model, self.share)
        self.optimizer = make_optimizer(self.model, config)
        self.average = AverageModel(self.model, config.ema)
        self.folder = RunFolder(folder, config, self.share.leads)
        state = self.folder.checkpoint(self.device)
        if state is not None:
            self._resume(state)
        # What does not learn is rounded as the file will keep it, for what learns to learn upon it.
        for network in (self.model, self.average.model):
            round_frozen(network)

    def _resume(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = self.iteration = state["iteration"]
        self.seconds = state.get("seconds", 0.0)
        self.warm = True
        self.optimizer.load_state_dict(state["optimizer"])

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(), "average": self.average.model.state_dict(), "iteration": self.iteration,
            "optimizer": self.optimizer.state_dict(), "seconds": self.seconds,
        }  # fmt: skip
        self.folder.save(state, self.average.model.state_dict())

    @property
    def done(self) -> float:
        """Share of the run that is done, by its iterations or by the clock."""
        if self.config.minutes:
            return min(1.0, self.seconds / (60 * self.config.minutes))
        return min(1.0, self.iteration / sum(stage.iterations for stage in self.config.parsed_stages()))

    def step(self, batch: dict) -> float:
        rate = self.config.learning_rate * rate_factor(self.config, self.iteration, self.done)
        for group in self.optimizer.param_groups:
            group["lr"] = group["of_rate"] * rate
        batch = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        crops = batch["crop"].float().div(255).contiguous(memory_format=torch.channels_last)
        with mixed_precision(self.device.type):
            outputs = self.model(crops, batch["prompt"]) if self.model.takes_prompts else self.model(crops)
        loss = human2d_loss(outputs, batch, self.config.loss)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.model, self.share)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(self.model)
        self.iteration += 1
        return float(loss.detach())


def training_crops(config: Config) -> list[LabelledCrop]:
    """All photos that a run learns from: none where all is rendered. Raises PackMissing."""
    if all(stage.synthetic == 1 for stage in config.parsed_stages()):
        return []
    limit = config.overfit or None
    crops = load_crops("train", limit=limit, taught=config.labels != "human")
    if config.packs == "all" and not limit:
        crops += load_more2d("train") + load_everyday("train")
    return crops


def train(
    config: Config, folder: Path, workers: int = 1, log_every: int = 50, warm_start: Path | None = None,
    movenet: Path | None = None, device: torch.device | None = None,
) -> Run:  # fmt: skip
    """Train from the checkpoint in `folder`, if there is one, to the end of the last stage."""
    crops = training_crops(config)
    options = None if config.overfit else AUGMENTATIONS[config.augmentation]
    run = Run(config, folder, warm_start, movenet, device)
    stages = config.parsed_stages()
    ends = np.cumsum([stage.iterations for stage in stages]) / sum(stage.iterations for stage in stages)
    for stage, end in zip(stages, ends, strict=True):
        if run.done < end:
            review = run.warm and config.labels == "reviewed" and not config.overfit
            labelled = reviewed(crops, run.average.model, run.share) if review else crops
            _train_stage(run, labelled, stage, end, options, workers, log_every)
            run.warm = True
    run.save()
    return run


def _train_stage(run: Run, crops: list, stage: Stage, end: float, options, workers: int, log_every: int) -> None:
    seed = (run.config.seed * 1_000_003 + run.iteration) * run.share.count + run.share.rank
    nobody = run.config.nobody if options else 0.0
    samples = Samples(crops, stage, options, nobody, seed)
    loader = DataLoader(samples, run.config.batch // run.share.count, num_workers=workers, persistent_workers=False)
    losses, began = [], time.perf_counter()
    last = began
    run.model.train()
    for batch in loader:
        losses.append(run.step(batch))
        now = time.perf_counter()
        run.seconds, last = run.seconds + now - last, now
        if run.config.minutes:
            run.seconds = float(as_the_leader(np.array(run.seconds), run.share))
        if run.iteration % log_every == 0:
            rate = len(losses) * run.config.batch / (time.perf_counter() - began)
            row = {"iteration": run.iteration, "size": stage.side, "loss": f"{np.mean(losses):.4f}"}
            run.folder.log(row | {"crops/s": f"{rate:.1f}", "seconds": f"{run.seconds:.0f}"})
            losses, began = [], time.perf_counter()
        if run.iteration % 250 == 0:
            run.save()
        if run.done >= end:
            return


def main(arguments: list[str]) -> None:
    movenet = "folder of MoveNet's published weights, for `fast` to begin from"
    config, rest = parse_run(arguments, Config, "human2d", "Train Human2D on photos.", movenet=movenet)
    train(config, rest.out, rest.workers, warm_start=rest.warm_start, movenet=rest.movenet, device=rest.device)
    leave()
