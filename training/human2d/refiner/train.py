"""Train the heatmap refiner: `python -m body_from_image.training heatmap-refiner --out runs/heatmap-refiner`.

How the shipped Human2D sees 8 100 labelled people is kept in the run's folder (1.6 GB, a quarter of an hour); then the
refiner learns where the labels are, by the loss that Human2D has learnt by.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ....inference.networks.human2d import Human2D
from ...runs.command_line import parse_run
from ...runs.run import RunConfig, train
from ..losses import position_cross_entropy
from .augmentation import augmented
from .network import HeatmapRefiner
from .samples import COUNTS, People, draw

SPORTS_SHARE = 0.625
"""Of a batch: most of what is seen wrong is."""


@dataclass(frozen=True)
class Config(RunConfig):
    iterations: int = 2400
    batch: int = 32
    learning_rate: float = 2e-3


class RefinerTask(torch.nn.Module):
    """What `run.Run` trains."""

    def __init__(self, config: Config, people: People, sports: int = COUNTS["sports"]):
        """The first `sports` of the people are those of sports photos."""
        super().__init__()
        torch.manual_seed(config.seed)
        self.config, self.people, self.sports = config, people, sports
        self.network, self.extra = HeatmapRefiner().to(memory_format=torch.channels_last), torch.nn.Module()

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Heatmaps and labels, augmented."""
        sports = round(SPORTS_SHARE * self.config.batch)
        chosen = np.concatenate([
            rng.integers(self.sports, size=sports),
            rng.integers(self.sports, len(self.people.labels), size=self.config.batch - sports),
        ])  # fmt: skip
        heatmaps = torch.from_numpy(self.people.heatmaps[chosen].astype(np.float32))
        heatmaps, labels = augmented(heatmaps, torch.from_numpy(self.people.labels[chosen].astype(np.float32)), rng)
        return {"heatmaps": heatmaps, "labels": labels}

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """The cross-entropy of keypoints' places."""
        points, weight = batch["labels"][..., :2], batch["labels"][..., 2]
        side = batch["heatmaps"].shape[3]
        inside = ((points > -0.5) & (points < side - 0.5)).all(2).float()
        # What leaves the map here was in the picture: Human2D saw it, and no map tells of that any more.
        total = position_cross_entropy(self.network(batch["heatmaps"]), points, weight * inside, inside)
        return total, {"cross_entropy": total.item()}


def main(arguments: list[str]) -> None:
    config, rest = parse_run(arguments, Config, "heatmap-refiner", "Train the heatmap refiner on what Human2D sees.")
    people = draw(rest.out, Human2D(device="cpu", refiner=None))
    train(RefinerTask(config, people), rest.out, rest.workers, warm_start=rest.warm_start, device=rest.device)
