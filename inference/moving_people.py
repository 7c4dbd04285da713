"""Several people of one film: before one camera, and on one floor.

How the camera turned, the background tells of the whole film. What feet that stand tell, the floor and the places of a
camera that is carried, is taken from whoever was seen longest of those who stand; the others' motions know it from
there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .body.assembly import with_motion
from .body.body_estimate import BodyEstimate, rotations_of
from .clip import MotionOptions, Moving, PersonInClip, RawMotion, finished, join_frames
from .engine import Engine
from .files.frames import InputItem
from .motion.camera_motion import CameraMotion, joined_turns
from .remarks import CAMERA_UNKNOWN, remarks_on_cuts


@dataclass(frozen=True)
class Stage:
    """What somebody's motion, which begins in frame `first`, tells of the film: the `floor` (4,), and the `places` (F,
    3) of a camera that moves."""

    first: int
    floor: np.ndarray
    places: np.ndarray | None

    @classmethod
    def of(cls, person: PersonInClip, estimate: BodyEstimate) -> "Stage":
        """Of somebody who stands on a floor."""
        return cls(person.first, estimate.floor, estimate.camera_places if estimate.camera_moves else None)

    def known_to(self, engine: Engine, raw: RawMotion, first: int) -> RawMotion:
        """A raw motion that begins in frame `first` and knows this. Where nobody told the camera's place, it is where
        it was last, or will be first."""
        estimate = replace(raw.estimate, floor=self.floor)
        if self.places is not None:
            frames = np.clip(first - self.first + np.arange(estimate.frame_count), 0, len(self.places) - 1)
            places = self.places[frames]
            rotations, trans = rotations_of(estimate.poses.astype(np.float64)), estimate.trans + places
            estimate = with_motion(replace(estimate, camera_places=places), engine.body, rotations, trans)
        return replace(raw, estimate=estimate)


def estimate_motions(
    engine: Engine, people: Sequence[PersonInClip], first: InputItem, options: MotionOptions, refine: bool
) -> tuple[list[Moving], tuple[str, ...]]:
    """The motion of each of a clip's people, as `look_at_people` gives them, and sentences on the clip; it begins with
    `first`. Raises UserError."""
    camera, known = joined_turns(people[0].turns)
    raws = [_raw(engine, person, first, options, camera) for person in people]
    motions: list[Moving] = []
    for raw in raws:
        motions.append(finished(engine, raw, options, refine))
        if motions[-1].estimate.floor is not None:
            break
    leader, count = motions[-1].estimate, len(motions)
    if leader.floor is not None:
        stage = Stage.of(people[count - 1], leader)
        told = [stage.known_to(engine, raw, person.first) for person, raw in zip(people, raws, strict=True)]
        # A tilt that the user gave is in that floor; given again, it would leave the others a level of their own.
        others = replace(options, camera_tilt=None)
        motions = [
            motions[-1] if number == count - 1 else finished(engine, one, others, refine)
            for number, one in enumerate(told)
        ]
    lost = not known and len(people[0].turns) > 1
    return motions, (*((CAMERA_UNKNOWN,) if lost else ()), *remarks_on_cuts(people[0].cuts, several=True))


def _raw(
    engine: Engine, person: PersonInClip, first: InputItem, options: MotionOptions, camera: CameraMotion | None
) -> RawMotion:
    if camera is not None:
        frames = slice(person.first, person.first + len(person.frames))
        camera = replace(camera, rotations=camera.rotations[frames])
    rate = first.fps or options.frame_rate
    return replace(join_frames(engine, person.frames, rate, first.path, (camera, True)), first=person.first)
