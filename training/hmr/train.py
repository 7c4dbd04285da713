"""Train HMR: `python -m body_from_image.training hmr --out runs/hmr --samples FOLDER` (Kanazawa et al., CVPR 2018).

A rival of our two stages, for comparison only: from pixels to the body at once. It learns from photos with 2D labels by
reprojection, from rendered people by their bodies, and from 25 discriminators what bodies are like.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...inference.body.body_model import BodyModel
from ..people.poses import PoseSampler, load_poses
from ..people.shapes import Shapes
from ..priors.networks import BETAS
from ..priors.supervision import distances
from ..runs.command_line import parse_run
from ..runs.precision import mixed_precision
from ..runs.run import RunConfig, train
from .regressor import (
    STEPS,
    Body,
    BodyKeypoints,
    Discriminators,
    Regressor,
    adversarial_losses,
    mean_parameters,
    read_parameters,
)
from .samples import PELVIS, fill, load_samples

REAL_POSES = 20000
"""Drawn when a run begins; drawing them for each batch would take as long as learning from it."""


@dataclass(frozen=True)
class Config(RunConfig):
    iterations: int = 3000
    batch: int = 64
    learning_rate: float = 5e-4
    shards: int = 40
    """Of 512 samples each, made before the first iteration if they are not there yet."""
    channels: int = 64
    """Of the features' 1280, how many mixtures are kept of each cell."""
    width: int = 1024
    dropout: float = 0.5
    keypoint_weight: float = 60.0
    """Mean distance along an axis, in half sides of the crop; the paper's λ."""
    space_weight: float = 60.0
    """Of the known bodies: mean distance along an axis, in metres about the pelvis, and the mean squared error of
    rotation matrices and betas."""
    adversarial_weight: float = 1.0


class RealBodies:
    """Bodies that discriminators take for real: `count` poses of the training clips, widened as for the priors, and
    drawn shapes. Raises PackMissing."""

    def __init__(self, model: BodyModel, count: int):
        self.poses = PoseSampler(load_poses("train"))(count, np.random.default_rng(0)).astype(np.float32)
        self.shapes = Shapes(model)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (count, 24, 3, 3) and betas (count, 10)."""
        return self.poses[rng.integers(len(self.poses), size=count)], self.shapes.sample(count, rng)


class HMRTask(nn.Module):
    """What `runs.run.Run` trains: encoded crops to the bodies in them, against discriminators."""

    def __init__(self, config: Config, samples: dict[str, np.ndarray], real: RealBodies):
        super().__init__()
        torch.manual_seed(config.seed)
        self.config, self.samples, self.real = config, samples, real
        mean = mean_parameters(torch.from_numpy(real.poses))
        self.network = Regressor(mean, config.channels, config.width, config.dropout)
        self.extra = Discriminators()
        self.keypoints = BodyKeypoints(BodyModel.load())

    def make_batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Samples, and as many real bodies as answers are judged."""
        rows = rng.integers(len(self.samples["known"]), size=self.config.batch)
        poses, betas = self.real.draw(STEPS * len(rows), rng)
        batch = {name: values[rows] for name, values in self.samples.items()}
        batch |= {"real_rotations": poses, "real_betas": betas}
        return {name: torch.from_numpy(values) for name, values in batch.items()}

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum; and its parts, keypoints' in percent of half the crop's side, space's in millimetres."""
        with mixed_precision(batch["features"].device.type):
            answers = self.network(batch["features"])
        answers = answers.float()
        last = read_parameters(answers[-1])
        points = self.keypoints(last)
        off = (last.project(points) - batch["points"]).abs().mean(-1)
        keypoints = (off * batch["weight"]).sum() / batch["weight"].sum()
        space, mpjpe, parameters = known_losses(last, points, batch)
        every = read_parameters(answers.flatten(0, 1))
        fooling, judging = adversarial_losses(
            self.extra, (every.rotations, every.betas), (batch["real_rotations"], batch["real_betas"])
        )
        total = (
            self.config.keypoint_weight * keypoints
            + self.config.space_weight * (space + parameters)
            + self.config.adversarial_weight * fooling
            + judging
        )
        terms = {"keypoints": 100 * keypoints, "mpjpe": 1e3 * mpjpe, "parameters": parameters}
        terms |= {"fooling": fooling, "judging": judging}
        return total, {name: value.item() for name, value in terms.items()}


def known_losses(body: Body, points: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Of the samples whose bodies are known: mean distance of keypoints (B, 25, 3) along an axis, mean distance, both
    in metres about the pelvis, and the paper's mean squared error over the numbers of 23 rotation matrices, the root's
    and the betas."""
    known = batch["known"]
    count = known.sum().clamp_min(1)
    away = points - points[:, PELVIS : PELVIS + 1]
    along = (away - batch["space"]).abs().mean((1, 2))
    mpjpe = distances(away, batch["space"]).mean(1).detach()
    rotation = ((body.rotations - batch["rotations"]) ** 2).flatten(1).sum(1)
    betas = ((body.betas - batch["betas"]) ** 2).sum(1)
    squared = (rotation + betas) / (body.rotations[0].numel() + BETAS)
    return tuple((value * known).sum() / count for value in (along, mpjpe, squared))


def main(arguments: list[str]) -> None:
    config, rest = parse_run(
        arguments, Config, "hmr", "Train HMR, a rival from pixels to the body.",
        samples="folder of the encoded samples, 42 MB for each shard; default: `samples` in the run's folder",
    )  # fmt: skip
    folder: Path = rest.samples or rest.out / "samples"
    fill(folder, config.shards, rest.threads or 1)
    task = HMRTask(config, load_samples(folder, config.shards), RealBodies(BodyModel.load(), REAL_POSES))
    train(task, rest.out, rest.workers, warm_start=rest.warm_start, device=rest.device)
