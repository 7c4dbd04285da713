"""Legs with the soles of their feet, and arms: where these are, and how limbs turn to bring their ends elsewhere."""

import numpy as np

from ..body.body_model import BodyModel
from ..geometry.joints import JOINT_INDEX
from ..geometry.rotations import axis_angle_to_matrix, shortest_turn
from .foot_contact import LANDMARKS, SIDES

MAX_LEG_EXTENSION = 0.999
"""Legs are not stretched further than this share of their length."""
LEGS = [[JOINT_INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")] for side in SIDES]
ARMS = [[JOINT_INDEX[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")] for side in SIDES]
HANDS = [JOINT_INDEX[f"{side}_hand"] for side in SIDES]
HINGES = {limb[0]: hinge for limb, hinge in zip((*LEGS, *ARMS), ((0, 1), (0, 1), (1, -1), (1, 1)), strict=True)}
"""By its first joint, which of that one's axes, and with which sign, a straight limb bends about."""
KNEES = [leg[1] for leg in LEGS]
BENT_SHARE = 0.05
"""Of both thigh and shank that skin about the knee moves with, at least."""
KNEELING = np.deg2rad(100)
"""By which knees are bent whose height above the floor is taken from the skin."""
TOES = [JOINT_INDEX[f"{side}_foot"] for side in SIDES]


def sole_points(model: BodyModel, betas: np.ndarray, rotations: np.ndarray, trans: np.ndarray) -> np.ndarray:
    """Where heels and toes (F, 4, 3; metres) of a body moving by `rotations` (F, 24, 3, 3) and `trans` (F, 3) are, in
    the order of `foot_contact.LANDMARKS`."""
    joints, world = skeleton(model, betas, rotations)
    return model.skin_some(betas, joints + trans[:, None], world, _vertices(model))


def sole_heights(model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """How high above the floor the four points (4,) are when the foot stands flat, metres."""
    rest = model.rest_vertices(betas[None])[0]
    return rest[_vertices(model), 1].astype(np.float64) - float(rest[:, 1].min())


def knee_heights(model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """How high above the floor the knees (2,) of somebody are who kneels upright, by the skin below them, metres."""
    poses = np.zeros((1, 24, 3))
    poses[:, KNEES, 0] = KNEELING
    joints, world = skeleton(model, betas, axis_angle_to_matrix(poses))
    heights = []
    for hip, knee, _ in LEGS:
        skin = np.flatnonzero(model.lbs_weights[:, [hip, knee]].min(1) > BENT_SHARE)
        heights.append(joints[0, knee, 1] - model.skin_some(betas, joints, world, skin)[0, :, 1].min())
    return np.array(heights, np.float64)


def move_feet(
    model: BodyModel, betas: np.ndarray, rotations: np.ndarray, shift: np.ndarray, turn: np.ndarray
) -> np.ndarray:
    """Turn hips and knees so that the ankles (left, right) move by `shift` (F, 2, 3; metres) as far as the legs reach,
    and the feet in the world by `turn` (F, 2, 3, 3)."""
    return move_limbs(model, betas, rotations, LEGS, shift, turn)


def move_limbs(
    model: BodyModel, betas: np.ndarray, rotations: np.ndarray, limbs: list[list[int]], shift: np.ndarray,
    turn: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The same of L `limbs`, of `LEGS` and `ARMS`: their ends move by `shift` (F, L, 3) and turn by `turn`
    (F, L, 3, 3)."""
    joints, world = skeleton(model, betas, rotations)
    rotations = rotations.copy()
    for (hip, knee, ankle), by, foot in zip(limbs, shift.swapaxes(0, 1), turn.swapaxes(0, 1), strict=True):
        thigh, shank = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee]
        axis, sign = HINGES[hip]
        bend, swing = _leg_turns(thigh, shank, thigh + shank + by, sign * world[:, hip, :, axis])
        new_hip, new_knee = swing @ world[:, hip], swing @ bend @ world[:, knee]
        parent = world[:, model.parents[hip]]
        rotations[:, hip] = parent.swapaxes(1, 2) @ new_hip
        rotations[:, knee] = new_hip.swapaxes(1, 2) @ new_knee
        rotations[:, ankle] = new_knee.swapaxes(1, 2) @ foot @ world[:, ankle]
    return rotations


def _leg_turns(
    thigh: np.ndarray, shank: np.ndarray, target: np.ndarray, hinge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turns (F, 3, 3) of the shank about the knee, and then of the whole leg about the hip, that bring the ankle to
    `target` (F, 3) from the hip. `hinge` (F, 3) is the axis that a straight knee bends about."""
    upper, lower = (np.linalg.norm(bone, axis=1) for bone in (thigh, shank))
    reach = np.clip(np.linalg.norm(target, axis=1), np.abs(upper - lower) + 1e-3, MAX_LEG_EXTENSION * (upper + lower))
    now = np.arccos(np.clip((thigh * shank).sum(1) / (upper * lower), -1, 1))
    wanted = np.arccos(np.clip((reach**2 - upper**2 - lower**2) / (2 * upper * lower), -1, 1))
    # A leg that was straighter than it may be stays so, unless it has to bend.
    still = np.linalg.norm(target - thigh - shank, axis=1) < 1e-6
    axis = np.cross(thigh, shank) + 1e-4 * (upper * lower)[:, None] * hinge
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    bend = axis_angle_to_matrix(axis * np.where(still, 0, wanted - now)[:, None])
    ankle = thigh + np.einsum("fab,fb->fa", bend, shank)
    return bend, shortest_turn(ankle, np.where(still[:, None], ankle, target))


def skeleton(model: BodyModel, betas: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints (F, 24, 3) of a body in poses (F, 24, 3, 3), without a translation, and their rotations in the world."""
    return model.skeleton(betas[None], rotations.astype(np.float64, copy=False))


def _vertices(model: BodyModel) -> np.ndarray:
    return np.array([model.landmarks[name] for name in LANDMARKS])
