"""PosePrior and ShapePrior (Pavlakos et al. 2018, §4.2): 2D evidence in, body parameters out."""

import math
from pathlib import Path

import torch
from torch import nn

from ...inference.networks.pose_features import FEATURE_COUNT
from ..runs.onnx_export import load_weights, read_weights, take_weights
from .bones import Foreshortening
from .rotations import AboutParents, axis_angle_to_matrix, six_d_to_matrix

JOINTS = 24
BETAS = 10
FIRST_GUESS = 15.0
"""Degrees of uncertainty that training begins with."""
NEW_UNIT = 0.01
"""Size of what a unit adds at first that earlier weights lack."""


class BilinearUnit(nn.Module):
    """Martinez et al. 2017: twice (linear, batch norm, ReLU, dropout), and a skip around both."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        layers = [nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
        again = [nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers, *again)

    def forward(self, x):
        return x + self.body(x)


class PosePrior(nn.Module):
    """Features (B, 78) of `inference.pose_features` → rotations (B, 24, 6), the first two columns of each matrix (Zhou
    2019), and the angle (B, 24) in degrees by which each rotation is off on average.

    The root's rotation is in SMPL's upright frame as seen by the virtual camera. `output` says what the last layer
    answers with: "camera-6d" is each joint's rotation about that frame, of which those about the parents are made;
    "6d" is these themselves; "axis-angle" is the paper's, and rotations are then (B, 24, 3). `bones` adds
    `Foreshortening` to what is seen.
    """

    def __init__(
        self, width: int = 1024, units: int = 2, dropout: float = 0.0, output: str = "camera-6d", bones: bool = True
    ):
        super().__init__()
        size, zero_pose, self.to_matrix = OUTPUTS[output]
        self.foreshortening = Foreshortening() if bones else nn.Identity()
        count = FEATURE_COUNT + Foreshortening.added * bones
        self.stem = nn.Sequential(nn.Linear(count, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout))
        self.units = nn.Sequential(*(BilinearUnit(width, dropout) for _ in range(units)))
        self.head = nn.Linear(width, JOINTS * size)
        nn.init.normal_(self.head.weight, std=0.01)
        self.head.bias.data = torch.tensor(zero_pose).repeat(JOINTS)
        self.answer = AboutParents() if output == "camera-6d" else nn.Identity()
        self.uncertainty = nn.Linear(width, JOINTS)
        nn.init.normal_(self.uncertainty.weight, std=0.001)
        nn.init.constant_(self.uncertainty.bias, math.log(FIRST_GUESS))

    @classmethod
    def of(cls, weights: Path) -> "PosePrior":
        """The network that a `weights.pt` or an exported file is of, as large as it was."""
        found = read_weights(weights)
        network = cls(
            found["head.weight"].shape[1],
            len({name.split(".")[1] for name in found if "units." in name}),
            output="camera-6d" if "answer.parents" in found else "6d",
            bones="foreshortening.lengths" in found,
        )
        take_weights(network, found, weights)
        return network

    def load_earlier(self, weights: Path) -> None:
        """Begin with the weights of an earlier run, of the same width. It may have had no uncertainty, fewer units (a
        new one passes on what it gets, nearly, until it has learnt better) and fewer inputs (new ones count nothing at
        first); a head that answered in another frame begins anew. Raises ValueError when it lacks more, or saw more."""
        found = read_weights(weights)
        for unit in self.units:
            # Its last batch norm makes little of what the unit adds. (Goyal et al. 2017, §5.1, make it nothing; here a
            # ReLU follows, so that it would stay nothing.)
            nn.init.constant_(unit.body[-3].weight, NEW_UNIT)
        optional = ["uncertainty.", "foreshortening.", *(f"units.{number}." for number in range(1, len(self.units)))]
        if isinstance(self.answer, AboutParents) != ("answer.parents" in found):
            optional += ["head.", "answer."]
            found = {name: value for name, value in found.items() if not name.startswith("head.")}
        if "stem.0.weight" in found:
            new = self.stem[0].in_features - found["stem.0.weight"].shape[1]
            if new < 0:
                raise ValueError(f"{weights} is of a network that sees {-new} numbers more than this one")
            found["stem.0.weight"] = nn.functional.pad(found["stem.0.weight"], (0, new))
        take_weights(self, found, weights, tuple(optional))

    def forward(self, features):
        hidden = self.units(self.stem(self.foreshortening(features)))
        # What is uncertain is read off what the pose needs, and does not change it.
        angle = torch.exp(self.uncertainty(hidden.detach()).clamp(-2, math.log(180)))
        return self.answer(self.head(hidden).unflatten(1, (JOINTS, -1))), angle


class ShapePrior(nn.Module):
    """Silhouettes (B, 1, 64, 64) in 0–1 → betas (B, 10): five 3×3 convolutions, each with max-pooling, one bilinear
    unit."""

    def __init__(self, channels: tuple[int, ...] = (16, 32, 64, 128, 256), width: int = 512):
        super().__init__()
        blocks, before = [], 1
        for count in channels:
            blocks += [
                nn.Conv2d(before, count, 3, padding=1, bias=False),
                nn.BatchNorm2d(count),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            before = count
        self.convolutions = nn.Sequential(*blocks, nn.Flatten())
        self.stem = nn.Sequential(nn.Linear(before * 4, width), nn.BatchNorm1d(width), nn.ReLU())
        self.unit = BilinearUnit(width, 0.0)
        self.head = nn.Linear(width, BETAS)

    def load_earlier(self, weights: Path) -> None:
        """Begin with the weights of an earlier run."""
        load_weights(self, weights)

    def forward(self, silhouettes):
        return self.head(self.unit(self.stem(self.convolutions(silhouettes))))


OUTPUTS = {
    "camera-6d": (6, [1.0, 0, 0, 0, 1, 0], six_d_to_matrix),
    "6d": (6, [1.0, 0, 0, 0, 1, 0], six_d_to_matrix),
    "axis-angle": (3, [0.0, 0, 0], axis_angle_to_matrix),
}
"""Name → numbers per joint, those of the zero pose, and the function that makes a matrix of them."""
