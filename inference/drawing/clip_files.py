"""Pictures of a motion: the overlay as a video, the masks as numbered pictures."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..body.body_estimate import BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..body.correction import of_frame
from ..errors import UserError
from ..files.destination import replacing
from ..files.frames import InputItem
from ..files.images import write_picture
from .overlay import body_mask, draw_overlay, draw_people

LONGEST_SIDE = 1280
"""The video is drawn no larger than this; most players refuse mp4 beyond 4096 anyway."""


@dataclass(frozen=True)
class PartOfClip:
    """Somebody's motion, which begins at frame `first` of a clip, counted from 0."""

    first: int
    estimate: BodyEstimate


def frame_of(estimate: BodyEstimate, frame: int, body: BodyModel) -> BodyEstimate:
    """One frame of a motion as an estimate of its own, with vertices."""
    single = {
        name: getattr(estimate, name)[frame : frame + 1]
        for name in ("poses", "trans", "keypoints_2d", "joints_3d", "joints_2d", "bbox", "score")
    }
    posed = body.pose(estimate.betas[None], rotations_of(single["poses"]), single["trans"])
    said = tuple(replace(one, frame=0) for one in of_frame(estimate.corrections, frame))
    vertices = estimate.seen_by_camera(posed.vertices, slice(frame, frame + 1))
    return replace(
        estimate, **single, corrections=said, vertices=vertices, camera_rotations=None, camera_places=None,
        mocap_framerate=0.0,
    )  # fmt: skip


def write_overlay_video(path: Path, items: list[InputItem], estimate: BodyEstimate, body: BodyModel) -> None:
    """Write an mp4 of every frame with body and skeleton over it. Raises UserError when it cannot be written."""
    _write_film(path, items, estimate, lambda pixels, index: draw_overlay(pixels, frame_of(estimate, index, body)))


def write_people_video(path: Path, items: list[InputItem], people: Sequence[PartOfClip], body: BodyModel) -> None:
    """The same of several people, each from their first frame to their last."""

    def draw(pixels: np.ndarray, index: int) -> np.ndarray:
        there = {
            number: frame_of(one.estimate, index - one.first, body)
            for number, one in enumerate(people, 1)
            if 0 <= index - one.first < one.estimate.frame_count
        }
        return draw_people(pixels, there)

    _write_film(path, items, people[0].estimate, draw)


def _write_film(
    path: Path, items: list[InputItem], estimate: BodyEstimate, draw: Callable[[np.ndarray, int], np.ndarray]
) -> None:
    width, height = estimate.image_size
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    # The codec wants even sides.
    size = (int(width * scale) // 2 * 2, int(height * scale) // 2 * 2)
    with replacing(path) as unfinished:
        writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter_fourcc(*"mp4v"), estimate.mocap_framerate, size)
        try:
            pixels = np.full((height, width, 3), 128, np.uint8)
            for index, item in enumerate(items):
                # Of a frame that cannot be read the one before stays: the film must keep its length.
                with suppress(UserError):
                    pixels = item.read().pixels
                small = cv2.resize(draw(pixels, index), size, interpolation=cv2.INTER_AREA)
                writer.write(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()
        _check_film(unfinished, len(items), path)


def _check_film(film: Path, frames: int, path: Path) -> None:
    """OpenCV does not say when a film could not be written, so it is opened and its frames are counted."""
    written = int(cv2.VideoCapture(str(film)).get(cv2.CAP_PROP_FRAME_COUNT)) if film.exists() else 0
    if written != frames:
        raise UserError(f"Could not write {path}: only {written} of {frames} frames were written. Is the disk full?")


def write_mask_pictures(folder: Path, items: list[InputItem], estimate: BodyEstimate, body: BodyModel) -> None:
    """Write the body's silhouette in each frame as `folder`/NAME.png. Raises UserError when it cannot be written."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} could not be made: {error.strerror or error}.") from error
    for index, item in enumerate(items):
        write_picture(folder / f"{item.name}.png", body_mask(frame_of(estimate, index, body)))
