"""One command line, carried out."""

import argparse
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..inference.body.correction import read_corrections
from ..inference.clip import (
    MotionOptions,
    estimate_motion,
    frames_from_keypoints,
    look_at_frames,
    look_at_people,
    read_ahead,
)
from ..inference.drawing.clip_files import PartOfClip, write_mask_pictures, write_overlay_video, write_people_video
from ..inference.drawing.overlay import body_mask, draw_overlay, draw_people
from ..inference.engine import Engine, Result, Settings
from ..inference.errors import NoPersonError, UserError
from ..inference.files.frames import InputItem, open_inputs, timeline, with_neighbours
from ..inference.files.images import Photo, upright_file, write_picture
from ..inference.files.keypoint_files import Keypoints, read_keypoints
from ..inference.geometry.joints import KEYPOINT_NAMES
from ..inference.motion.smooth_motion import STRENGTH
from ..inference.networks.person import photo_mask
from ..inference.sequences import Behind
from ..rig.write_files import require_blender, write_files, write_people
from .arguments import DEFAULT_FORMATS, SCENE_FORMATS
from .no_pictures import Blank, blank_items
from .table import Outcome


class Job:
    """What one command line asks for. Raises UserError for what cannot work before anything is estimated."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.out = options, options.out
        self.formats = options.format or DEFAULT_FORMATS
        self.scene_formats = tuple(name for name in self.formats if name in SCENE_FORMATS)
        self.missing_remark: list[str] = []
        self._check_options()
        self._check_blender()
        self.keypoints = read_keypoints(options.keypoints) if options.keypoints else None
        self.items = self._open_items()
        self.corrections = read_corrections(options.correct) if options.correct else ()
        if self.corrections and not options.motion and len(self.items) > 1:
            raise UserError(f"--correct is of one picture, or of a motion, but there are {len(self.items)} pictures.")
        self.keypoints_of = dict(zip((item.name for item in self.items), self.keypoints or (), strict=False))
        if options.motion and options.inputs:
            self.items = timeline(self.items, options.fps or 0.0)
        self.behind = Behind(self.items)
        self.engine = Engine(
            Settings(
                device=options.device,
                size=options.size,
                body_model=options.body_model,
                field_of_view=options.fov,
                height=options.height,
                refine=options.refine,
                pose_weights=options.pose_weights,
            )
        )
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The folder {self.out} could not be made: {error.strerror or error}.") from error

    def _check_options(self) -> None:
        if not self.options.inputs and not self.options.keypoints:
            raise UserError("Name a picture, a folder or a film; or give --keypoints of one.")
        if self.options.image_size and (self.options.inputs or not self.options.keypoints):
            raise UserError("--image-size is for --keypoints without pictures.")
        named = {"--smooth": self.options.smooth is not None, "--keep-feet": self.options.keep_feet is not None}
        named["--fps"] = self.options.fps is not None
        for name, given in named.items():
            if given and not self.options.motion:
                raise UserError(f"{name} says something of a motion. Give --motion, too.")
        if self.options.people != 1:
            for name in ("keypoints", "box", "hypotheses", "correct"):
                if np.any(getattr(self.options, name)):
                    raise UserError(f"--people is of whole pictures that our networks look at, so not with --{name}.")
        if self.options.hypotheses and (self.options.motion or "npz" not in self.formats):
            raise UserError(
                "--hypotheses writes npz files of single pictures: let --format hold npz, without --motion."
            )

    def _check_blender(self) -> None:
        if not self.scene_formats:
            return
        try:
            require_blender(self.scene_formats)
        except UserError as error:
            if self.options.format is not None:
                raise
            # The user did not ask for FBX by name: give them the rest, and say what is missing.
            self.scene_formats, self.missing_remark = (), [str(error)]

    def _open_items(self) -> list[InputItem]:
        options = self.options
        if not options.inputs:
            return blank_items(options.keypoints, self.keypoints, options.image_size)
        folders = {path for path in options.inputs if path.is_dir()}
        inputs = with_neighbours(options.inputs) if options.motion else options.inputs
        items = [item for item in open_inputs(inputs) if not is_own_output(item, folders)]
        if self.keypoints is not None and len(self.keypoints) != len(items):
            raise UserError(
                f"{options.keypoints} holds keypoints of {len(self.keypoints)} frames, "
                f"but there are {len(items)} pictures."
            )
        return items

    def run_pictures(self) -> list[Outcome]:
        outcomes = []
        for index, item in enumerate(self._progress(self.items)):
            outcome, began = Outcome(item.name), time.perf_counter()
            try:
                self._one_picture(item, self.keypoints and self.keypoints[index], outcome)
            except UserError as error:
                outcome.error = str(error)
            except Exception as error:  # a fault of ours with one picture must not lose a night's work on the others
                traceback.print_exc()
                outcome.error = f"The engine failed, which is a fault of its own: {type(error).__name__}: {error}."
            outcome.seconds = round(time.perf_counter() - began, 3)
            outcomes.append(outcome)
        return outcomes

    def _one_picture(self, item: InputItem, keypoints: Keypoints | None, outcome: Outcome) -> None:
        photo = item.read()
        if self.options.people != 1:
            self._several_people(photo, item.name, outcome)
            return
        if keypoints is None:
            result = self.engine.estimate(photo, self.options.box)
        else:
            points = matching_keypoints(keypoints, photo)
            result = self.engine.estimate_from_keypoints(points, photo.size, photo.path, photo.focal)
        estimate, said = self.engine.correct(result.estimate, self.corrections)
        result = replace(result, estimate=estimate)
        outcome.score = round(float(result.estimate.score[0]), 3)
        outcome.remarks += [*([photo.note] if photo.note else []), *result.remarks, *said, *self.missing_remark]
        self._write_picture_files(result, photo, item.name, outcome)
        if self.scene_formats:
            blank = isinstance(item, Blank)
            behind = None if blank else upright_file(photo, self.out / f"{item.name}.photo.png")
            self._write_scene_files(result.estimate, behind, item.name, outcome)

    def _several_people(self, photo: Photo, name: str, outcome: Outcome) -> None:
        """A body each: npz and masks are numbered, the rest shows them together."""
        group = self.engine.estimate_people(photo, self.options.people)
        results = group.people
        outcome.score = round(float(np.mean([result.estimate.score[0] for result in results])), 3)
        outcome.remarks += [*([photo.note] if photo.note else []), *group.remarks, *self.missing_remark]
        outcome.people = []
        for number, result in enumerate(results, 1):
            outcome.remarks += [f"{number}: {remark}" for remark in result.remarks]
            outcome.people.append(self._one_of_several(result, photo, name, number))
            outcome.files += outcome.people[-1]["files"]
        estimates = [result.estimate for result in results]
        if "overlay" in self.formats:
            write_picture(self.out / f"{name}.overlay.png", draw_people(photo.pixels, dict(enumerate(estimates, 1))))
            outcome.files.append(f"{name}.overlay.png")
        if self.scene_formats:
            behind = upright_file(photo, self.out / f"{name}.photo.png")
            stem, bones = self.out / name, self.options.bones
            paths = write_people(estimates, self.engine.body, behind, stem, self.scene_formats, bones)
            outcome.files += [path.name for path in paths]

    def _one_of_several(self, result: Result, photo: Photo, name: str, number: int) -> dict:
        estimate, files = result.estimate, []
        if "npz" in self.formats:
            files.append(f"{name}.{number}.npz")
            estimate.save(self.out / files[-1])
        if "mask" in self.formats:
            files.append(f"{name}.{number}.mask.png")
            write_picture(self.out / files[-1], photo_mask(result.detection, *photo.size))
        box = [round(float(value), 1) for value in estimate.bbox[0]]
        return {"number": number, "score": round(float(estimate.score[0]), 3), "box": box, "files": files}

    def _write_picture_files(self, result: Result, photo: Photo, name: str, outcome: Outcome) -> None:
        estimate = result.estimate
        if "npz" in self.formats:
            estimate.save(self.out / f"{name}.npz")
            outcome.files.append(f"{name}.npz")
        if self.options.hypotheses:
            self._write_hypotheses(estimate, name, outcome)
        if "overlay" in self.formats:
            write_picture(self.out / f"{name}.overlay.png", draw_overlay(photo.pixels, estimate))
            outcome.files.append(f"{name}.overlay.png")
        if "mask" in self.formats:
            seen = result.detection
            mask = body_mask(estimate) if seen is None else photo_mask(seen, *photo.size)
            write_picture(self.out / f"{name}.mask.png", mask)
            outcome.files.append(f"{name}.mask.png")

    def _write_hypotheses(self, estimate, name: str, outcome: Outcome) -> None:
        found = self.engine.others(estimate, self.options.hypotheses)
        for number, (other, hypothesis) in enumerate(found, 1):
            file = f"{name}.hypothesis_{number}.npz"
            other.save(self.out / file)
            outcome.files.append(file)
            outcome.remarks.append(f"{file}: {hypothesis.sentence} (weight {hypothesis.weight:.2f}).")
        if not found:
            outcome.remarks.append("No other pose of arms and legs looks the same in the picture.")

    def _write_scene_files(self, estimate, behind, name: str, outcome: Outcome) -> None:
        paths = write_files(estimate, self.engine.body, behind, self.out / name, self.scene_formats, self.options.bones)
        outcome.files += [path.name for path in paths]

    def run_motion(self) -> list[Outcome]:
        first = (self.options.inputs or [self.options.keypoints])[0]
        outcome, began = Outcome(first.name if first.is_dir() else first.stem), time.perf_counter()
        try:
            self._one_motion(outcome)
        except UserError as error:
            outcome.error = str(error)
        outcome.seconds = round(time.perf_counter() - began, 3)
        return [outcome]

    def _several_motions(self, outcome: Outcome) -> None:
        """A motion each: npz and masks are numbered, the rest shows them together."""
        options, first, name = self.options, self.items[0], outcome.name
        photos = self.behind.watch(read_ahead(self._progress(self.items), outcome.remarks))
        people = look_at_people(self.engine, photos, options.people)
        if not people:
            raise NoPersonError(f"No person was found in any of the {len(self.items)} frames of {first.path.name}.")
        outcome.people, parts = [], []
        for number, person in enumerate(people, 1):
            moving = estimate_motion(self.engine, person.frames, first, self._motion_options(), options.refine)
            parts.append(PartOfClip(person.first, moving.estimate))
            outcome.remarks += [f"{number}: {remark}" for remark in moving.remarks]
            files = [f"{name}.{number}.npz"] if "npz" in self.formats else []
            if files:
                moving.estimate.save(self.out / files[0])
            if "mask" in self.formats:
                files.append(f"{name}.{number}.mask/")
                own = self.items[person.first : person.first + len(person.frames)]
                write_mask_pictures(self.out / f"{name}.{number}.mask", own, moving.estimate, self.engine.body)
            score = round(float(np.mean(moving.estimate.score)), 3)
            span = [person.first, person.first + len(person.frames) - 1]
            outcome.people.append({"number": number, "score": score, "frames": span, "files": files})
            outcome.files += files
        outcome.score = round(float(np.mean([person["score"] for person in outcome.people])), 3)
        outcome.remarks += self.missing_remark
        if "overlay" in self.formats:
            write_people_video(self.out / f"{name}.overlay.mp4", self.items, parts, self.engine.body)
            outcome.files.append(f"{name}.overlay.mp4")
        if self.scene_formats:
            outcome.remarks += self.behind.remarks
            paths = write_people(
                [part.estimate for part in parts], self.engine.body, self.behind.files, self.out / name,
                self.scene_formats, options.bones, [part.first for part in parts],
            )  # fmt: skip
            outcome.files += [path.name for path in paths]

    def _motion_options(self) -> MotionOptions:
        strength = STRENGTH if self.options.smooth is None else self.options.smooth
        return MotionOptions(self.options.fps or 0.0, strength, self.options.keep_feet is not False)

    def _one_motion(self, outcome: Outcome) -> None:
        first, options = self.items[0], self.options
        if options.people != 1:
            self._several_motions(outcome)
            return
        if self.keypoints is None:
            photos = self.behind.watch(read_ahead(self._progress(self.items), outcome.remarks))
            frames = look_at_frames(self.engine, photos, options.box)
        else:
            photo = first.read()
            if not isinstance(first, Blank):  # keypoints alone have nothing to be shown
                (photo,) = self.behind.watch([photo])
            points = [
                np.zeros((len(KEYPOINT_NAMES), 3))
                if item.missing
                else matching_keypoints(self.keypoints_of[item.name], photo)
                for item in self.items
            ]
            frames = frames_from_keypoints(self.engine, points, photo.size, options.keypoints, photo.focal)
        moving = estimate_motion(self.engine, frames, first, self._motion_options(), options.refine)
        estimate, said = self.engine.correct(moving.estimate, self.corrections)
        outcome.score = round(float(np.mean(estimate.score)), 3)
        outcome.remarks += [*moving.remarks, *said, *self.missing_remark]
        self._write_motion_files(estimate, outcome)

    def _write_motion_files(self, estimate, outcome: Outcome) -> None:
        name = outcome.name
        if "npz" in self.formats:
            estimate.save(self.out / f"{name}.npz")
            outcome.files.append(f"{name}.npz")
        if "overlay" in self.formats:
            write_overlay_video(self.out / f"{name}.overlay.mp4", self.items, estimate, self.engine.body)
            outcome.files.append(f"{name}.overlay.mp4")
        if "mask" in self.formats:
            write_mask_pictures(self.out / f"{name}.mask", self.items, estimate, self.engine.body)
            outcome.files.append(f"{name}.mask/")
        if self.scene_formats:
            outcome.remarks += self.behind.remarks
            self._write_scene_files(estimate, self.behind.files, name, outcome)

    def _progress(self, items: list[InputItem]):
        from tqdm import tqdm

        return tqdm(items, unit="picture", disable=len(items) < 2, file=sys.stderr)


def is_own_output(item: InputItem, folders: set[Path]) -> bool:
    """Whether an earlier run wrote this picture into a folder that is now read: it is not to be estimated again."""
    return item.path.parent in folders and item.path.stem.endswith((".overlay", ".mask", ".photo"))


def matching_keypoints(keypoints: Keypoints, photo: Photo) -> np.ndarray:
    """The keypoints (16, 3) as pixels of the photo. Raises UserError when they were made for a picture of another
    shape."""
    if keypoints.image_size in (None, photo.size):
        return keypoints.points
    scale = np.array(photo.size) / keypoints.image_size
    if abs(scale[0] / scale[1] - 1) > 0.02:
        width, height = keypoints.image_size
        raise UserError(
            f"The keypoints are for a picture of {width}×{height}, "
            f"but {photo.path.name} has {photo.size[0]}×{photo.size[1]}."
        )
    points = keypoints.points.copy()
    points[:, :2] = (points[:, :2] + 0.5) * scale - 0.5
    return points
