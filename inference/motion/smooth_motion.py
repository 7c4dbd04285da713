"""From what each frame showed to a motion that looks alive. It needs no networks, so it is quick to redo."""


import numpy as np

from ..body.assembly import with_motion
from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from .foot_contact import find_contacts
from .planted_feet import plant_feet, sole_points
from .smoothing import smooth_robustly, smooth_rotations

STRENGTH = 0.5
"""What suits most films: the least error in rotations and speeds on CMU's clips with the noise of our own networks."""
SECONDS = 0.27
"""Deviation of the filter at strength 1."""
DEPTH = 3.0
"""One picture tells distance from the camera worse than place, so distance is smoothed over this much more time."""
PATH_NOISE, DEPTH_NOISE = 0.005, 0.02
"""Jumps below this are never wild: of the direction in which the person is seen, and of the logarithm of how far."""
LEAST_WEIGHT = 0.05
DEFAULT_RATE = 30.0


def smooth_motion(
    raw: BodyEstimate, model: BodyModel, strength: float = STRENGTH, keep_feet: bool = False
) -> BodyEstimate:
    """The motion of `raw`, whose frames were estimated one by one, made smooth by `strength` (0: as it is; 1: most).

    `keep_feet` keeps feet that stand from sliding and from sinking into the floor; the camera is taken to stand still.
    `raw.score` weighs the frames; those of score 0 were filled in. Takes `raw.betas` as the body's shape.
    """
    rate = raw.mocap_framerate or DEFAULT_RATE
    if strength <= 0 and not keep_feet:
        return raw
    rotations, trans = _smooth(raw, model, strength, rate)
    if keep_feet:
        # Contacts are looked for in a smooth motion whatever is asked for: speeds of a shaking one tell nothing.
        steady = (rotations, trans) if strength >= STRENGTH else _smooth(raw, model, STRENGTH, rate)
        points = sole_points(model, raw.betas, *steady)
        contacts = find_contacts(points, raw.keypoints_2d.astype(np.float64), raw.focal, rate)
        rotations, trans = plant_feet(model, raw.betas, rotations, trans, contacts, rate)
    return with_motion(raw, model, rotations, trans)


def _smooth(raw: BodyEstimate, model: BodyModel, strength: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F, 24, 3, 3) and translations (F, 3). The pelvis is smoothed as the direction that it is seen in, and
    its distance."""
    rotations, trans = rotations_of(raw.poses.astype(np.float64)), raw.trans.astype(np.float64)
    if strength <= 0:
        return rotations, trans
    weights, deviation = np.maximum(raw.score, LEAST_WEIGHT), SECONDS * strength * rate
    rest = model.rest_joints(raw.betas[None])[0, 0].astype(np.float64)
    pelvis = trans + rest
    depth = np.minimum(pelvis[:, 2:], -0.1)  # the camera looks along -z
    seen_at = smooth_robustly((pelvis[:, :2] / depth)[:, None], weights, deviation, PATH_NOISE)[:, 0]
    depth = -np.exp(smooth_robustly(np.log(-depth)[:, None], weights, DEPTH * deviation, DEPTH_NOISE)[:, 0])
    trans = np.concatenate([seen_at * depth, depth], axis=1) - rest
    return smooth_rotations(rotations, weights, deviation), trans
