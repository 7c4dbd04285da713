"""HMR's regressor (Kanazawa et al. 2018, §3.2): iterative error feedback from the mean parameters, in three steps.

Θ holds 24 rotations as 6D, ten betas and a weak-perspective camera. The paper's rotations are axis-angles; it corrects
Θ by adding to it, and axis-angles jump where a body turns by half a turn, which 6D does not (Zhou et al. 2019). The
picture's part of the first layer is the same in every step, and is computed once.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import keypoints_from_joints
from ..body.body_model import TorchBodyModel
from ..human2d.movenet import DEEPEST
from ..priors.networks import BETAS, JOINTS
from ..priors.rotations import six_d_to_matrix
from ..runs.onnx_export import read_weights, take_weights
from .encoder import CELLS, MOST

SIX_D = 6 * JOINTS
PARAMETERS = SIX_D + BETAS + 3
STEPS = 3
SMALL_FIRST = 0.01
"""What the last layer's weights are multiplied by to begin with: the first answers are the mean."""
FIRST_SCALE = 0.9
"""Half sides of the crop to a metre that the camera begins with."""


class Body(NamedTuple):
    """`rotations` (B, 24, 3, 3), the root's in the crop's upright frame; `betas` (B, 10); `scale` (B,), half sides of
    the crop to a metre; `shift` (B, 2), metres in the picture, y down."""

    rotations: Tensor
    betas: Tensor
    scale: Tensor
    shift: Tensor

    def project(self, points: Tensor) -> Tensor:
        """Points (B, N, 3) of the upright frame under weak perspective: (B, N, 2) over half the crop's side from its
        middle, y down."""
        across, up, _ = points.unbind(-1)
        return self.scale[:, None, None] * (torch.stack([across, -up], -1) + self.shift[:, None])


class BodyKeypoints(nn.Module):
    """A `Body`'s keypoints (B, 25, 3) in the crop's upright frame, metres, of a body model."""

    def __init__(self, model: BodyModel):
        super().__init__()
        self.body = TorchBodyModel(model)
        self.register_buffer("landmarks", torch.from_numpy(np.asarray(model.keypoint_vertices)), persistent=False)

    def forward(self, body: Body) -> Tensor:
        posed = self.body(body.betas, body.rotations, None, self.landmarks)
        return torch.stack(keypoints_from_joints(posed.joints, posed.vertices), -2)


def read_parameters(parameters: Tensor) -> Body:
    """Θ (B, 157) as a body. The camera's scale is kept as its logarithm, so that it is never negative."""
    rotations = six_d_to_matrix(parameters[:, :SIX_D].unflatten(1, (JOINTS, 6)))
    betas, log_scale, shift = parameters[:, SIX_D:].split([BETAS, 1, 2], 1)
    return Body(rotations, betas, log_scale[:, 0].exp(), shift)


def mean_parameters(rotations: Tensor) -> Tensor:
    """Θ (157,) to begin from: the mean of local rotations (N, 24, 3, 3), the mean shape, facing the camera."""
    mean = rotations.mean(0)
    mean[0] = torch.eye(3)
    six_d = mean[..., :2].transpose(1, 2).flatten()
    return torch.cat([six_d, torch.zeros(BETAS), torch.tensor([FIRST_SCALE]).log(), torch.zeros(2)])


class Regressor(nn.Module):
    """Features (B, 1280, 8, 8) uint8 of `encoder.encode` → Θ (3, B, 157) after each step.

    `neck` takes the place of the paper's mean over the cells: its encoder learns to answer with one vector, while the
    frozen one says by its cells where things are.
    """

    def __init__(self, mean: Tensor, channels: int = 64, width: int = 1024, dropout: float = 0.5):
        super().__init__()
        self.neck = nn.Sequential(
            nn.Conv2d(DEEPEST, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.Flatten()
        )
        self.picture = nn.Linear(channels * CELLS**2, width)
        self.state = nn.Linear(PARAMETERS, width, bias=False)
        self.hidden = nn.Sequential(
            nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.head = nn.Linear(width, PARAMETERS)
        self.mean = nn.Parameter(mean)
        with torch.no_grad():
            self.head.weight.mul_(SMALL_FIRST)
            self.head.bias.zero_()

    @classmethod
    def of(cls, weights: Path) -> "Regressor":
        """The network that a `weights.pt` is of, ready to answer."""
        found = read_weights(weights)
        channels, width = found["neck.0.weight"].shape[0], found["head.weight"].shape[1]
        network = cls(found["mean"], channels, width)
        take_weights(network, found, weights)
        return network.eval()

    def load_earlier(self, weights: Path) -> None:
        """Begin with the weights of an earlier run, of the same size."""
        take_weights(self, read_weights(weights), weights)

    def forward(self, features: Tensor) -> Tensor:
        picture = self.picture(self.neck(features.float() * (MOST / 255)))
        answer, answers = self.mean.expand(len(features), -1), []
        for _ in range(STEPS):
            answer = answer + self.head(self.hidden(picture + self.state(answer)))
            answers.append(answer)
        return torch.stack(answers)


class Discriminators(nn.Module):
    """The paper's 25 (§3.3): rotations (B, 24, 3, 3) and betas (B, 10) → a score (B, 25) each for every joint but the
    root, for all joints together and for the shape: 1 says that it is a real body's."""

    def __init__(self, features: int = 32, width: int = 1024, shape_width: int = 10):
        super().__init__()
        self.joint = nn.Sequential(nn.Linear(9, features), nn.ReLU(), nn.Linear(features, features), nn.ReLU())
        self.own = nn.Parameter(torch.randn(JOINTS - 1, features) / features**0.5)
        self.own_bias = nn.Parameter(torch.zeros(JOINTS - 1))
        together = (JOINTS - 1) * features
        self.together = nn.Sequential(
            nn.Linear(together, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )
        self.shape = nn.Sequential(
            nn.Linear(BETAS, shape_width), nn.ReLU(), nn.Linear(shape_width, shape_width // 2), nn.ReLU(),
            nn.Linear(shape_width // 2, 1),
        )  # fmt: skip

    def forward(self, rotations: Tensor, betas: Tensor) -> Tensor:
        joints = self.joint(rotations[:, 1:].flatten(2))
        each = (joints * self.own).sum(-1) + self.own_bias
        return torch.cat([each, self.together(joints.flatten(1)), self.shape(betas)], 1)


def adversarial_losses(
    judges: Discriminators, made: tuple[Tensor, Tensor], real: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Least-squares GAN (Mao et al. 2017): what the maker of `made` (rotations, betas) minimises, in which the judges
    are taken as they are, and what the judges minimise, which tells the maker nothing. Both are means over bodies of
    the sum over judges, so one optimiser can take their sum."""
    as_they_are = {name: value.detach() for name, value in judges.named_parameters()}
    fooled = torch.func.functional_call(judges, as_they_are, made)
    seen_through, believed = judges(*(part.detach() for part in made)), judges(*real)
    maker = ((fooled - 1) ** 2).sum(1).mean()
    judging = ((believed - 1) ** 2).sum(1).mean() + (seen_through**2).sum(1).mean()
    return maker, judging
