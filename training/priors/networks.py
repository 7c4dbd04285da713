"""PosePrior and ShapePrior (Pavlakos et al. 2018, §4.2): 2D evidence in, body parameters out."""

import torch
from torch import nn
from torch.nn import functional as F

from ...inference.pose_features import FEATURE_COUNT

JOINTS = 24
BETAS = 10


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
    """Features (B, 49) of `inference.pose_features` → rotations (B, 24, 6), the first two columns of each matrix (Zhou
    2019).

    The root's rotation is in SMPL's upright frame as seen by the virtual camera.
    """

    def __init__(self, width: int = 1024, units: int = 2, dropout: float = 0.0):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Linear(FEATURE_COUNT, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.units = nn.Sequential(*(BilinearUnit(width, dropout) for _ in range(units)))
        self.head = nn.Linear(width, JOINTS * 6)
        nn.init.normal_(self.head.weight, std=0.01)
        # Start at the T-pose: the identity's first two columns.
        self.head.bias.data = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(JOINTS)

    def forward(self, features):
        return self.head(self.units(self.stem(features))).unflatten(1, (JOINTS, 6))


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

    def forward(self, silhouettes):
        return self.head(self.unit(self.stem(self.convolutions(silhouettes))))


def six_d_to_matrix(six_d):
    """Gram-Schmidt: (..., 6) to rotation matrices (..., 3, 3), as `inference.rotations.six_d_to_matrix`."""
    x = F.normalize(six_d[..., :3], dim=-1)
    y = F.normalize(six_d[..., 3:] - (x * six_d[..., 3:]).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)
