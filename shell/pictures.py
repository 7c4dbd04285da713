"""Independent pictures: a body, or several, for each, and the files of each."""

from dataclasses import replace

import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.drawing.overlay import body_mask, draw_overlay, draw_people
from ..inference.engine import Result
from ..inference.files.images import Photo, upright_file, write_picture
from ..inference.networks.person import photo_mask
from ..rig.write_files import write_people
from .maker import Maker
from .no_pictures import Blank
from .table import Outcome


class Pictures(Maker):
    """Makes the files of a job's pictures."""

    def _make(self, index: int, outcome: Outcome) -> None:
        item = self.job.items[index]
        photo = item.read()
        if self.options.people != 1:
            self._several_people(photo, outcome)
            return
        if self.job.keypoints is None:
            result = self.engine.estimate(photo, self.options.box)
        else:
            points = self.job.points_of(item, photo)
            result = self.engine.estimate_from_keypoints(points, photo.size, photo.path, photo.focal)
        result = self._corrected(result)
        outcome.score = round(float(result.estimate.score[0]), 3)
        outcome.remarks += [*([photo.note] if photo.note else []), *result.remarks, *self.job.missing_remark]
        self._write_picture_files(result, photo, outcome)
        if self.job.scene_formats:
            blank = isinstance(item, Blank)
            behind = None if blank else upright_file(photo, self.out / f"{item.name}.photo.png")
            self._write_scene_files(result.estimate, behind, outcome)

    def _several_people(self, photo: Photo, outcome: Outcome) -> None:
        """A body each: npz and masks are numbered, the rest shows them together."""
        name, group = outcome.name, self.engine.estimate_people(photo, self.options.people)
        results = [self._corrected(result, number) for number, result in enumerate(group.people, 1)]
        outcome.score = round(float(np.mean([result.estimate.score[0] for result in results])), 3)
        outcome.remarks += [*([photo.note] if photo.note else []), *group.remarks, *self.job.missing_remark]
        outcome.people = []
        for number, result in enumerate(results, 1):
            outcome.remarks += [f"{number}: {remark}" for remark in result.remarks]
            outcome.people.append(self._one_of_several(result, photo, name, number))
            outcome.files += outcome.people[-1]["files"]
        estimates = [result.estimate for result in results]
        if "overlay" in self.formats:
            write_picture(self.out / f"{name}.overlay.png", draw_people(photo.pixels, dict(enumerate(estimates, 1))))
            outcome.files.append(f"{name}.overlay.png")
        if self.job.scene_formats:
            behind = upright_file(photo, self.out / f"{name}.photo.png")
            stem, bones = self.out / name, self.options.bones
            paths = write_people(estimates, self.engine.body, behind, stem, self.job.scene_formats, bones)
            outcome.files += [path.name for path in paths]
        self.job.said.check_found(len(results))

    def _corrected(self, result: Result, number: int = 1) -> Result:
        estimate, said = self.job.said.correct(self.engine, result.estimate, number)
        return replace(result, estimate=estimate, remarks=(*result.remarks, *said))

    def _one_of_several(self, result: Result, photo: Photo, name: str, number: int) -> dict:
        estimate = result.estimate
        files = self._write_npz(estimate, f"{name}.{number}.npz")
        if "mask" in self.formats:
            files.append(f"{name}.{number}.mask.png")
            write_picture(self.out / files[-1], photo_mask(result.detection, *photo.size))
        box = [round(float(value), 1) for value in estimate.bbox[0]]
        return {"number": number, "score": round(float(estimate.score[0]), 3), "box": box, "files": files}

    def _write_picture_files(self, result: Result, photo: Photo, outcome: Outcome) -> None:
        name, estimate = outcome.name, result.estimate
        outcome.files += self._write_npz(estimate, f"{name}.npz")
        if self.options.hypotheses:
            self._write_hypotheses(estimate, outcome)
        if "overlay" in self.formats:
            write_picture(self.out / f"{name}.overlay.png", draw_overlay(photo.pixels, estimate))
            outcome.files.append(f"{name}.overlay.png")
        if "mask" in self.formats:
            seen = result.detection
            mask = body_mask(estimate) if seen is None else photo_mask(seen, *photo.size)
            write_picture(self.out / f"{name}.mask.png", mask)
            outcome.files.append(f"{name}.mask.png")

    def _write_hypotheses(self, estimate: BodyEstimate, outcome: Outcome) -> None:
        found = self.engine.others(estimate, self.options.hypotheses)
        for number, (other, hypothesis) in enumerate(found, 1):
            file = f"{outcome.name}.hypothesis_{number}.npz"
            other.save(self.out / file)
            outcome.files.append(file)
            outcome.remarks.append(f"{file}: {hypothesis.sentence} (weight {hypothesis.weight:.2f}).")
        if not found:
            outcome.remarks.append("No other pose of arms and legs looks the same in the picture.")
