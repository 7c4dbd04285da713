"""The two sizes of Human2D."""

from torch import nn

from .fast import FastHuman2D
from .hourglass import StackedHourglass

SIZES = {"fast": FastHuman2D, "hourglass": StackedHourglass}
"""`fast` stands on a backbone that others trained on everyday people, and ships; `hourglass` is the paper's."""


def human2d_network(size: str) -> nn.Module:
    """An untrained Human2D of one of `SIZES`: crops (B, 3, S, S) in 0–1 RGB to `Outputs`, a list of one for each
    stack."""
    return SIZES[size]()
