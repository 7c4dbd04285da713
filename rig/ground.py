"""Standing a character on the floor."""

from dataclasses import replace

import numpy as np

from ..inference.body_model import BodyModel

FRAMES_AT_ONCE = 64
"""Keeps a long clip's vertices within a few megabytes."""


def lift_to_ground(model: BodyModel, betas: np.ndarray, rotations: np.ndarray, transl: np.ndarray) -> float:
    """Metres to add to the height so that the lowest vertex over all frames lies on the floor.

    `betas` (S,), `rotations` (F, 24, 3, 3), `transl` (F, 3), SMPL's frame. Correctives are left out, as in the rig.
    """
    skin = replace(model, posedirs=None)
    lowest = np.inf
    for start in range(0, len(rotations), FRAMES_AT_ONCE):
        frames = slice(start, start + FRAMES_AT_ONCE)
        posed = skin.pose(np.asarray(betas)[None], rotations[frames], transl[frames])
        lowest = min(lowest, float(posed.vertices[..., 1].min()))
    return -lowest
