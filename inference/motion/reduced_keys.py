"""As few keys as a motion needs: each joint is keyed where it must be, and curves lie between.

Keys are put where a curve is farthest off, as by Ramer, Douglas and Peucker, but what is measured is where the body is:
a key goes to the joint that moves a misplaced point most. At last every key that can be spared is taken away. All
frames are measured, so the tolerance holds in each of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..body.body_model import BodyModel, forward_kinematics
from ..geometry.joints import JOINT_PARENTS
from ..geometry.rotations import continuous_quaternions, matrix_to_quaternion, quaternion_to_matrix
from .foot_contact import LANDMARKS

LOCKED, SLIDE = 0.0015, 0.0008
"""Metres that a point of a sole which stands may be off, and by which it may move from a frame to the next."""
STILL = 0.0002
"""Metres a frame below which it stands."""
PLACE = len(JOINT_PARENTS)
"""The last track: where the root is."""


def hermite(values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Curves through `values` (F, ...) at frames `keys` (K,), which hold the first and the last: cubic between two keys
    with the slopes of `slopes`. It is what Bézier handles over thirds of an interval give."""
    frames = np.arange(len(values))
    before = np.clip(np.searchsorted(keys, frames, side="right") - 1, 0, max(len(keys) - 2, 0))
    first, last = keys[before], keys[np.minimum(before + 1, len(keys) - 1)]
    length = np.maximum(last - first, 1).reshape(-1, *[1] * (values.ndim - 1))
    share = (frames - first).reshape(length.shape) / length
    way = share**2 * (3 - 2 * share)
    slope, rest = slopes(values), 1 - share
    bent = length * (share * rest**2 * slope[first] - share**2 * rest * slope[last])
    return values[first] * (1 - way) + values[last] * way + bent


def slopes(values: np.ndarray) -> np.ndarray:
    """How `values` (F, ...) change a frame, by their neighbours."""
    return np.gradient(values, axis=0) if len(values) > 1 else np.zeros_like(values)


def reduce_keys(
    model: BodyModel, betas: np.ndarray, rotations: np.ndarray, trans: np.ndarray, tolerance: float
) -> list[np.ndarray]:
    """The frames, from 0, in which each of the 24 joints' rotations and the root's translation (the 25th) need keys.

    No joint and no tip of fingers, toes, heels and head of the body is then off by more than `tolerance` metres in any
    frame, and soles that stand by more than `LOCKED`, and `SLIDE` from a frame to the next. `betas` (S,), `rotations`
    (F, 24, 3, 3), `trans` (F, 3); see `hermite` for what lies between keys.
    """
    motion = _Motion.of(_Body.of(model, betas), rotations, trans, tolerance)
    ends = np.unique([0, len(rotations) - 1])
    keys = [ends] * (PLACE + 1)
    while any(map(len, wanted := _lacking(motion, keys))):
        keys = [np.union1d(own, more) for own, more in zip(keys, wanted, strict=True)]
    return _thinned(motion, keys)


@dataclass(frozen=True)
class _Body:
    """What is measured: the joints that rest at `joints` (24, 3) and, at `arms` (N, 3) from the joints `on` (N,), heels
    and toes, then the other tips."""

    model: BodyModel
    joints: np.ndarray
    on: np.ndarray
    arms: np.ndarray

    @classmethod
    def of(cls, model: BodyModel, betas: np.ndarray) -> "_Body":
        soles = [model.landmarks[name] for name in LANDMARKS]
        vertices = np.array([*soles, *sorted({*model.landmarks.values(), model.head_top} - set(soles))])
        betas, on = np.asarray(betas, np.float32)[None], model.lbs_weights[vertices].argmax(1)
        joints, rest = model.rest_joints(betas)[0], model.rest_vertices(betas)[0]
        return cls(model, joints.astype(np.float64), on, (rest[vertices] - joints[on]).astype(np.float64))

    def points(self, tracks: Sequence[np.ndarray]) -> np.ndarray:
        """Joints and tips (F, P, 3) of the body that these tracks move."""
        quaternions = np.stack(tracks[:PLACE], 1)
        quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
        turned = quaternion_to_matrix(quaternions)
        joints, world = forward_kinematics(self.joints[None], turned, self.model.parents, self.model.kinematic_levels)
        tips = joints[:, self.on] + (world[:, self.on] @ self.arms[..., None])[..., 0]
        return np.concatenate([joints, tips], 1) + tracks[PLACE][:, None]

    def moves(self) -> np.ndarray:
        """(25, P) bool: a joint turns what hangs on it, and does not move itself; the root's place moves everything."""
        hangs_on = [*JOINT_PARENTS, *self.on]
        moves = np.zeros((PLACE + 1, len(hangs_on)), bool)
        moves[PLACE] = True
        for point, joint in enumerate(hangs_on):
            while joint >= 0:
                moves[joint, point] = True
                joint = JOINT_PARENTS[joint]
        return moves


@dataclass(frozen=True)
class _Motion:
    """Tracks (F, C) of a motion, joints' quaternions and the root's place, and where its points (F, P, 3) are, each of
    which may be off by `allowed` (F, P) metres, and by `steps` (F - 1, P) otherwise than in the frame before."""

    body: _Body
    tracks: Sequence[np.ndarray]
    points: np.ndarray
    allowed: np.ndarray
    steps: np.ndarray

    @classmethod
    def of(cls, body: _Body, rotations: np.ndarray, trans: np.ndarray, tolerance: float) -> "_Motion":
        quaternions = continuous_quaternions(matrix_to_quaternion(rotations.astype(np.float64)))
        tracks = [*quaternions.swapaxes(0, 1), trans.astype(np.float64)]
        points = body.points(tracks)
        soles = np.zeros(points.shape[1], bool)
        soles[PLACE : PLACE + len(LANDMARKS)] = True
        still = (np.linalg.norm(np.diff(points, axis=0), axis=-1) < STILL) & soles
        stands = np.pad(still, ((1, 0), (0, 0))) | np.pad(still, ((0, 1), (0, 0)))
        allowed = np.where(stands, min(tolerance, LOCKED), tolerance)
        return cls(body, tracks, points, allowed, np.where(still, SLIDE, np.inf))

    def off(self, tracks: Sequence[np.ndarray], frames: slice) -> np.ndarray:
        """How far points (F, P) are off in some frames, over what is allowed, with other tracks of these frames."""
        lacking = self.body.points(tracks) - self.points[frames]
        off = np.linalg.norm(lacking, axis=-1) / self.allowed[frames]
        steps = np.linalg.norm(np.diff(lacking, axis=0), axis=-1) / self.steps[frames][: len(lacking) - 1]
        return np.maximum(off, np.maximum(np.pad(steps, ((1, 0), (0, 0))), np.pad(steps, ((0, 1), (0, 0)))))


def _lacking(motion: _Motion, keys: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Frames in which each track needs another key: of those between two keys, the one in which it is farthest off, if
    somewhere there it is what displaces most a point that is too far off."""
    tracks = [hermite(values, own) for values, own in zip(motion.tracks, keys, strict=True)]
    off = motion.off(tracks, slice(None))
    apart = np.stack([np.linalg.norm(a - b, axis=-1) for a, b in zip(tracks, motion.tracks, strict=True)])
    pivots = np.concatenate([motion.points[:, :PLACE], np.zeros((len(off), 1, 3))], 1)
    arms = np.linalg.norm(motion.points[:, None] - pivots[:, :, None], axis=-1)
    arms[:, PLACE] = 0.5  # a quaternion is off by half the angle
    displaced = apart.T[:, :, None] * arms * motion.body.moves()
    frames, points = np.nonzero(off > 1)
    blamed = displaced[frames, :, points].argmax(1)
    wanted = []
    for track, own in enumerate(keys):
        intervals = np.unique(np.searchsorted(own, frames[blamed == track], side="right"))
        spans = [(own[after - 1], own[after]) for after in intervals if 0 < after < len(own)]
        wanted.append(np.array([a + 1 + apart[track, a + 1 : b].argmax() for a, b in spans if b - a > 1], int))
    return wanted


def _thinned(motion: _Motion, keys: list[np.ndarray]) -> list[np.ndarray]:
    """Without the keys that can be spared, each looked at once, those of the joints farthest from the root first."""
    tracks = [hermite(values, own) for values, own in zip(motion.tracks, keys, strict=True)]
    for track in reversed(range(PLACE + 1)):
        for key in keys[track][1:-1]:
            fewer = keys[track][keys[track] != key]
            after = np.searchsorted(fewer, key)
            span = slice(fewer[after - 1], fewer[after] + 1)
            values = hermite(motion.tracks[track], fewer)
            tried = [values if number == track else other for number, other in enumerate(tracks)]
            if motion.off([one[span] for one in tried], span).max() <= 1:
                keys[track], tracks = fewer, tried
    return keys
