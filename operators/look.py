"""A photo as Blender can show it: upright and not larger than a screen. The worker reads it, so nothing waits."""

from dataclasses import dataclass
from pathlib import Path

from .estimation import Request


@dataclass(frozen=True)
class Picture:
    """A picture to show, and the width and height of the photo that it shows, pixels."""

    file: Path
    photo_size: tuple[int, int]


class Look(Request):
    """`poll` and `wait` give a `Picture`, whose file goes with `close`."""

    def __init__(self, photo: Path):
        super().__init__("look", path=str(photo))

    def _load(self, result: dict) -> Picture:
        return Picture(Path(result["picture"]), tuple(result["size"]))
