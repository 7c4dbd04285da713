"""What one command line asks for: which inputs, with which options, to which files."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..inference.engine import Engine, Settings
from ..inference.errors import UserError
from ..inference.files.frames import InputItem, open_inputs, timeline, with_neighbours
from ..inference.files.images import Photo
from ..inference.files.keypoint_files import Keypoints, read_keypoints
from ..rig.write_files import require_blender
from .arguments import CLIP_FORMATS, DEFAULT_FORMATS, PICTURE_FORMATS, SCENE_FORMATS
from .corrections import SaidOfPeople
from .no_pictures import blank_items


class Job:
    """What one command line asks for. It is plain data, so that another process can take a part of it.

    Raises UserError for what cannot work before anything is estimated.
    """

    def __init__(self, options: argparse.Namespace):
        self.options, self.out = options, options.out
        self.formats = options.format or DEFAULT_FORMATS
        self.scene_formats = tuple(name for name in self.formats if name in SCENE_FORMATS)
        self.missing_remark: list[str] = []
        self._check_options()
        self._check_blender()
        self.keypoints = read_keypoints(options.keypoints) if options.keypoints else None
        self.items = self._open_items()
        self.said = SaidOfPeople.read(options.correct) if options.correct else SaidOfPeople()
        if self.said.anything and not options.motion and len(self.items) > 1:
            raise UserError(f"--correct is of one picture, or of a motion, but there are {len(self.items)} pictures.")
        self.keypoints_of = dict(zip((item.name for item in self.items), self.keypoints or (), strict=False))
        if options.motion and options.inputs:
            self.items = timeline(self.items, options.fps or 0.0)
        self.said.check(len(self.items) if options.motion else 1, options.people)
        self.settings = Settings(
            device=options.device,
            size=options.size,
            body_model=options.body_model,
            field_of_view=options.fov,
            height=options.height,
            refine=options.refine,
            pose_weights=options.pose_weights,
        )
        self.names = self._names()
        """What the files of each result are called: of each picture, or of the one motion."""

    @property
    def written_formats(self) -> tuple[str, ...]:
        """The formats that are asked for and can be written here."""
        return tuple(name for name in self.formats if name in PICTURE_FORMATS + self.scene_formats)

    @property
    def keying(self) -> dict[str, object]:
        """How motions are keyed in files, as `write_files` takes it."""
        options = self.options
        return {
            "reduce_keys": (options.reduce_keys or 0.0) / 1e3, "root_motion": options.root_motion.replace("-", "_"),
        }  # fmt: skip

    def items_of(self, index: int) -> list[InputItem]:
        """What the result of that number is made of."""
        return self.items if self.options.motion else [self.items[index]]

    def load_engine(self, threads: int | None = None) -> Engine:
        """The engine for this job. Raises UserError when the body model cannot be read."""
        return Engine(replace(self.settings, threads=threads))

    def make_folder(self) -> None:
        """Make the folder to write to. Raises UserError."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The folder {self.out} could not be made: {error.strerror or error}.") from error

    def points_of(self, item: InputItem, photo: Photo) -> np.ndarray:
        """The given keypoints of a picture. Raises UserError when they were made for one of another shape."""
        return matching_keypoints(self.keypoints_of[item.name], photo)

    def _check_options(self) -> None:
        if not self.options.inputs and not self.options.keypoints:
            raise UserError("Name a picture, a folder or a film; or give --keypoints of one.")
        if self.options.image_size and (self.options.inputs or not self.options.keypoints):
            raise UserError("--image-size is for --keypoints without pictures.")
        for name in ("workers", "ray"):
            if self.options.motion and getattr(self.options, name):
                raise UserError(f"--{name} shares out pictures; a motion is one whole. Leave out --{name} or --motion.")
        named = {"--smooth": self.options.smooth is not None, "--keep-feet": self.options.keep_feet is not None}
        named |= {"--fps": self.options.fps is not None, "--reduce-keys": self.options.reduce_keys is not None}
        named["--root-motion"] = self.options.root_motion != "pelvis"
        named["--camera-tilt"] = self.options.camera_tilt is not None
        for name, given in named.items():
            if given and not self.options.motion:
                raise UserError(f"{name} says something of a motion. Give --motion, too.")
        if self.options.camera_tilt is not None and self.options.keep_feet is False:
            raise UserError("--camera-tilt says how the floor lies, and --no-keep-feet that there is none.")
        if self.options.reduce_keys and "blend" not in self.formats:
            raise UserError("--reduce-keys is of .blend; other files have all keys. Let --format hold blend.")
        if named["--root-motion"] and not CLIP_FORMATS & {*self.formats}:
            raise UserError("--root-motion is of FBX, GLB and BVH. Let --format hold one of them.")
        if self.options.people != 1:
            for name in ("keypoints", "box", "hypotheses"):
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
        if options.motion and (lacking := [path for path in options.inputs if not path.exists()]):
            raise UserError(f"{lacking[0]} does not exist. A motion is one whole: check the name and the folder.")
        folders = {path for path in options.inputs if path.is_dir()}
        inputs = with_neighbours(options.inputs) if options.motion else options.inputs
        items = [item for item in open_inputs(inputs) if not is_own_output(item, folders)]
        if self.keypoints is not None and len(self.keypoints) != len(items):
            raise UserError(
                f"{options.keypoints} holds keypoints of {len(self.keypoints)} frames, "
                f"but there are {len(items)} pictures."
            )
        return items

    def _names(self) -> list[str]:
        if not self.options.motion:
            return [item.name for item in self.items]
        first = (self.options.inputs or [self.options.keypoints])[0]
        return [first.name if first.is_dir() else first.stem]


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
