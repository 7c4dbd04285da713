"""Feet that stand are locked: they do not move at all, lie flat on the floor, roll over their toes, and nothing of
them is below it.

Toes that stand keep place and direction, and the foot turns about their joint; a heel that stands keeps its place;
where both stand the foot lies flat; a hand that stands keeps its place. Legs and arms follow (two-bone inverse
kinematics), and the body as far as they do not reach.
"""

from dataclasses import dataclass

import numpy as np

from ..body.body_model import BodyModel
from ..geometry.rotations import axis_angle_to_matrix
from .body_path import Path, smooth_path
from .easing import eased, eased_turns, lingering, nearest, turned_towards
from .foot_contact import LANDMARKS, POINTS, Contact, standing_of
from .legs import ARMS, LEGS, TOES, move_limbs, skeleton
from .planted_hands import hold_hands

EASE_SECONDS = 0.2
"""Over this time a foot goes from where it must be back to where it was seen."""
HOLD_SECONDS = 0.08
"""Over this time its point that stood leaves its place, and the one that will stand comes to it."""
MAX_FLOOR_DISTANCE = 0.1
"""Contacts that are further from the floor than this, in metres, are on something else."""
EASY_EXTENSION = 0.995
"""Share of a leg's length from which the body comes nearer to a foot that stands."""
REACHES, REACH_FRAMES = 12, 2.0
"""Rounds in which the body comes nearer to feet out of its reach, each smoothed by a filter of so many frames."""


@dataclass(frozen=True)
class Foot:
    """A resting foot about its ankle, metres: `heel` and the toes' joint `ball` (3,), how far the ankle is above the
    `sole`, and the vertices (N, 3) `behind` that joint and, about it, `before`."""

    heel: np.ndarray
    ball: np.ndarray
    sole: float
    behind: np.ndarray
    before: np.ndarray

    @classmethod
    def of(cls, model: BodyModel, betas: np.ndarray, side: int) -> "Foot":
        rest, joints = (
            model.rest_vertices(betas[None])[0].astype(float),
            model.rest_joints(betas[None])[0].astype(float),
        )
        ankle, ball = joints[LEGS[side][2]], joints[TOES[side]]
        shares = model.lbs_weights[:, [LEGS[side][2], TOES[side]]]
        heel = rest[model.landmarks[LANDMARKS[2 * side]]]
        return cls(
            heel - ankle, ball - ankle, float(ankle[1] - rest[:, 1].min()), rest[shares[:, 0] > 0.5] - ankle,
            rest[shares[:, 1] > 0.5] - ball,
        )  # fmt: skip


@dataclass(frozen=True)
class Locks:
    """Where a foot must be in each frame: the `ball` and the `heel` (F, 3), NaN where they are free; whether it lies
    `flat` (F,), and the `lying` rotation (F, 3, 3) of a flat foot, of the nearest contact where there is none."""

    ball: np.ndarray
    heel: np.ndarray
    lying: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        return ~np.isnan(self.ball[:, 0]) & ~np.isnan(self.heel[:, 0])


def plant_feet(
    model: BodyModel, betas: np.ndarray, rotations: np.ndarray, path: Path, contacts: list[Contact], rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """`rotations` (F, 24, 3, 3) and translations (F, 3) of the path, with feet and hands that keep their place from the
    beginning to the end of each contact and are nowhere below the floor."""
    joints, world = skeleton(model, betas, rotations)
    joints = joints + path.trans[:, None]
    ease, standing = EASE_SECONDS * rate, standing_of(contacts, len(rotations), POINTS)
    ends, turns, toes = [], [], []
    for side, leg in enumerate(LEGS):
        foot = Foot.of(model, betas, side)
        own = [contact for contact in contacts if contact.point // 2 == side]
        locks = _locks(foot, joints[:, leg[2]], world[:, leg[2]], own, path)
        ankle, turn, toe = _placed_foot(foot, joints[:, leg[2]], world[:, leg[2]], locks, path, ease)
        ends.append(ankle), turns.append(turn), toes.append(toe)
    shifts, shares = hold_hands(joints, contacts, path, ease, HOLD_SECONDS * rate)
    limbs = [*LEGS, *ARMS] if shares.any() else LEGS
    last = [limb[2] for limb in limbs]
    ends = np.concatenate([np.stack(ends, 1), joints[:, [arm[2] for arm in ARMS]] + shifts], 1)[:, : len(limbs)]
    held = np.concatenate([standing[:, :4].reshape(-1, 2, 2).any(2), standing[:, 4:]], 1)
    trans = path.trans + _reaching(joints, limbs, ends, held)
    # Feet stay when the body comes nearer, and arms that carry nothing go with it.
    stay = np.concatenate([np.ones_like(shares), shares], 1)[:, : len(limbs), None]
    shift = ends - joints[:, last] - stay * (trans - path.trans)[:, None]
    turn = np.tile(np.eye(3), (*shift.shape[:2], 1, 1))
    turn[:, :2] = np.stack(turns, 1) @ world[:, last[:2]].swapaxes(2, 3)
    rotations = move_limbs(model, betas, rotations, limbs, shift, turn)
    rotations[:, TOES] = np.stack(toes, 1)
    return rotations, trans


def _locks(foot: Foot, ankle: np.ndarray, turn: np.ndarray, contacts: list[Contact], path: Path) -> Locks:
    """Places on the floor for the contacts of one foot, whose ankle is at (F, 3), turned by (F, 3, 3): those of toes
    and heel that stand at the same time belong to one flat foot."""
    lying = np.full((len(ankle), 3, 3), np.nan)
    ball, heel = np.full((2, len(ankle), 3), np.nan)
    for together in _components(contacts):
        span = slice(min(one.first for one in together), max(one.stop for one in together))
        own = _together(foot, ankle, turn, together, path)
        off = _offset(foot, ankle, turn, own, path)
        ball[span], heel[span], lying[span] = own.ball[span] + off, own.heel[span] + off, own.lying[span]
    known = ~np.isnan(lying[:, 0, 0])
    average = np.tile(_flat(turn, path.up), (len(ankle), 1, 1))
    return Locks(ball, heel, lying[nearest(known)] if known.any() else average)


def _together(foot: Foot, ankle: np.ndarray, turn: np.ndarray, contacts: list[Contact], path: Path) -> Locks:
    """Contacts that overlap in time, in their order: the first is where its point is on average, and each other one
    where a flat foot has it that stands on those before."""
    lying = np.full((len(ankle), 3, 3), np.nan)
    ball, heel = np.full((2, len(ankle), 3), np.nan)
    for contact in contacts:
        span, toes = slice(contact.first, contact.stop), bool(contact.point % 2)
        own, other = (ball, heel) if toes else (heel, ball)
        arm = foot.ball - foot.heel if toes else foot.heel - foot.ball
        flat = _flat(turn[span], path.up) if toes else None
        touching = contact.first + np.flatnonzero(~np.isnan(other[span, 0]))
        if len(touching):
            way = flat if toes else lying[touching[0]]
            own[span] = other[touching[0]] + way @ arm
        else:
            own[span] = np.mean(ankle[span] + turn[span] @ (foot.ball if toes else foot.heel), axis=0)
        if toes:
            lying[span] = flat
    return Locks(ball, heel, lying)


def _components(contacts: list[Contact]) -> list[list[Contact]]:
    """Contacts of one foot, those together that overlap in time."""
    groups: list[list[Contact]] = []
    for contact in sorted(contacts, key=lambda one: one.first):
        if groups and contact.first < max(one.stop for one in groups[-1]):
            groups[-1].append(contact)
        else:
            groups.append([contact])
    return groups


def _flat(turn: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) of a foot that lies on the floor and points where it does on average by `turn` (F, 3, 3)."""
    forward = turn[:, :, 2].mean(0)
    forward = forward - (forward @ up) * up
    forward /= max(np.linalg.norm(forward), 1e-9)
    return np.stack([np.cross(up, forward), up, forward], -1)


def _offset(foot: Foot, ankle: np.ndarray, turn: np.ndarray, locks: Locks, path: Path) -> np.ndarray:
    """By how much (3,) the places of contacts that belong together must be moved: in the floor to where the foot is on
    average, and across it onto the floor, or where it is on something else."""
    ball, heel = locks.ball, locks.heel
    balls, heels = ~np.isnan(ball[:, 0]), ~np.isnan(heel[:, 0])
    lacking = [(ankle + turn @ foot.ball - ball)[balls], (ankle + turn @ foot.heel - heel)[heels]]
    off = np.concatenate(lacking).mean(0)
    lowest = np.concatenate([
        path.above(ball[balls]) - (foot.ball[1] + foot.sole), path.above(heel[heels]) - (foot.heel[1] + foot.sole)
    ])  # fmt: skip
    rises = float(lowest.mean() + off @ path.up)
    level = rises if abs(rises) > MAX_FLOOR_DISTANCE else 0.0
    return off - (off @ path.up) * path.up + (level - lowest.mean()) * path.up


def _placed_foot(
    foot: Foot, ankle: np.ndarray, turn: np.ndarray, locks: Locks, path: Path, ease: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the ankle must be (F, 3), how the foot is turned in the world and how the toes are bent (F, 3, 3)."""
    hold = HOLD_SECONDS / EASE_SECONDS * ease
    turn = eased_turns(turn, locks.lying, locks.flat, ease)
    if locks.flat.any():
        turn = turned_towards(turn, locks.lying[nearest(locks.flat)], lingering(locks.flat, hold))
    stands = ~np.isnan(locks.ball[:, 0]), ~np.isnan(locks.heel[:, 0])
    turn = _pitched(foot, turn, locks, stands, path)
    # Toes lie flat while they stand, and are in line with the foot when it is in the air.
    bent = eased_turns(turn, locks.lying, stands[0], ease / 2)
    held = stands[0] | stands[1]
    wanted = np.where(stands[0][:, None], locks.ball - turn @ foot.ball, locks.heel - turn @ foot.heel)
    placed = ankle + eased(wanted - ankle, held, ease)
    if held.any():
        # What stood goes off gently, and comes to rest gently.
        at = nearest(held)
        point = np.where(stands[0][at][:, None], turn @ foot.ball, turn @ foot.heel)
        place = np.where(stands[0][:, None], locks.ball, locks.heel)[at]
        placed += (place - point - placed) * lingering(held, hold)[:, None]
    placed = placed + _lift(foot, placed, turn, bent, stands, path)[:, None] * path.up
    return placed, turn, turn.swapaxes(1, 2) @ bent


def _pitched(
    foot: Foot, turn: np.ndarray, locks: Locks, stands: tuple[np.ndarray, np.ndarray], path: Path
) -> np.ndarray:
    """A foot on its toes alone turns about them until its heel is not below the floor; one on its heel, until its toes
    are not."""
    turn = turn.copy()
    for _ in range(3):
        for fixed, place, pivot, points in (
            (stands[0] & ~stands[1], locks.ball, foot.ball, foot.behind),
            (stands[1] & ~stands[0], locks.heel, foot.heel, foot.before + foot.ball),
        ):
            frames = np.flatnonzero(fixed)
            arms = np.einsum("fij,nj->fni", turn[frames], points - pivot)
            heights = path.above(place[frames, None] + arms)
            deepest = heights.argmin(1)
            arm = arms[np.arange(len(frames)), deepest]
            lacking = np.maximum(-heights.min(1), 0) / np.maximum(np.linalg.norm(arm, axis=-1), 0.03)
            axis = np.cross(arm, path.up)
            axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
            turn[frames] = axis_angle_to_matrix(axis * np.arcsin(np.minimum(lacking, 0.9))[:, None]) @ turn[frames]
    return turn


def _lift(
    foot: Foot, ankle: np.ndarray, turn: np.ndarray, bent: np.ndarray, stands: tuple[np.ndarray, np.ndarray], path: Path
) -> np.ndarray:
    """How much higher (F,) a foot in the air must be for nothing of it to be below the floor."""
    lowest = np.stack([
        path.above(ankle[:, None] + np.einsum("fij,nj->fni", turn, foot.behind)).min(1),
        path.above((ankle + turn @ foot.ball)[:, None] + np.einsum("fij,nj->fni", bent, foot.before)).min(1),
    ]).min(0)  # fmt: skip
    return np.where(stands[0] | stands[1], 0.0, np.maximum(-lowest, 0.0))


def _reaching(joints: np.ndarray, limbs: list[list[int]], ends: np.ndarray, standing: np.ndarray) -> np.ndarray:
    """How the body must move (F, 3), smoothly, for L limbs to reach the `ends` (F, L, 3) of those that stand (F, L)."""
    moved = np.zeros((len(joints), 3))
    for _ in range(REACHES):
        needed = np.zeros_like(moved)
        for number, (hip, knee, ankle) in enumerate(limbs):
            length = sum(np.linalg.norm(np.diff(joints[:1, pair], axis=1)) for pair in ((hip, knee), (knee, ankle)))
            leg = ends[:, number] - joints[:, hip] - moved
            reach = np.linalg.norm(leg, axis=-1)
            lacking = np.maximum(reach - EASY_EXTENSION * length, 0) * standing[:, number] / np.maximum(reach, 1e-6)
            needed += lacking[:, None] * leg
        if np.abs(needed).max() < 1e-4:
            break
        moved += smooth_path(needed, REACH_FRAMES)
    return moved
