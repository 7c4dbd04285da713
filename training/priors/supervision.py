"""How the priors learn from joints and vertices: by lengths, which ships, or by the paper's squares; and since when."""

from dataclasses import dataclass

import torch

from ..runs.command_line import one_of
from ..runs.run import RunConfig

POINT_LOSSES = ("lengths", "squared")


@dataclass(frozen=True)
class SupervisionConfig(RunConfig):
    point_loss: str = one_of(POINT_LOSSES, "lengths")
    """Of vertices and joints: the mean distance in metres, or, `squared`, the paper's equations 1 and 2 as they are,
    the sum of squared distances over all points."""
    parameters_first: int = 0
    """Iterations at the beginning that learn from parameters alone (the paper: 40 000 of 100 000)."""


class AfterParameters(torch.nn.Module):
    """What losses on points are multiplied by: 0 in as many losses as are learnt from parameters alone, then 1. Its
    count is kept in checkpoints."""

    def __init__(self, parameters_first: int):
        super().__init__()
        self.parameters_first = parameters_first
        self.register_buffer("losses", torch.zeros((), dtype=torch.long))

    def forward(self) -> torch.Tensor:
        self.losses += 1
        return (self.losses > self.parameters_first).float()


def distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Distances (B, N) of points (B, N, 3). Many times as fast as `torch.linalg.norm` over so short an axis."""
    return ((a - b) ** 2).sum(-1).clamp_min(1e-12).sqrt()


def point_errors(a: torch.Tensor, b: torch.Tensor, point_loss: str) -> torch.Tensor:
    """What each of B people's points (B, N, 3) cost, by one of `POINT_LOSSES` (Pavlakos et al. 2018, equations 1 and
    2)."""
    return ((a - b) ** 2).sum((1, 2)) if point_loss == "squared" else distances(a, b).mean(1)
