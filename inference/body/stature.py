"""How tall a person is, when somebody knows: the one number that no photo shows."""

import numpy as np

from ..errors import UserError
from .body_model import BodyModel

STATURE = 0
"""The beta that is mostly body height, in the bundled body as in SMPL's own files."""
LIMIT = 5.0
"""Standard deviations that stature may be from the mean; bodies beyond do not look like people."""
ROUNDS = 4


def height_of(model: BodyModel, betas: np.ndarray) -> float:
    """Metres from sole to crown of the body at rest; `betas` (S,)."""
    return float(np.ptp(model.rest_vertices(np.asarray(betas)[None])[0, :, 1]))


def betas_at_height(model: BodyModel, betas: np.ndarray, height: float) -> np.ndarray:
    """`betas` (S,) with that stature at which the body is `height` metres tall. Build and proportions stay.

    Raises UserError for a height that the body model cannot have.
    """
    betas = np.array(betas, np.float32)
    step = np.zeros_like(betas)
    step[STATURE] = 1.0
    # Height is linear in the betas but for the vertex that is highest, which seldom changes.
    for _ in range(ROUNDS):
        now = height_of(model, betas)
        betas[STATURE] += (height - now) / (height_of(model, betas + step) - now)
    if abs(betas[STATURE]) > LIMIT:
        ends = (height_of(model, np.where(step > 0, sign * LIMIT, betas)) for sign in (-1, 1))
        shortest, tallest = sorted(ends)
        raise UserError(
            f"A body of this build can be {shortest:.2f} to {tallest:.2f} m tall, not {height:.2f} m. Choose a height "
            "between, or none and scale the character."
        )
    return betas
