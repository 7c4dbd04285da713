"""From what each frame showed to a motion that looks alive. It needs no networks, so it is quick to redo."""

import numpy as np

from ..body.assembly import with_motion
from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from .grounding import stand_on_floor
from .smoothing import smooth_robustly, smooth_rotations

STRENGTH = 0.25
"""What suits most films: of 0.5, 0.25 and 0.1 the least error in joints after refinement, on validation clips that the
temporal prior posed, for less than a millimetre a frame² more in accelerations than 0.5."""
STEADY = 0.5
"""Strength of the motion in which contacts are looked for, whatever is asked for: speeds of a shaking one tell
nothing."""
SECONDS = 0.27
"""Deviation of the filter at strength 1."""
DEPTH = 3.0
"""One picture tells distance from the camera worse than place, so distance is smoothed over this much more time."""
PATH_NOISE, DEPTH_NOISE = 0.005, 0.02
"""Jumps below this are never wild: of the direction in which the person is seen, and of the logarithm of how far."""
MOST_TILTED = 75
"""Degrees of a camera's pitch and roll."""
LEAST_WEIGHT = 0.05
DEFAULT_RATE = 30.0


def smooth_motion(
    raw: BodyEstimate, model: BodyModel, strength: float = STRENGTH, keep_feet: bool = False,
    camera_tilt: tuple[float, float] | None = None,
) -> BodyEstimate:  # fmt: skip
    """The motion of `raw`, whose frames were estimated one by one, made smooth by `strength` (0: as it is; 1: most).

    `keep_feet` stands it on a floor: feet that stand neither slide nor sink (see `grounding`). The floor is found in
    the motion, or `camera_tilt` tells how it lies (see `up_of`). `raw.score` weighs the frames; those of score 0 were
    filled in. Takes `raw.betas` as the body's shape.
    """
    rate = raw.mocap_framerate or DEFAULT_RATE
    motion = raw if strength <= 0 else _smooth(raw, model, strength, rate)
    if not keep_feet:
        return motion
    steady = motion if strength >= STEADY else _smooth(raw, model, STEADY, rate)
    return stand_on_floor(model, motion, steady, rate, None if camera_tilt is None else up_of(*camera_tilt))


def up_of(pitch: float, roll: float) -> np.ndarray:
    """The floor's normal (3,) in the upright frame of a camera that looks down by `pitch` and is turned clockwise about
    where it looks by `roll`, both degrees up to `MOST_TILTED`."""
    down, aside = np.deg2rad([pitch, roll])
    return np.array([-np.sin(aside) * np.cos(down), np.cos(aside) * np.cos(down), np.sin(down)])


def _smooth(raw: BodyEstimate, model: BodyModel, strength: float, rate: float) -> BodyEstimate:
    """The pelvis is smoothed as the direction that it is seen in, and its distance from the camera."""
    rotations, trans = rotations_of(raw.poses.astype(np.float64)), raw.trans.astype(np.float64)
    weights, deviation = np.maximum(raw.score, LEAST_WEIGHT), SECONDS * strength * rate
    rest = model.rest_joints(raw.betas[None])[0, 0].astype(np.float64)
    places = np.zeros((1, 3)) if raw.camera_places is None else raw.camera_places.astype(np.float64)
    pelvis = trans + rest - places
    distance = np.maximum(np.linalg.norm(pelvis, axis=-1, keepdims=True), 0.1)
    seen_at = smooth_robustly((pelvis / distance)[:, None], weights, deviation, PATH_NOISE)[:, 0]
    seen_at /= np.linalg.norm(seen_at, axis=-1, keepdims=True)
    distance = np.exp(smooth_robustly(np.log(distance)[:, None], weights, DEPTH * deviation, DEPTH_NOISE)[:, 0])
    rotations = smooth_rotations(rotations, weights, deviation)
    return with_motion(raw, model, rotations, seen_at * distance - rest + places)


def tilt_of(up: np.ndarray) -> tuple[float, float]:
    """The way back: the camera's pitch and roll, degrees, over a floor with this normal (3,)."""
    return float(np.rad2deg(np.arcsin(np.clip(up[2], -1, 1)))), float(np.rad2deg(np.arctan2(-up[0], up[1])))
