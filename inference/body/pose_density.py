"""How plausible a pose is: a mixture of Gaussians over mocap poses, and the range of each joint.

After SMPLify (Bogo et al. 2016, §3.2): axis-angle of the joints, a mixture whose nearest Gaussian stands for the sum.
The numbers are our own, from open motion capture (POSE_DENSITY_CARD.md).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..files.destination import replacing
from ..geometry.joints import JOINT_INDEX
from ..models import MODELS

DENSITY_FILE = MODELS / "pose_density.npz"
MODELLED = np.array([index for name, index in JOINT_INDEX.items() if name != "pelvis" and not name.endswith("_hand")])
"""The 21 joints of the mixture: all but the root, which is a viewpoint, and the hands, which the mocap lacks."""


@dataclass(frozen=True)
class PoseDensity:
    """M Gaussians over the 63 axis-angle numbers of `MODELLED`."""

    means: np.ndarray
    """(M, 63) radians."""
    roots: np.ndarray
    """(M, 63, 63): L⁻¹ of each covariance L·Lᵀ, so that |L⁻¹ (θ - mean)|² is the squared Mahalanobis distance."""
    offsets: np.ndarray
    """(M,) minus the logarithm of each Gaussian's height, the highest being 0."""
    low: np.ndarray
    """(24, 3) radians: the least axis-angle of each joint."""
    high: np.ndarray
    """(24, 3)."""
    usual: float
    """Energy that 99 of 100 held-out mocap poses stay below."""

    @classmethod
    @cache
    def load(cls, path: Path = DENSITY_FILE) -> "PoseDensity":
        """The density that ships."""
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name].astype(np.float64) for name in archive.files}
        return cls(**arrays | {"usual": float(arrays["usual"])})

    def save(self, path: Path) -> None:
        """Write the npz that `load` reads, in float32."""
        with replacing(Path(path)) as unfinished, open(unfinished, "wb") as file:
            np.savez_compressed(file, **{name: np.float32(getattr(self, name)) for name in self.__dataclass_fields__})

    def nearest(self, axis_angle: np.ndarray) -> tuple[int, np.ndarray]:
        """The Gaussian m that explains a pose (24, 3) best, and L⁻¹ (θ - mean), (63,), there."""
        white = np.einsum("mij,mj->mi", self.roots, axis_angle[MODELLED].reshape(-1) - self.means)
        best = int((0.5 * (white**2).sum(1) + self.offsets).argmin())
        return best, white[best]

    def energy(self, axis_angle: np.ndarray) -> float:
        """Minus the logarithm of the density of a pose (24, 3), up to a constant: 0 at the commonest pose."""
        best, white = self.nearest(axis_angle)
        return float(0.5 * white @ white + self.offsets[best])

    def beyond_limits(self, axis_angle: np.ndarray, joints: list[int] | slice = slice(None)) -> np.ndarray:
        """How far each number of a pose (..., 24, 3), or of some `joints` of it, lies outside its range, radians;
        negative below, 0 within."""
        return axis_angle - np.clip(axis_angle, self.low[joints], self.high[joints])
