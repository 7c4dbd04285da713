"""One person's corrections of one body: what was said before, what is said now, and the body that heeds it.

What is new moves the limbs that it concerns (local.py); everything else stays. Flips in depth become ordinals, so that
whoever refines, or estimates anew, still knows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..body.assembly import Motion, with_motion, with_parameters
from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..body.correction import (
    CARRIED,
    Correction,
    check_corrections,
    exchanged_order,
    exchanges,
    limb_of,
    of_frame,
    with_correction,
)
from ..errors import UserError
from ..geometry.joints import KEYPOINT_NAMES, KEYPOINT_PARENTS
from ..refinement.parametric_body import Parameters
from ..refinement.refine import Evidence, camera_of, evidence_of, parameters_of, upright_of
from .local import (
    SETTLED,
    STEPS,
    Part,
    PartEnergy,
    held_evidence,
    keypoint_places,
    missed,
    part_of,
    parts_of,
    projected,
    said_of_missed,
)
from .starts import exchanged, flipped_at, usual_limb

DEPTHS_KEPT = 1.0
"""Energy by which a limb that was flipped in depth must lie better before it is preferred to how it lay."""

LEAP, STRIDES = 0.02, 5
"""Share of the picture's longer side beyond which a keypoint is led to its place, and in how many strides."""
LED = 0.02
"""Metres that the body may be off meanwhile: what is held too tightly creeps along a narrow valley of the energy."""


@dataclass(frozen=True)
class Corrected:
    """The body after corrections, the corrections with flips told as ordinals, and sentences for the user."""

    parameters: Parameters
    corrections: tuple[Correction, ...]
    remarks: tuple[str, ...] = ()


class Drag:
    """A keypoint that is dragged: one call a movement of the mouse, each going on from the last."""

    def __init__(self, body: BodyModel, before: Parameters, seen: Evidence, said: Sequence[Correction], keypoint: str):
        """`before` is the body when the keypoint was taken, `seen` what the networks saw, `said` the corrections of
        this frame so far."""
        self.keypoint, self.before, self.now = keypoint, before, before
        self._body, self._seen, self._said = body, seen, said
        own = next((one for one in said if one.keypoint == keypoint), Correction(keypoint))
        self._own = replace(own, seen=None)
        self._part = parts_of([keypoint])
        self._energy = PartEnergy(body, before, self._evidence((0.0, 0.0)), self._part)

    def to(self, place: tuple[float, float]) -> Parameters:
        """The body with the keypoint as near to `place` (pixels) as some steps bring it."""
        held = held_evidence(self._body, self.before, self._evidence(place), self._part)
        self._energy.whole.evidence = held
        self.now, _ = self._energy.solve(self.now, STEPS)
        return self.now

    def correction(self, place: tuple[float, float], frame: int) -> Correction:
        """What the drag says when it ends at `place`."""
        return replace(self._own, place=place, frame=frame)

    def release(self, place: tuple[float, float], frame: int = 0) -> "Corrected":
        """The body at rest after the keypoint was let go at `place`."""
        now = with_correction(self._said, self.correction(place, frame))
        return correct(self._body, self.before, self._seen, self._said, now, start=self.now)

    def _evidence(self, place: tuple[float, float]) -> Evidence:
        return self._seen.corrected(with_correction(self._said, self.correction(place, self._own.frame)))


def correct(
    body: BodyModel, before: Parameters, seen: Evidence, said: Sequence[Correction], now: Sequence[Correction],
    start: Parameters | None = None,
) -> Corrected:  # fmt: skip
    """The body `before`, which heeded what was `said`, moved to heed what is said `now`, both of one frame.

    `seen` is what the networks saw; `start` is where a drag has brought the body already. Raises UserError for what
    cannot be flipped.
    """
    changed = sorted({one.keypoint for one in set(said) ^ set(now)})
    if not changed:
        return Corrected(before, tuple(now))
    part = parts_of(changed)
    swapped = sorted(set(exchanges(said)) ^ set(exchanges(now)))
    base = before
    for keypoint in swapped:
        base, part = exchanged(body, base, keypoint), part | _exchanged_part(keypoint)
    base, now = _flipped(body, base, now)
    evidence = seen.corrected(now) if now else seen
    for keypoint in sorted(_hidden(now) - _hidden(said)):
        if limb_of(keypoint) is not None and not _end_is_seen(keypoint, evidence):
            base = usual_limb(base, part_of(keypoint).joints)
    energy = PartEnergy(body, base, evidence, part)
    if start is None or base is not before:
        start = _led(energy, base, now)
    first, least = energy.solve(start, SETTLED)
    for other in _kept_ordinals(body, first, now):
        found, cost = energy.solve(other, SETTLED)
        if cost < least - DEPTHS_KEPT:
            first, least = found, cost
    return Corrected(first, tuple(now), _remarks(body, first, evidence, changed))


def _led(energy: PartEnergy, base: Parameters, now: Sequence[Correction]) -> Parameters:
    """`base` led to corrected places in some strides, as a mouse would: in one leap a limb may be caught on its way."""
    wanted, body = energy.whole.evidence, energy.body
    here = projected(body, base, wanted)
    places = [one.index for one in now if one.place is not None]
    far = np.linalg.norm(wanted.keypoints[places, :2] - here[places], axis=1).max(initial=0.0)
    if far < LEAP * max(wanted.camera.size):
        return base
    tight, energy.whole.weights = energy.whole.weights, replace(energy.whole.weights, certain_deviation=LED)
    for share in np.arange(1, STRIDES + 1) / STRIDES:
        keypoints = wanted.keypoints.copy()
        keypoints[places, :2] += (1 - share) * (here - keypoints[:, :2])[places]
        energy.whole.evidence = replace(wanted, keypoints=keypoints)
        base, _ = energy.solve(base, STEPS)
    energy.whole.weights = tight
    return base


def correct_estimate(
    body: BodyModel, estimate: BodyEstimate, corrections: Sequence[Correction], frame: int = 0
) -> tuple[BodyEstimate, tuple[str, ...]]:
    """`estimate` after `corrections`, which take the place of all that were said of `frame`, and sentences for the
    user. Shape and camera stay. Raises UserError."""
    check_corrections(corrections, estimate.image_size, estimate.frame_count)
    said = of_frame(estimate.corrections, frame)
    seen = evidence_of(replace(estimate, corrections=()), frame)
    found = correct(body, parameters_of(body, estimate, frame), seen, said, corrections)
    kept = tuple(one for one in estimate.corrections if one.frame != frame)
    moved = with_frame(body, estimate, frame, found.parameters)
    return replace(moved, corrections=(*kept, *found.corrections)), found.remarks


def with_frame(body: BodyModel, estimate: BodyEstimate, frame: int, parameters: Parameters) -> BodyEstimate:
    """`estimate` with the body of one frame in the place of its own."""
    pose, trans = upright_of(body, parameters, camera_of(estimate, frame))
    poses, places = estimate.poses.copy(), estimate.trans.copy()
    poses[frame], places[frame] = pose, trans
    if estimate.frame_count == 1:
        return with_parameters(estimate, body, Motion(poses, parameters.betas, places, estimate.mocap_framerate))
    return with_motion(estimate, body, rotations_of(poses.astype(np.float64)), places)


def _flipped(body: BodyModel, base: Parameters, now: Sequence[Correction]) -> tuple[Parameters, tuple[Correction, ...]]:
    """The body with the limbs mirrored that are to be, and the corrections with ordinals that say how they lie now."""
    told = []
    for one in now:
        if one.flip:
            moved = flipped_at(body, base, one.keypoint)
            if not moved:
                name = one.keypoint.replace("_", " ")
                raise UserError(f"The limb of {name} cannot be flipped in depth: bodies do not bend so.")
            base = moved[0]
            depth = keypoint_places(body, base)[:, 2]
            nearer = 1 if depth[one.index] < depth[KEYPOINT_PARENTS[one.index]] else -1
            one = replace(one, flip=False, nearer=nearer)
        told.append(one)
    return base, tuple(told)


def _kept_ordinals(body: BodyModel, found: Parameters, now: Sequence[Correction]) -> list[Parameters]:
    """Bodies with those limbs flipped that lie otherwise than was said."""
    depth = keypoint_places(body, found)[:, 2]
    broken = [
        one for one in now if one.nearer and one.nearer * (depth[KEYPOINT_PARENTS[one.index]] - depth[one.index]) < 0
    ]
    return [flip for one in broken for flip in flipped_at(body, found, one.keypoint)]


def _exchanged_part(keypoint: str) -> Part:
    """The limbs of both sides; all of the body for a keypoint of the trunk."""
    moved = exchanged_order(keypoint) != np.arange(len(KEYPOINT_NAMES))
    names = [KEYPOINT_NAMES[number] for number in np.flatnonzero(moved)]
    part = parts_of(names)
    return replace(part, keypoints=part.keypoints | moved | (np.zeros_like(moved) if len(names) < 10 else True))


def _end_is_seen(keypoint: str, evidence: Evidence) -> bool:
    """Whether what hangs on a hidden wrist or ankle still says where that is."""
    ends = [number for number in CARRIED if KEYPOINT_NAMES[KEYPOINT_PARENTS[number]] == keypoint]
    return bool(evidence.keypoints[ends, 2].any())


def _hidden(corrections: Sequence[Correction]) -> set[str]:
    return {one.keypoint for one in corrections if one.seen is False}


def _remarks(body: BodyModel, found: Parameters, evidence: Evidence, changed: Sequence[str]) -> tuple[str, ...]:
    short = [name for name in missed(body, found, evidence) if name in changed]
    return (said_of_missed(short),) if short else ()
