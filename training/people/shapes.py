"""Betas of people as there are: wide (METHOD: σ 1.25), but nobody thinner than a living person."""

import numpy as np

from ...inference.body.body_model import BodyModel
from ..body.population import BODY_DENSITY

SHAPE_DEVIATION = 1.25
MOST = 3.0
"""Betas beyond this many deviations are cut."""
LEAST_BMI = 16.0


class Shapes:
    """Draws betas of one body model; knows the body mass index of each without touching the mesh."""

    def __init__(self, model: BodyModel):
        self.model = model
        self.volume = volume_form(model)
        ends = np.array([model.head_top, np.argmin(model.v_template[:, 1])])
        self.stature = np.append(np.diff(model.v_template[ends, 1]), np.diff(model.shapedirs[ends, 1], axis=0))
        """(S+1,): a row vector that takes (1, betas) to minus the metres from sole to crown."""

    def body_mass_index(self, betas: np.ndarray) -> np.ndarray:
        """kg/m² (B,) of betas (B, S)."""
        full = np.concatenate([np.ones_like(betas[:, :1]), betas], 1)
        first = full @ self.volume.reshape(len(self.volume), -1)
        volume = np.einsum("bjk,bj,bk->b", first.reshape(len(betas), *self.volume.shape[1:]), full, full)
        return volume * BODY_DENSITY / (full @ self.stature) ** 2

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Betas (count, S) float32; those of a body mass index below `LEAST_BMI` are drawn anew."""
        size = self.model.shapedirs.shape[2]
        betas = np.empty((0, size), np.float32)
        while len(betas) < count:
            drawn = rng.normal(0, SHAPE_DEVIATION, (count, size)).clip(-MOST, MOST).astype(np.float32)
            betas = np.concatenate([betas, drawn[self.body_mass_index(drawn) >= LEAST_BMI]])
        return betas[:count]


def volume_form(model: BodyModel) -> np.ndarray:
    """(S+1, S+1, S+1) tensor T such that the T-pose volume is T(b, b, b), b = (1, betas), in m³.

    Vertices are linear in b and the volume is a sum over triangles of the determinant of their corners: a cubic form.
    """
    directions = np.concatenate([model.v_template[..., None], model.shapedirs], 2).astype(np.float64)
    first, second, third = (directions[model.faces[:, corner]] for corner in range(3))
    size = directions.shape[2]
    form = np.empty((size, size, size))
    for j in range(size):
        cross = np.cross(first[:, :, j, None], second, axis=1)
        form[j] = np.einsum("fci,fck->ik", cross, third, optimize=True) / 6
    return form
