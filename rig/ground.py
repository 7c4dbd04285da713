"""Standing a character on the floor."""

from dataclasses import replace

import numpy as np

from ..inference.body_model import BodyModel

FRAMES_AT_ONCE = 64
"""Keeps a long clip's vertices within a few megabytes."""


def move_to_ground(model: BodyModel, betas: np.ndarray, rotations: np.ndarray, transl: np.ndarray) -> np.ndarray:
    """Metres (3,), in SMPL's frame, to add to every translation so that the lowest vertex over all frames lies on the
    floor and the first frame's pelvis is above the origin.

    `betas` (S,), `rotations` (F, 24, 3, 3), `transl` (F, 3), SMPL's frame. Correctives are left out, as in the rig.
    """
    skin = replace(model, posedirs=None)
    lowest = np.inf
    for start in range(0, len(rotations), FRAMES_AT_ONCE):
        frames = slice(start, start + FRAMES_AT_ONCE)
        posed = skin.pose(np.asarray(betas)[None], rotations[frames], transl[frames])
        lowest = min(lowest, float(posed.vertices[..., 1].min()))
    pelvis = model.rest_joints(np.asarray(betas)[None])[0, 0] + transl[0]
    return np.array([-pelvis[0], -lowest, -pelvis[2]])
