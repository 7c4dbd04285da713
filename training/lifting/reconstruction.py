"""The reconstruction component: `python -m body_from_image.training reconstruction --out runs/reconstruction`.

Ordinal depths and 2D keypoints to a coherent pose in space, by a simple multi-layer perceptron that sees motion capture
only (Zhou's slides, "Refinement with a reconstruction component"; Pavlakos, Zhou, Daniilidis 2018). There its depths
come from a network trained by ranking loss, so only their order means something; here it is given the order itself,
from whoever knows it. What the slides leave open: the layers are PosePrior's bilinear units (Martinez et al. 2017), 2D
is spoilt as for PosePrior, and for shares of the people the order is not or partly known, or that of noisy depths.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...inference.body.body_model import BodyModel
from ...inference.geometry.camera import Camera
from ...inference.geometry.joints import LIMB_KEYPOINTS
from ...inference.networks.pose_features import FEATURE_COUNT, pose_features
from ..people.instances import VIEW, People, true_keypoints
from ..priors.corruption import detections
from ..priors.networks import BilinearUnit
from ..priors.pose_prior import upright
from ..priors.supervision import distances
from ..runs.command_line import parse_run
from ..runs.onnx_export import read_weights, take_weights
from ..runs.precision import mixed_precision
from ..runs.run import RunConfig, train
from .frames import COUNT, about_pelvis, keypoints_in_space, mean_bone
from .ordinal import order_of


@dataclass(frozen=True)
class Config(RunConfig):
    iterations: int = 5000
    width: int = 512
    units: int = 2
    clean: float = 0.4
    """Share of people whose keypoints are all seen, and off by a small error only."""
    no_order: float = 0.3
    """Share of people of whose depths nothing is known."""
    limbs_only: float = 0.15
    """Share of people of whose depths only those of the twelve limb keypoints are known."""
    exact: float = 0.3
    """Share of people whose order is true; others' is that of depths with noise."""
    depth_noise: float = 0.3
    """Metres: the greatest deviation of that noise; each person's is drawn up to it."""


class Reconstruction(nn.Module):
    """Features (B, 128), `pose_features` (78) and `order_features` (50) → keypoints (B, 25, 3) about the pelvis in the
    virtual camera's upright frame, in mean bones."""

    def __init__(self, width: int = 512, units: int = 2):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(FEATURE_COUNT + 2 * COUNT, width), nn.BatchNorm1d(width), nn.ReLU())
        self.units = nn.Sequential(*(BilinearUnit(width, 0.0) for _ in range(units)))
        self.head = nn.Linear(width, 3 * COUNT)

    @classmethod
    def of(cls, weights: Path) -> "Reconstruction":
        """The network that a `weights.pt` is of, ready to answer."""
        found = read_weights(weights)
        units = {name.split(".")[1] for name in found if name.startswith("units.")}
        network = cls(found["head.weight"].shape[1], len(units))
        take_weights(network, found, weights)
        return network.eval()

    def load_earlier(self, weights: Path) -> None:
        """Begin with the weights of an earlier run, of the same size."""
        take_weights(self, read_weights(weights), weights)

    def forward(self, features):
        return self.head(self.units(self.stem(features))).unflatten(1, (COUNT, 3))

    def lift(self, keypoints: np.ndarray, camera: Camera, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (B, 25, 3; pixels and confidence) and their `order_features` (B, 50) → keypoints in space
        (B, 25, 3), and the turns (B, 3, 3) to the camera in whose frame they are (`frames.to_camera`)."""
        features, turn = pose_features(keypoints, camera)
        with torch.no_grad():
            points = self(torch.from_numpy(np.concatenate([features, order], 1)))
        return points.numpy().astype(np.float64), turn


class ReconstructionTask(nn.Module):
    """What `run.Run` trains: synthetic people's keypoints and order of depths to where the keypoints are."""

    def __init__(self, config: Config):
        super().__init__()
        torch.manual_seed(config.seed)
        self.config = config
        self.network = Reconstruction(config.width, config.units)
        self.extra = nn.Module()
        self.people = People(BodyModel.load(), "train")

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Features (B, 128) and true keypoints (B, 25, 3) about the pelvis, in mean bones."""
        made = self.people.draw(self.config.batch, rng)
        features, turn = pose_features(detections(true_keypoints(made), rng, self.config.clean), VIEW)
        points = about_pelvis(keypoints_in_space(made)) @ upright(turn).transpose(0, 2, 1)
        order = drawn_order(-points[..., 2], rng, self.config)
        scaled = (points / mean_bone(points)[:, None, None]).astype(np.float32)
        return {"features": torch.from_numpy(np.concatenate([features, order], 1)), "points": torch.from_numpy(scaled)}

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """Mean distance in mean bones."""
        with mixed_precision(batch["features"].device.type):
            found = self.network(batch["features"])
        loss = distances(found.float(), batch["points"]).mean()
        return loss, {"distance": loss.item()}


def drawn_order(depth: np.ndarray, rng: np.random.Generator, config: Config) -> np.ndarray:
    """`order_features` (B, 50) to learn from, of true depths (B, 25) in metres: not, partly or all known, exact or of
    depths with noise, as `config` has it."""
    count = len(depth)
    kind = rng.random((count, 1))
    limbs = np.isin(np.arange(COUNT), LIMB_KEYPOINTS)
    known = np.where(kind < config.no_order, False, np.where(kind > 1 - config.limbs_only, limbs, True))
    noise = rng.uniform(0, config.depth_noise, (count, 1)) * (rng.random((count, 1)) > config.exact)
    return order_of(depth + noise * rng.normal(size=depth.shape), known)


def main(arguments: list[str]) -> None:
    config, rest = parse_run(arguments, Config, "reconstruction", "Train the reconstruction component on mocap poses.")
    task = ReconstructionTask(config)
    train(task, rest.out, rest.workers, warm_start=rest.warm_start, device=rest.device)
