"""Knees that carry are locked: they keep their place on the floor while somebody kneels, and leave it smoothly.

A knee is within the leg, so the hip must be a thigh's length from it, which the pelvis moves and turns for as little as
it may, and the ankle a shank's: a foot whose toes stand, too, turns about them. The leg then swivels about the line
from hip to ankle until its knee is where it must be.
"""

import numpy as np

from ..body.body_model import BodyModel
from ..geometry.joints import JOINT_INDEX
from ..geometry.rotations import axis_angle_to_matrix
from .body_path import Path
from .easing import eased, eased_turns
from .foot_contact import KNEE_POINTS, Contact
from .legs import KNEES, LEGS, skeleton

PELVIS, WAIST = JOINT_INDEX["pelvis"], JOINT_INDEX["spine1"]
TURNING = 0.2
"""Metres: the pelvis rather turns by a radian than moves so far."""
ROUNDS = 6
"""Newton's steps to where both hips are as far from their knees as thighs are long."""


def knee_places(joints: np.ndarray, contacts: list[Contact], path: Path, heights: np.ndarray) -> np.ndarray:
    """Where the knees must be (F, 2, 3), NaN where they carry nothing: where those of joints (F, 24, 3) are on average
    over a contact, `heights` (2,) metres above the floor."""
    places = np.full((len(joints), 2, 3), np.nan)
    for contact in contacts:
        if contact.point in KNEE_POINTS:
            side, span = contact.point - KNEE_POINTS[0], slice(contact.first, contact.stop)
            place = joints[span, KNEES[side]].mean(0)
            places[span, side] = place + (heights[side] - float(path.above(place))) * path.up
    return places


def within_shank(
    ankle: np.ndarray, turn: np.ndarray, arm: np.ndarray, toes: np.ndarray, place: np.ndarray, shank: float, ease: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ankles (F, 3) and the turns of their feet (F, 3, 3) a `shank`, metres, from where the knee must be (F, 3; NaN
    where it is free). A foot turns about its `toes` (F, 3; NaN where they are free), which its `arm` (3,) leads to."""
    kneels, stands = ~np.isnan(place[:, 0]), ~np.isnan(toes[:, 0])
    if not kneels.any():
        return ankle, turn
    both = kneels & stands
    turned = turn.copy()
    turned[both] = _about_toes(turn[both], arm, place[both] - toes[both], shank) @ turn[both]
    turned = eased_turns(turn, turned, both, ease) if both.any() else turn
    about = np.where(stands[:, None], toes - turned @ arm, ankle)
    ankle = about + eased(about - ankle, both, ease) * ~stands[:, None]
    away = ankle - place
    off = away * (shank / np.linalg.norm(away, axis=-1, keepdims=True) - 1)
    off = eased(np.where(kneels[:, None], off, 0), kneels, ease)
    return ankle + off * ~(stands & ~kneels)[:, None], turned


def _about_toes(turn: np.ndarray, arm: np.ndarray, knee: np.ndarray, shank: float) -> np.ndarray:
    """Rotations (F, 3, 3) of a foot about its toes that bring its ankle a `shank` from the `knee` (F, 3), which like it
    is given from the toes."""
    ankle = -turn @ arm
    length, far = np.linalg.norm(arm), np.linalg.norm(knee, axis=-1)
    now = np.arccos(np.clip((ankle * knee).sum(-1) / (length * far), -1, 1))
    wanted = np.arccos(np.clip((length**2 + far**2 - shank**2) / (2 * length * far), -1, 1))
    axis = np.cross(ankle, knee)
    axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
    return axis_angle_to_matrix(axis * (now - wanted)[:, None])


def over_knees(
    rotations: np.ndarray, joints: np.ndarray, places: np.ndarray, ease: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F, 24, 3, 3) and how the body of joints (F, 24, 3) moves (F, 3) for its hips to be as far from where
    knees must be (F, 2, 3) as thighs are long. The pelvis turns below a waist that does not."""
    hips = joints[:, [leg[0] for leg in LEGS]]
    thighs = np.linalg.norm(joints[:, KNEES] - hips, axis=-1).mean(0)
    kneels = ~np.isnan(places[..., 0])
    arms, wanted = hips - joints[:, [PELVIS]], np.where(kneels[..., None], places - joints[:, [PELVIS]], 0)
    step = np.zeros((len(joints), 6))
    for _ in range(ROUNDS):
        turned = np.einsum("fij,fsj->fsi", axis_angle_to_matrix(step[:, 3:] / TURNING), arms)
        thigh = wanted - turned - step[:, None, :3]
        far = np.linalg.norm(thigh, axis=-1)
        way = thigh / np.maximum(far, 1e-6)[..., None]
        slope = np.concatenate([way, np.cross(turned, way) / TURNING], -1) * kneels[..., None]
        lacking = (far - thighs) * kneels
        step += np.einsum("fis,fs->fi", np.linalg.pinv(slope), lacking)
    known = kneels.any(1)
    moved, turn = eased(step[:, :3], known, ease), axis_angle_to_matrix(eased(step[:, 3:], known, ease) / TURNING)
    result = rotations.copy()
    result[:, PELVIS] = turn @ rotations[:, PELVIS]
    result[:, WAIST] = result[:, PELVIS].swapaxes(1, 2) @ rotations[:, PELVIS] @ rotations[:, WAIST]
    return result, moved


def swivel_legs(
    model: BodyModel, betas: np.ndarray, rotations: np.ndarray, trans: np.ndarray, places: np.ndarray, ease: float
) -> np.ndarray:
    """`rotations` (F, 24, 3, 3) with legs turned about the lines from hips to ankles, which stay, and so do the feet,
    until the knees are where they must be (F, 2, 3)."""
    joints, world = skeleton(model, betas, rotations)
    joints, rotations = joints + trans[:, None], rotations.copy()
    for side, (hip, knee, ankle) in enumerate(LEGS):
        kneels = ~np.isnan(places[:, side, 0])
        if not kneels.any():
            continue
        axis = joints[:, ankle] - joints[:, hip]
        axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
        now, wanted = (
            one - (one * axis).sum(-1, keepdims=True) * axis
            for one in (joints[:, knee] - joints[:, hip], np.nan_to_num(places[:, side] - joints[:, hip]))
        )
        angle = np.arctan2((np.cross(now, wanted) * axis).sum(-1), (now * wanted).sum(-1))
        angle = eased(np.where(kneels, angle, 0)[:, None], kneels, ease)
        turn = axis_angle_to_matrix(axis * angle)
        feet = world[:, ankle]
        rotations[:, hip] = world[:, model.parents[hip]].swapaxes(1, 2) @ turn @ world[:, hip]
        rotations[:, ankle] = (turn @ world[:, knee]).swapaxes(1, 2) @ feet
    return rotations
