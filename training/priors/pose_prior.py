"""Train PosePrior: `python -m body_from_image.training pose-prior --out runs/pose-prior`.

The loss is the rotation matrices' squared error (the paper's better parameter loss), plus the distances of joints and
of a subset of vertices (equations 1 and 2, as lengths rather than squares; `--point-loss squared --vertices 0` takes
them as they are, with weights of 1), on people made anew for every batch. The
uncertainty is learned beside it, from the angles by which the rotations are off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...inference.body.body_model import BodyModel
from ...inference.geometry.rotations import matrix_to_axis_angle
from ...inference.networks.pose_features import pose_features
from ..body.body_model import TorchBodyModel
from ..people.instances import VIEW, People, true_keypoints
from ..runs.command_line import one_of, parse_run
from ..runs.precision import mixed_precision
from ..runs.run import train
from .corruption import detections
from .networks import OUTPUTS, PosePrior
from .supervision import AfterParameters, SupervisionConfig, distances, point_errors


@dataclass(frozen=True)
class Config(SupervisionConfig):
    iterations: int = 12000
    width: int = 1024
    units: int = 3
    """The paper has two."""
    dropout: float = 0.0
    output: str = one_of(OUTPUTS, "camera-6d")
    """`camera-6d` answers in the camera's frame, `6d` about the joints' parents, and so does the paper's
    `axis-angle`."""
    bones: bool = True
    """Show the network how foreshortened bones are, too."""
    parameter_loss: str = one_of(("matrix", "axis-angle"), "matrix")
    """`matrix` compares rotation matrices, `axis-angle` the three numbers of each joint."""
    rotation_weight: float = 1.0
    joint_weight: float = 10.0
    vertex_weight: float = 10.0
    learned_weights: bool = False
    """Let the run find the weights of the three terms (Kendall et al. 2018) from those above."""
    vertices: int = 300
    """Size of the vertex subset that the loss sees; 0: all."""
    clean: float = 0.4
    """Share of people whose keypoints are all seen, and off by a small error only."""
    fitted: str = ""
    """A file of `fit-poses`: poses of people in photos, which are drawn beside the mocap's."""
    fitted_share: float = 0.25


class LossWeights(torch.nn.Module):
    """Weights of the loss terms; learned, each is exp(-s) with s added to the loss (Kendall et al. 2018). All but the
    first are 0 in the first `parameters_first` losses."""

    def __init__(self, weights: list[float], learned: bool, parameters_first: int):
        super().__init__()
        self.register_buffer("start", torch.tensor(weights), persistent=False)
        self.points = AfterParameters(parameters_first)
        if learned:
            self.log_variance = torch.nn.Parameter(torch.zeros(len(weights)))

    def forward(self, terms: torch.Tensor) -> torch.Tensor:
        terms = torch.cat([terms[:1], self.points() * terms[1:]])
        if not hasattr(self, "log_variance"):
            return (self.start * terms).sum()
        return (self.start * terms * torch.exp(-self.log_variance) + self.log_variance).sum()


class PoseTask(torch.nn.Module):
    """What `run.Run` trains: keypoints of synthetic people to their rotations. Several tasks may share their people."""

    def __init__(self, config: Config, people: People | None = None):
        super().__init__()
        torch.manual_seed(config.seed)
        self.config = config
        self.network = PosePrior(config.width, config.units, config.dropout, config.output, config.bones)
        weights = [config.rotation_weight, config.joint_weight, config.vertex_weight]
        self.extra = LossWeights(weights, config.learned_weights, config.parameters_first)
        self.model = BodyModel.load()
        self.body = TorchBodyModel(self.model)
        count = len(self.model.v_template)
        subset = torch.linspace(0, count - 1, config.vertices).long() if config.vertices else torch.arange(count)
        self.register_buffer("subset", subset, persistent=False)
        fitted = Path(config.fitted) if config.fitted else None
        self.people = people or People(self.model, "train", fitted=fitted, share=config.fitted_share)

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Features, and the rotations and betas that they came from."""
        instances = self.people.draw(self.config.batch, rng)
        keypoints = detections(true_keypoints(instances), rng, self.config.clean)
        return as_seen(keypoints, instances.rotations, instances.betas)

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """The weighted sum; and the parts in millimetres and degrees."""
        with mixed_precision(batch["features"].device.type):
            numbers, uncertainty = self.network(batch["features"])
        predicted = self.network.to_matrix(numbers.float())
        found = self.body(batch["betas"], predicted, None, self.subset)
        with torch.no_grad():
            true = self.body(batch["betas"], batch["rotations"], None, self.subset)
        if self.config.parameter_loss == "axis-angle":
            rotation = ((numbers.float() - axis_angles(batch["rotations"])) ** 2).sum(2).mean()
        else:
            rotation = ((predicted - batch["rotations"]) ** 2).sum((2, 3)).mean()
        pairs = (found.joints, true.joints), (found.vertices, true.vertices)
        joints, vertices = (point_errors(*pair, self.config.point_loss).mean() for pair in pairs)
        angle = angles(predicted.detach(), batch["rotations"])
        total = self.extra(torch.stack([rotation, joints, vertices])) + angle_likelihood(uncertainty.float(), angle)
        mpjpe, pve = (1e3 * distances(*pair).detach().mean() for pair in pairs)
        terms = {"rotation": rotation, "mpjpe": mpjpe, "pve": pve, "angle": angle.mean()}
        return total, {name: value.item() for name, value in terms.items()}


def as_seen(
    keypoints: np.ndarray, rotations: np.ndarray, betas: np.ndarray, see: Callable = pose_features
) -> dict[str, torch.Tensor]:
    """A batch: what `see` makes of keypoints (B, 25, 3) in `VIEW`, and the rotations with the root's in the frame of
    the camera that `see` turned."""
    features, turn = see(keypoints, VIEW)
    rotations = rotations.copy()
    rotations[:, 0] = upright(turn) @ rotations[:, 0]
    arrays = {"features": features, "rotations": rotations, "betas": betas}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def upright(turn: np.ndarray) -> np.ndarray:
    """A turn (B, 3, 3) of OpenCV's camera frame, as the same turn of SMPL's upright frame."""
    flip = np.array([1, -1, -1], np.float32)
    return (turn * flip[:, None] * flip).astype(np.float32)


def angles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Degrees (B, 24) between rotation matrices (B, 24, 3, 3)."""
    # The chord is exact for small angles, where the arc cosine of the trace is not.
    chord = ((a - b) ** 2).sum((2, 3)).clamp_min(1e-12).sqrt()
    return torch.rad2deg(2 * torch.asin((chord / 8**0.5).clamp(max=1)))


def axis_angles(rotations: torch.Tensor) -> torch.Tensor:
    """Axis-angle (B, 24, 3) of matrices, without gradient."""
    return torch.from_numpy(matrix_to_axis_angle(rotations.cpu().numpy())).to(rotations)


def angle_likelihood(predicted: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood, up to constants, of angles under a gamma distribution with the predicted mean.

    Rotation vectors of density exp(-|ω|/b) have lengths of that kind, with mean 3b. Whatever the true distribution,
    the minimum is at the mean angle (it is a quasi-likelihood), so the answer is calibrated where it can be.
    """
    return (predicted.log() + angle / predicted).mean()


def main(arguments: list[str]) -> None:
    config, rest = parse_run(arguments, Config, "pose-prior", "Train PosePrior on mocap poses.")
    train(PoseTask(config), rest.out, rest.workers, warm_start=rest.warm_start, device=rest.device)
