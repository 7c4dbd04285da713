"""The camera that took the photo, and the photo behind the character."""

import math
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..inference.body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate
from ..inference.errors import UserError
from ..inference.files.image_headers import MOST_ANAMORPHIC
from ..inference.files.numbered import last_numbers, places_by_number
from ..inference.geometry.rotations import continuous_quaternions, matrix_to_quaternion
from .action import action_of, use_action
from .axes import BLENDER_FROM_SMPL, points_to_blender

SENSOR_WIDTH = 36.0
"""Millimetres of a full-frame camera, so that `lens` reads as photographers expect."""
ASPECT_TOLERANCE = 0.02


def create_camera(
    estimate: BodyEstimate, name: str, location: np.ndarray, turn: np.ndarray | None = None, units: float = 1.0
) -> bpy.types.Object:
    """A camera at `location` (3,; Blender's axes, metres of `units`) that sees the body as the photo did: it looks
    along +y, and is turned by `turn` (3, 3; SMPL's frame) as the body was. It is not linked to a scene.

    Blender's image plane runs over the pixels' edges, ours over their centres, hence the half pixel. The sensor's 36 mm
    lie along the longer side, as in a camera that is turned upright; with a horizontal fit the projection would be the
    same, but a portrait picture would stick out of the window above and below.
    """
    camera = bpy.data.cameras.new(name)
    image_width, image_height = estimate.image_size
    longer_side = max(estimate.image_size)
    center_x, center_y = np.asarray(estimate.camera_center, float) + 0.5
    camera.sensor_fit = "AUTO"
    camera.sensor_width = SENSOR_WIDTH
    camera.lens = estimate.focal * SENSOR_WIDTH / longer_side
    camera.shift_x = (image_width / 2 - center_x) / longer_side
    camera.shift_y = (center_y - image_height / 2) / longer_side
    camera.clip_start, camera.clip_end = 0.1 * units, 1000.0 * units
    camera.display_size = units
    viewer = bpy.data.objects.new(name, camera)
    viewer.rotation_euler = (math.pi / 2, 0, 0)
    if turn is not None:
        viewer.rotation_euler = Matrix(BLENDER_FROM_SMPL @ turn).to_euler()
    viewer.location = units * location
    return viewer


def key_camera(
    camera: bpy.types.Object, estimate: BodyEstimate, turn: np.ndarray, move: np.ndarray, start_frame: int,
    units: float = 1.0,
) -> None:  # fmt: skip
    """Key turns and places of a camera that moved in the film, a key a frame, after the body was turned by `turn`
    (3, 3) and moved by `move` (3,), SMPL's frame and metres of `units`. A camera that stood still gets no keys."""
    if estimate.camera_rotations is None:
        return
    own = CAMERA_FROM_SMPL @ estimate.camera_rotations.astype(np.float64).swapaxes(1, 2) @ CAMERA_FROM_SMPL
    quaternions = continuous_quaternions(matrix_to_quaternion(BLENDER_FROM_SMPL @ turn @ own))
    places = points_to_blender(estimate.camera_places.astype(np.float64) @ turn.T + move)
    camera.rotation_mode = "QUATERNION"
    channels = [("rotation_quaternion", "", quaternions), ("location", "", units * places)]
    animation = camera.animation_data_create()
    if animation.action is not None and not animation.action.library:
        bpy.data.actions.remove(animation.action)
    use_action(camera, action_of(camera.name, camera.name, "OBJECT", start_frame, channels))


def show_photo(
    camera: bpy.types.Object, photo: Path | Sequence[Path], image_size: tuple[int, int], start_frame: int
) -> bpy.types.Image:
    """Put a picture, a film or a numbered sequence of pictures behind everything that `camera` sees.

    Blender ignores the orientation that EXIF records, so a picture must be upright in the file. A list of pictures is
    shown as a sequence, with nothing in its gaps, when their names count up in one folder; else the first one is shown
    throughout. Raises UserError for a file that cannot be read, or one that lies on its side.
    """
    files = [Path(photo)] if isinstance(photo, str | Path) else [Path(file) for file in photo]
    image = _load(files[0])
    _fit_pixels(image, image_size)
    _check_upright(image, files[0], image_size)
    background = camera.data.background_images.new()
    background.image = image
    background.frame_method = "FIT"
    background.alpha = 1.0
    camera.data.show_background_images = True
    sequence = _sequence(files)
    if sequence is not None:
        first, length = sequence
        image.source = "SEQUENCE"
        background.image_user.frame_duration = length
        background.image_user.frame_offset = first - 1
    if image.source == "MOVIE":
        background.image_user.frame_duration = max(image.frame_duration, 1)
    background.image_user.frame_start = start_frame
    background.image_user.use_auto_refresh = True
    return image


def _load(file: Path) -> bpy.types.Image:
    try:
        image = bpy.data.images.load(str(file.resolve()))
    except RuntimeError as error:
        raise UserError(f"Blender could not read {file}.") from error
    if not all(image.size):
        raise UserError(f"Blender could not read {file}. Save it as PNG or JPEG.")
    return image


def _fit_pixels(image: bpy.types.Image, image_size: tuple[int, int]) -> None:
    """Show a film's pixels as wide as they are meant to be. The engine makes them square when it reads a film, Blender
    does not; a film that only lies on its side stays as it is."""
    found, expected = image.size[0] / image.size[1], image_size[0] / image_size[1]
    on_its_side = abs(found * expected - 1) < ASPECT_TOLERANCE
    if image.source == "MOVIE" and not on_its_side and 1 / MOST_ANAMORPHIC <= expected / found <= MOST_ANAMORPHIC:
        image.display_aspect = (expected / found, 1)


def _check_upright(image: bpy.types.Image, file: Path, image_size: tuple[int, int]) -> None:
    """The engine may have read the picture at a smaller size, so only the shape is compared."""
    shown = image.size[0] * image.display_aspect[0], image.size[1] * image.display_aspect[1]
    expected, found = image_size[0] / image_size[1], shown[0] / shown[1]
    if abs(found / expected - 1) > ASPECT_TOLERANCE:
        raise UserError(
            f"{file} is {image.size[0]} × {image.size[1]} in Blender, but the body was estimated in a picture of "
            f"{image_size[0]} × {image_size[1]}. Turn the picture upright, save it, and use that file."
        )


def _sequence(files: list[Path]) -> tuple[int, int] | None:
    """The number of the first picture, and over how many frames pictures whose names count up go, with gaps; None for
    everything else: Blender shows the file that has the frame's number, written like the first one's."""
    places = places_by_number(files)
    if places is None or len({file.suffix for file in files}) > 1:
        return None
    numbers, stem = last_numbers(files), files[0].stem
    digits = len(stem) - len(stem.rstrip("0123456789"))
    names = [f"{stem[: len(stem) - digits]}{number:0{digits}}" for number in numbers]
    counts_frames = numbers[-1] - numbers[0] == places[-1]
    return (numbers[0], int(places[-1]) + 1) if counts_frames and names == [file.stem for file in files] else None
