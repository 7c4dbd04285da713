"""Feet that stand do not slide and do not sink: the path of the root and the bend of the legs are corrected for it.

Each contact has one place, on the floor that all contacts lie on. A foot that stands flat is turned to lie as its
places do. The whole body moves by what both feet lack in common; the rest is for the legs: hip and knee turn so that
the ankle gets where it must (two-bone inverse kinematics).
"""

import numpy as np

from ..body.body_model import BodyModel
from ..geometry.joints import JOINT_INDEX
from ..geometry.rotations import axis_angle_to_matrix, shortest_turn, turn_vector
from .foot_contact import LANDMARKS, SIDES, Contact
from .smoothing import fill_gaps, local_quadratic

EASE_SECONDS = 0.2
"""Over this time a leg goes from where it must be back to where it was seen."""
BODY_SECONDS = 0.3
"""The whole body follows what its feet have in common, smoothed by a filter of this deviation."""
MIN_SPREAD = 2.0
"""Metres over which contacts must be spread for the floor to be as steep as they say."""
MAX_FLOOR_DISTANCE = 0.1
"""Contacts that are further from the floor than this, in metres, are on something else."""
MAX_LEG_EXTENSION = 0.999
"""Legs are not stretched further than this share of their length."""
LEGS = [[JOINT_INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")] for side in SIDES]


def sole_points(model: BodyModel, betas: np.ndarray, rotations: np.ndarray, trans: np.ndarray) -> np.ndarray:
    """Where heels and toes (F, 4, 3; metres) of a body moving by `rotations` (F, 24, 3, 3) and `trans` (F, 3) are, in
    the order of `foot_contact.LANDMARKS`."""
    joints, world = _skeleton(model, betas, rotations)
    return model.skin_some(betas, joints + trans[:, None], world, _vertices(model))


def plant_feet(
    model: BodyModel,
    betas: np.ndarray,
    rotations: np.ndarray,
    trans: np.ndarray,
    contacts: list[Contact],
    rate: float,
) -> tuple[np.ndarray, np.ndarray]:
    """`rotations` (F, 24, 3, 3) and `trans` (F, 3) in SMPL's upright frame with feet that keep their place from the
    beginning to the end of each contact, and stay above the floor that the contacts lie on."""
    if not contacts:
        return rotations, trans
    soles, ease = _sole_heights(model, betas), EASE_SECONDS * rate
    joints, world = _skeleton(model, betas, rotations)
    points = model.skin_some(betas, joints + trans[:, None], world, _vertices(model))
    places = np.array([np.median(points[c.first : c.stop, c.point], axis=0) for c in contacts])
    floor = _floor(places, contacts, soles)
    places[:, 1] = _on_floor(places, contacts, soles, floor)
    targets = _targets(places, contacts, len(points))
    turn = _foot_turns(points, targets, ease)
    ankles = joints[:, [leg[-1] for leg in LEGS]] + trans[:, None]
    arms = points.reshape(-1, 2, 2, 3) - ankles[:, :, None]
    points = (ankles[:, :, None] + np.einsum("fsab,fspb->fspa", turn, arms)).reshape(points.shape)
    shift = _foot_shifts(points, targets, ease)
    shift[..., 1] += _lift(points, shift, soles, floor)
    whole = local_quadratic(shift.mean(1, keepdims=True), np.ones((len(shift), 1)), BODY_SECONDS * rate)
    return move_feet(model, betas, rotations, shift - whole, turn), trans + whole[:, 0]


def move_feet(
    model: BodyModel, betas: np.ndarray, rotations: np.ndarray, shift: np.ndarray, turn: np.ndarray
) -> np.ndarray:
    """Turn hips and knees so that the ankles (left, right) move by `shift` (F, 2, 3; metres) as far as the legs reach,
    and the feet in the world by `turn` (F, 2, 3, 3)."""
    joints, world = _skeleton(model, betas, rotations)
    rotations = rotations.copy()
    for (hip, knee, ankle), by, foot in zip(LEGS, shift.swapaxes(0, 1), turn.swapaxes(0, 1), strict=True):
        thigh, shank = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee]
        bend, swing = _leg_turns(thigh, shank, thigh + shank + by, world[:, hip, :, 0])
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


def _skeleton(model: BodyModel, betas: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return model.skeleton(betas[None], rotations.astype(np.float64, copy=False))


def _vertices(model: BodyModel) -> np.ndarray:
    return np.array([model.landmarks[name] for name in LANDMARKS])


def _sole_heights(model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """How high above the floor the four points (4,) are when the foot stands flat, metres."""
    rest = model.rest_vertices(betas[None])[0]
    return rest[_vertices(model), 1].astype(np.float64) - float(rest[:, 1].min())


def _floor(places: np.ndarray, contacts: list[Contact], soles: np.ndarray) -> np.ndarray:
    """Height at the origin, slope along x and along z (3,) of the floor under contacts: level, as far as they allow.

    The camera may look down a little, which nobody knows; the floor then seems to rise with the distance.
    """
    lengths = np.array([contact.stop - contact.first for contact in contacts], float)
    heights = places[:, 1] - soles[[contact.point for contact in contacts]]
    middle = np.average(places[:, [0, 2]], axis=0, weights=lengths)
    design = np.column_stack([np.ones(len(places)), places[:, [0, 2]] - middle])
    stiffness = np.diag([0.0, 1.0, 1.0]) * MIN_SPREAD**2 * lengths.mean()
    weights, level = lengths, np.median(heights)
    plane = np.array([level, 0.0, 0.0])
    for _ in range(5):
        robust = weights / (1 + ((heights - design @ plane) / (MAX_FLOOR_DISTANCE / 2)) ** 2) ** 2
        plane = np.linalg.solve(design.T @ (design * robust[:, None]) + stiffness + 1e-9 * np.eye(3),
                                design.T @ (robust * heights))  # fmt: skip
    return np.array([plane[0] - plane[1:] @ middle, *plane[1:]])


def _height_of(floor: np.ndarray, places: np.ndarray) -> np.ndarray:
    return floor[0] + places[..., 0] * floor[1] + places[..., 2] * floor[2]


def _on_floor(places: np.ndarray, contacts: list[Contact], soles: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Heights (K,) of the contacts: the floor's for those that are near it, their own for those on something else."""
    wanted = _height_of(floor, places) + soles[[contact.point for contact in contacts]]
    return np.where(np.abs(places[:, 1] - wanted) < MAX_FLOOR_DISTANCE, wanted, places[:, 1])


def _targets(places: np.ndarray, contacts: list[Contact], count: int) -> np.ndarray:
    """Where each of the four points has to be in each frame (F, 4, 3); NaN where it is free."""
    targets = np.full((count, len(LANDMARKS), 3), np.nan)
    for contact, place in zip(contacts, places, strict=True):
        targets[contact.first : contact.stop, contact.point] = place
    return targets


def _foot_turns(points: np.ndarray, targets: np.ndarray, ease: float) -> np.ndarray:
    """How each foot must turn (F, 2, 3, 3) so that its toes lie from its heel as their places do, while both stand."""
    turns = np.empty((len(points), 2, 3, 3))
    for side in range(2):
        heel, toe = 2 * side, 2 * side + 1
        flat = ~np.isnan(targets[:, [heel, toe], 0]).any(1)
        wanted = np.where(flat[:, None], targets[:, toe] - targets[:, heel], points[:, toe] - points[:, heel])
        vector = turn_vector(points[:, toe] - points[:, heel], wanted)
        turns[:, side] = axis_angle_to_matrix(_eased(vector, flat, ease))
    return turns


def _foot_shifts(points: np.ndarray, targets: np.ndarray, ease: float) -> np.ndarray:
    """How far each foot (F, 2, 3) must be moved for its points to be where they must; smoothly there and back."""
    lacking = (targets - points).reshape(len(points), 2, 2, 3)
    held = ~np.isnan(lacking[..., 0])
    mean = np.where(held[..., None], lacking, 0).sum(2) / np.maximum(held.sum(2), 1)[..., None]
    return np.stack([_eased(mean[:, side], held[:, side].any(1), ease) for side in range(2)], 1)


def _eased(values: np.ndarray, known: np.ndarray, ease: float) -> np.ndarray:
    """`values` (F, 3) where they are known, and from there smoothly to 0 within `ease` frames."""
    if not known.any():
        return np.zeros_like(values)
    frames, there = np.arange(len(values)), np.flatnonzero(known)
    after = np.clip(np.searchsorted(there, frames), 0, len(there) - 1)
    away = np.minimum(np.abs(there[after] - frames), np.abs(there[np.maximum(after - 1, 0)] - frames))
    share = np.clip(1 - away / max(ease, 1.0), 0, 1)
    return fill_gaps(values, known) * (share**2 * (3 - 2 * share))[:, None]


def _lift(points: np.ndarray, shift: np.ndarray, soles: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """How much higher each foot (F, 2) must be for neither heel nor toes to be below the floor."""
    moved = points + np.repeat(shift, 2, axis=1)
    # Heel and toe points lie a little above the sole, and come nearer to the floor than that when the foot rolls.
    below = _height_of(floor, moved) + soles / 2 - moved[..., 1]
    return np.maximum(below.reshape(len(points), 2, 2).max(2), 0)
