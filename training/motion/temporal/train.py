"""Train the temporal prior: `python -m body_from_image.training temporal-prior --out runs/temporal-prior`.

The loss is the squared error of the joints' rotations about the camera, and the distances of joints, of their speeds
and of their accelerations. Windows are made once and kept in the run's folder; frames are lost anew for every batch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ....inference.geometry.joints import JOINT_PARENTS
from ...priors.rotations import six_d_to_matrix
from ...priors.supervision import distances
from ...runs.command_line import parse_run
from ...runs.onnx_export import load_weights
from ...runs.run import RunConfig, train
from .bank import Bank, Films
from .network import TemporalPrior

LOST = 0.3, 0.15
"""Share of windows of which frames are lost anew, and of their frames that are, at most."""


@dataclass(frozen=True)
class Config(RunConfig):
    iterations: int = 6000
    batch: int = 32
    """Windows."""
    windows: int = 12000
    """In the bank."""
    width: int = 192
    rotation_weight: float = 1.0
    joint_weight: float = 10.0
    speed_weight: float = 20.0
    acceleration_weight: float = 20.0


class TrainedPrior(TemporalPrior):
    """With what a run asks of a network."""

    def load_earlier(self, weights: Path) -> None:
        """Begin with the weights of an earlier run."""
        load_weights(self, weights)


class TemporalTask(torch.nn.Module):
    """What `run.Run` trains."""

    def __init__(self, config: Config, bank: Bank):
        super().__init__()
        torch.manual_seed(config.seed)
        self.config, self.bank = config, bank
        self.network, self.extra = TrainedPrior(config.width), torch.nn.Module()

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Features, true rotations, bones, and which frames there are."""
        chosen = rng.integers(len(self.bank.features), size=self.config.batch)
        features = self.bank.features[chosen].astype(np.float32)
        share, most = LOST
        gone = (rng.random((len(chosen), 1)) < share) * rng.random((len(chosen), 1)) * most
        features *= (rng.random(features.shape[:2]) >= gone)[..., None]
        arrays = {
            "features": features, "rotations": self.bank.rotations[chosen].astype(np.float32),
            "bones": self.bank.bones[chosen], "told": self.bank.told[chosen].astype(np.float32),
        }  # fmt: skip
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """The weighted sum; and the parts: millimetres, and millimetres a frame and a frame²."""
        found, true = (six_d_to_matrix(one) for one in (self.network(batch["features"]), batch["rotations"]))
        told = batch["told"]
        rotation = _mean(((found - true) ** 2).sum((3, 4)), told)
        joints = [joints_of(one, batch["bones"]) for one in (found, true)]
        terms = {"rotation": rotation}
        for order, name in enumerate(("mpjpe", "speed", "accel")):
            terms[name] = _mean(distances(*(one.diff(order, 1) for one in joints)), _all_there(told, order))
        weights = (self.config.rotation_weight, self.config.joint_weight)
        weights += (self.config.speed_weight, self.config.acceleration_weight)
        total = sum(weight * term for weight, term in zip(weights, terms.values(), strict=True))
        return total, {name: term.item() * (1 if name == "rotation" else 1e3) for name, term in terms.items()}


def joints_of(rotations: torch.Tensor, bones: torch.Tensor) -> torch.Tensor:
    """Joints (B, T, 24, 3) about the pelvis of rotations (B, T, 24, 3, 3) about the camera, and bones (B, 24, 3)."""
    placed = [torch.zeros_like(rotations[:, :, 0, :, 0])]
    for joint, parent in enumerate(JOINT_PARENTS[1:], 1):
        placed.append(placed[parent] + torch.einsum("btij,bj->bti", rotations[:, :, parent], bones[:, joint]))
    return torch.stack(placed, 2)


def _all_there(told: torch.Tensor, order: int) -> torch.Tensor:
    """(B, T - order): whether a difference of so high an order is of frames that there are."""
    return told.unfold(1, order + 1, 1).amin(-1)


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Of values (B, T, J), by weights (B, T)."""
    return (values.mean(2) * weights).sum() / weights.sum()


def bank_of(folder: Path, config: Config) -> Bank:
    """The windows of a run, drawn when it begins."""
    path = folder / "windows.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        Films("train").draw(config.windows, np.random.default_rng(config.seed)).save(path)
    return Bank.load(path)


def main(arguments: list[str]) -> None:
    config, rest = parse_run(arguments, Config, "temporal-prior", "Train the temporal prior on mocap clips.")
    task = TemporalTask(config, bank_of(rest.out, config))
    train(task, rest.out, rest.workers, warm_start=rest.warm_start, device=rest.device)
