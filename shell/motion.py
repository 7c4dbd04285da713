"""One moving person, or several, in all the pictures of a job, and the files of them."""

from collections.abc import Iterable

import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.clip import (
    Frame,
    MotionOptions,
    Moving,
    PersonInClip,
    estimate_motion,
    frames_from_keypoints,
    look_at_frames,
    look_at_people,
    read_ahead,
)
from ..inference.drawing.clip_files import PartOfClip, write_mask_pictures, write_overlay_video, write_people_video
from ..inference.errors import NoPersonError
from ..inference.geometry.joints import KEYPOINT_NAMES
from ..inference.motion.smooth_motion import STRENGTH
from ..inference.moving_people import estimate_motions
from ..inference.remarks import nobody_in_clip
from ..inference.sequences import Behind
from ..rig.write_files import write_people
from .maker import Maker, progress
from .no_pictures import Blank
from .table import Outcome


class MovingPeople(Maker):
    """Makes the files of a job that is one motion."""

    def _make(self, index: int, outcome: Outcome) -> None:
        behind = Behind(self.job.items)
        if self.options.people != 1:
            self._several(behind, outcome)
            return
        frames = self._frames(behind, outcome)
        moving = estimate_motion(
            self.engine, frames, self.job.items[0], self._motion_options(), self.options.refine
        )  # fmt: skip
        estimate, said = self.job.said.correct(self.engine, moving.estimate)
        outcome.score = round(float(np.mean(estimate.score)), 3)
        outcome.remarks += [*moving.remarks, *said, *self.job.missing_remark]
        self._write_one(estimate, behind, outcome)

    def _frames(self, behind: Behind, outcome: Outcome) -> Iterable[Frame]:
        """What each frame showed, or the given keypoints say."""
        job, first = self.job, self.job.items[0]
        if job.keypoints is None:
            photos = behind.watch(read_ahead(progress(job.items, 0, len(job.items)), outcome.remarks))
            return look_at_frames(self.engine, photos, self.options.box)
        photo = first.read()
        if not isinstance(first, Blank):  # keypoints alone have nothing to be shown
            (photo,) = behind.watch([photo])
        points = [
            np.zeros((len(KEYPOINT_NAMES), 3)) if item.missing else job.points_of(item, photo) for item in job.items
        ]
        return frames_from_keypoints(self.engine, points, photo.size, self.options.keypoints, photo.focal)

    def _write_one(self, estimate: BodyEstimate, behind: Behind, outcome: Outcome) -> None:
        name = outcome.name
        outcome.files += self._write_npz(estimate, f"{name}.npz")
        if "overlay" in self.formats:
            write_overlay_video(self.out / f"{name}.overlay.mp4", self.job.items, estimate, self.engine.body)
            outcome.files.append(f"{name}.overlay.mp4")
        if "mask" in self.formats:
            write_mask_pictures(self.out / f"{name}.mask", self.job.items, estimate, self.engine.body)
            outcome.files.append(f"{name}.mask/")
        if self.job.scene_formats:
            outcome.remarks += behind.remarks
            self._write_scene_files(estimate, behind.files, outcome)

    def _several(self, behind: Behind, outcome: Outcome) -> None:
        """A motion each: npz and masks are numbered, the rest shows them together."""
        items, name = self.job.items, outcome.name
        photos = behind.watch(read_ahead(progress(items, 0, len(items)), outcome.remarks))
        people = look_at_people(self.engine, photos, self.options.people)
        if not people:
            raise NoPersonError(nobody_in_clip(len(items), items[0].path))
        motions, remarks = estimate_motions(
            self.engine, people, items[0], self._motion_options(), self.options.refine
        )  # fmt: skip
        outcome.remarks += remarks
        outcome.people = []
        parts = [
            self._one_of_several(person, moving, number, outcome)
            for number, (person, moving) in enumerate(zip(people, motions, strict=True), 1)
        ]
        outcome.score = round(float(np.mean([person["score"] for person in outcome.people])), 3)
        outcome.remarks += self.job.missing_remark
        if "overlay" in self.formats:
            write_people_video(self.out / f"{name}.overlay.mp4", items, parts, self.engine.body)
            outcome.files.append(f"{name}.overlay.mp4")
        if self.job.scene_formats:
            outcome.remarks += behind.remarks
            paths = write_people(
                [part.estimate for part in parts], self.engine.body, behind.files, self.out / name,
                self.job.scene_formats, self.options.bones, [part.first for part in parts], **self.job.keying,
            )  # fmt: skip
            outcome.files += [path.name for path in paths]
        self.job.said.check_found(len(people))

    def _one_of_several(self, person: PersonInClip, moving: Moving, number: int, outcome: Outcome) -> PartOfClip:
        items, name = self.job.items, outcome.name
        estimate, said = self.job.said.correct(self.engine, moving.estimate, number, person.first)
        remarks = [*moving.remarks, *said]
        outcome.remarks += [f"{number}: {remark}" for remark in remarks]
        files = self._write_npz(estimate, f"{name}.{number}.npz")
        if "mask" in self.formats:
            files.append(f"{name}.{number}.mask/")
            own = items[person.first : person.first + len(person.frames)]
            write_mask_pictures(self.out / f"{name}.{number}.mask", own, estimate, self.engine.body)
        score = round(float(np.mean(estimate.score)), 3)
        span = [person.first, person.first + len(person.frames) - 1]
        outcome.people.append(
            {"number": number, "score": score, "frames": span, "remarks": remarks, "files": files}
        )  # fmt: skip
        outcome.files += files
        return PartOfClip(person.first, estimate)

    def _motion_options(self) -> MotionOptions:
        strength = STRENGTH if self.options.smooth is None else self.options.smooth
        feet, tilt = self.options.keep_feet is not False, self.options.camera_tilt
        return MotionOptions(self.options.fps or 0.0, strength, feet, tilt)
