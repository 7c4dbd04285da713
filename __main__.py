"""The engine from a shell: `python -m body_from_image estimate IMAGE|DIR|VIDEO … --out DIR`."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .inference.drawing.overlay import body_mask, draw_overlay
from .inference.engine import Engine, Result, Settings
from .inference.errors import UserError
from .inference.files.frames import InputItem, open_inputs, with_neighbours
from .inference.files.images import Photo, upright_file, write_picture
from .inference.files.keypoint_files import Keypoints, read_keypoints
from .inference.networks.person import photo_mask
from .inference.networks.priors import POSE_WEIGHTS
from .inference.networks.runtime import DEVICES
from .inference.refinement.depth_hypotheses import BEAM
from .rig.write_files import require_blender, write_files

PICTURE_FORMATS = ("npz", "overlay", "mask")
SCENE_FORMATS = ("fbx", "glb", "bvh", "blend", "obj")
DEFAULT_FORMATS = ("npz", "overlay", "fbx")
BONE_NAMES = ("smpl", "unreal", "unity", "mixamo")
ALL_DONE, WRONG_USAGE, SOME_FAILED, INTERRUPTED = 0, 2, 3, 130


@dataclass
class Outcome:
    """One line of the table: an input, and what became of it."""

    name: str
    score: float | None = None
    seconds: float = 0.0
    files: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: str | None = None


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="body_from_image", description="Posed, rigged SMPL characters from photos.")
    estimate = top.add_subparsers(dest="command", required=True).add_parser(
        "estimate", help="a body for each picture, or for one moving person"
    )
    estimate.add_argument("inputs", nargs="+", type=Path, metavar="IMAGE|DIR|VIDEO")
    estimate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to; made if missing")
    estimate.add_argument(
        "--format", type=formats, default=None, metavar="LIST",
        help=f"comma-separated: {','.join(PICTURE_FORMATS + SCENE_FORMATS)} (default {','.join(DEFAULT_FORMATS)})",
    )  # fmt: skip
    estimate.add_argument(
        "--keypoints", type=Path, metavar="FILE", help="OpenPose, COCO or our own JSON; skips Human2D"
    )
    estimate.add_argument("--body-model", type=Path, metavar="FILE", help="a licensed SMPL .pkl or .npz")
    estimate.add_argument("--box", type=box, metavar="X,Y,W,H", help="where the person is, in pixels")
    estimate.add_argument("--fov", type=angle, metavar="DEG", help="field of view across the longer side")
    estimate.add_argument(
        "--height", type=stature, metavar="METRES", help="how tall the person is; else an average stature for the build"
    )
    estimate.add_argument("--device", choices=DEVICES, default="auto")
    estimate.add_argument("--bones", choices=BONE_NAMES, default="smpl", help="names of the bones in exported files")
    estimate.add_argument(
        "--motion", action="store_true", help="the inputs are one moving person: one animated character"
    )
    estimate.add_argument(
        "--smooth", type=strength, metavar="0…1",
        help="with --motion: how much jitter is taken off; 0 leaves every frame as it was seen (default 0.5)",
    )  # fmt: skip
    estimate.add_argument(
        "--keep-feet",
        action="store_true",
        help="with --motion: standing feet neither slide nor sink (the camera stands)",
    )
    estimate.add_argument(
        "--fps", type=rate, metavar="RATE", help="with --motion: frames a second of pictures (default 30)"
    )
    estimate.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="move the body until it lies on the photo: a tenth of a second a picture",
    )
    estimate.add_argument(
        "--pose-weights", choices=POSE_WEIGHTS, default="photos",
        help="mocap: a PosePrior that never learned from photos; worse on them, and free for any use",
    )  # fmt: skip
    estimate.add_argument(
        "--hypotheses", type=count, default=0, metavar="N",
        help=f"of a picture, also write up to N (1 to {BEAM - 1}) other bodies that it may show, most plausible first",
    )  # fmt: skip
    estimate.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    return top


def formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in PICTURE_FORMATS + SCENE_FORMATS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown format {', '.join(unknown) or repr(text)}; known are {', '.join(PICTURE_FORMATS + SCENE_FORMATS)}"
        )
    return names


def box(text: str) -> np.ndarray:
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        values = np.array([])
    if values.shape != (4,) or not np.isfinite(values).all() or values[2:].min() < 8:
        raise argparse.ArgumentTypeError(f"{text!r} is not a box: four numbers X,Y,W,H in pixels, W and H at least 8")
    return values


def stature(text: str) -> float:
    with suppress(ValueError):
        if 0.5 <= float(text) <= 2.8:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a person's height in metres, such as 1.75")


def angle(text: str) -> float:
    with suppress(ValueError):
        if 5 <= float(text) <= 150:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a field of view between 5 and 150 degrees")


def strength(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a strength between 0 and 1")


def rate(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) <= 1000:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of frames a second between 0 and 1000")


def count(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) < BEAM:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {BEAM - 1}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        job = Job(options)
    except UserError as error:
        print(f"body_from_image: {error}", file=sys.stderr)
        return WRONG_USAGE
    try:
        outcomes = job.run_motion() if options.motion else job.run_pictures()
    except KeyboardInterrupt:
        print(f"\nStopped. What was finished is in {options.out}.", file=sys.stderr)
        return INTERRUPTED
    print(json.dumps([vars(outcome) for outcome in outcomes], indent=2) if options.json else table(outcomes))
    return SOME_FAILED if any(outcome.error for outcome in outcomes) else ALL_DONE


class Job:
    """What one command line asks for. Raises UserError for what cannot work before anything is estimated."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.out = options, options.out
        self.formats = options.format or DEFAULT_FORMATS
        self.scene_formats = tuple(name for name in self.formats if name in SCENE_FORMATS)
        self.missing_remark: list[str] = []
        self._check_options()
        self._check_blender()
        folders = {path for path in options.inputs if path.is_dir()}
        inputs = with_neighbours(options.inputs) if options.motion else options.inputs
        self.items = [item for item in open_inputs(inputs) if not is_own_output(item, folders)]
        self.keypoints = self._read_keypoints()
        self.engine = Engine(
            Settings(
                device=options.device,
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
        named = {"--smooth": self.options.smooth is not None, "--keep-feet": self.options.keep_feet}
        named["--fps"] = self.options.fps is not None
        for name, given in named.items():
            if given and not self.options.motion:
                raise UserError(f"{name} says something of a motion. Give --motion, too.")
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

    def _read_keypoints(self) -> list[Keypoints] | None:
        if self.options.keypoints is None:
            return None
        frames = read_keypoints(self.options.keypoints)
        if len(frames) != len(self.items):
            raise UserError(
                f"{self.options.keypoints} holds keypoints of {len(frames)} frames, "
                f"but there are {len(self.items)} pictures."
            )
        return frames

    def run_pictures(self) -> list[Outcome]:
        outcomes = []
        for index, item in enumerate(self._progress(self.items)):
            outcome, began = Outcome(item.name), time.perf_counter()
            try:
                self._one_picture(item, self.keypoints and self.keypoints[index], outcome)
            except UserError as error:
                outcome.error = str(error)
            outcome.seconds = round(time.perf_counter() - began, 3)
            outcomes.append(outcome)
        return outcomes

    def _one_picture(self, item: InputItem, keypoints: Keypoints | None, outcome: Outcome) -> None:
        photo = item.read()
        if keypoints is None:
            result = self.engine.estimate(photo, self.options.box)
        else:
            points = matching_keypoints(keypoints, photo)
            result = self.engine.estimate_from_keypoints(points, photo.size, photo.path, photo.focal)
        outcome.score = round(float(result.estimate.score[0]), 3)
        outcome.remarks += [*([photo.note] if photo.note else []), *result.remarks, *self.missing_remark]
        self._write_picture_files(result, photo, item.name, outcome)
        if self.scene_formats:
            behind = upright_file(photo, self.out / f"{item.name}.photo.png")
            self._write_scene_files(result.estimate, behind, item.name, outcome)

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
        first = self.options.inputs[0]
        outcome, began = Outcome(first.name if first.is_dir() else first.stem), time.perf_counter()
        try:
            self._one_motion(outcome)
        except UserError as error:
            outcome.error = str(error)
        outcome.seconds = round(time.perf_counter() - began, 3)
        return [outcome]

    def _one_motion(self, outcome: Outcome) -> None:
        from .inference.clip import frames_from_keypoints, join_frames, look_at_frames, read_ahead
        from .inference.motion.smooth_motion import STRENGTH, smooth_motion

        first = self.items[0]
        if self.keypoints is None:
            photos = read_ahead(self._progress(self.items), outcome.remarks)
            frames = list(look_at_frames(self.engine, photos, self.options.box))
        else:
            photo = first.read()
            points = [matching_keypoints(frame, photo) for frame in self.keypoints]
            frames = frames_from_keypoints(self.engine, points, photo.size, self.options.keypoints, photo.focal)
        raw = join_frames(self.engine, frames, first.fps or self.options.fps or 0.0, first.path)
        smooth = STRENGTH if self.options.smooth is None else self.options.smooth
        estimate = smooth_motion(raw.estimate, self.engine.body, smooth, self.options.keep_feet)
        if self.options.refine:
            estimate = self._refined_motion(estimate, outcome)
        outcome.score = round(float(np.mean(estimate.score)), 3)
        outcome.remarks += [*raw.remarks, *self.missing_remark]
        self._write_motion_files(estimate, outcome)

    def _refined_motion(self, estimate, outcome: Outcome):
        from .inference.motion.refine_motion import refine_motion
        from .inference.motion.smooth_motion import smooth_motion

        refined, kept = refine_motion(self.engine.body, estimate)
        if kept:
            outcome.remarks.append(f"{kept} of {estimate.frame_count} frames were not refined: bodies do not bend so.")
        # Feet stand softly in the refinement; who asked for them to stand gets them planted.
        return smooth_motion(refined, self.engine.body, 0.0, self.options.keep_feet)

    def _write_motion_files(self, estimate, outcome: Outcome) -> None:
        from .inference.drawing.clip_files import write_mask_pictures, write_overlay_video

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
            first = self.items[0]
            # A film lies behind the character as it is; so does a numbered sequence of pictures.
            behind = first.path if first.video else [item.path for item in self.items]
            self._write_scene_files(estimate, behind, name, outcome)

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


def table(outcomes: list[Outcome]) -> str:
    """Name, score, seconds and files of each input, with its remarks or its error below it."""
    width = max(len("input"), *(len(outcome.name) for outcome in outcomes))
    lines = [f"{'input':<{width}}  score  seconds  written"]
    for outcome in outcomes:
        score = "  –  " if outcome.score is None else f"{outcome.score:5.2f}"
        lines.append(
            f"{outcome.name:<{width}}  {score}  {outcome.seconds:7.2f}  {', '.join(outcome.files) or 'nothing'}"
        )
        lines += [f"{'':<{width}}  {remark}" for remark in outcome.remarks]
        if outcome.error:
            lines.append(f"{'':<{width}}  FAILED: {outcome.error}")
    failed = sum(1 for outcome in outcomes if outcome.error)
    lines.append(f"{len(outcomes) - failed} of {len(outcomes)} gave a body.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
