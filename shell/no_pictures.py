"""Keypoints alone: their frames as pictures of plain grey, so that everything that draws on a picture works."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..inference.errors import UserError
from ..inference.files.frames import InputItem
from ..inference.files.images import MAX_PIXELS, MIN_SIDE, Photo
from ..inference.files.keypoint_files import Keypoints

GREY = 128


@dataclass(frozen=True)
class Blank(InputItem):
    """A frame that nobody has a picture of."""

    size: tuple[int, int] = (0, 0)

    def read(self) -> Photo:
        """Grey of the size of the picture that the keypoints were found in."""
        return Photo(np.full((*self.size[::-1], 3), GREY, np.uint8), None, self.path, as_stored=False)


def blank_items(path: Path, frames: list[Keypoints], size: tuple[int, int] | None) -> list[InputItem]:
    """An item for each frame of the keypoints in `path`. `size` (width, height) is what the user says of the pictures;
    else the file must. Raises UserError where nobody does."""
    digits, items = max(4, len(str(len(frames)))), []
    for number, frame in enumerate(frames, 1):
        own = size or frame.image_size
        if own is None:
            raise UserError(
                f"{path} does not say how large its pictures are. Give the pictures, or --image-size WIDTH,HEIGHT."
            )
        if min(own) < MIN_SIDE or own[0] * own[1] > MAX_PIXELS:
            raise UserError(f"{path} is of pictures of {own[0]}×{own[1]} pixels, which is too small or too large.")
        name = path.stem if len(frames) == 1 else f"{path.stem}_{number:0{digits}}"
        items.append(Blank(name, path, size=own))
    return items
