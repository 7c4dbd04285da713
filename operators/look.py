"""A photo as Blender can show it: upright and not larger than a screen. The worker reads it, so nothing waits."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy

from .estimation import worker
from .worker_client import Answer, Failure, Progress


@dataclass(frozen=True)
class Picture:
    """A picture to show, and the width and height of the photo that it shows, pixels."""

    file: Path
    photo_size: tuple[int, int]


class Look:
    """A request to the worker and the folder that it writes to. `close` it in any case."""

    def __init__(self, photo: Path):
        """Raises UserError when the worker cannot be started."""
        self._folder = TemporaryDirectory(prefix="body_from_image_", dir=bpy.app.tempdir)
        self._under_way = True
        try:
            worker.send("look", path=str(photo), folder=self._folder.name)
        except BaseException:
            self._folder.cleanup()
            raise

    def poll(self) -> Progress | Picture | Failure | None:
        """What happened since the last time; None for nothing. Returns at once."""
        message = worker.poll()
        self._under_way = message is None or isinstance(message, Progress)
        if isinstance(message, Answer):
            return Picture(Path(message.result["picture"]), tuple(message.result["size"]))
        return message

    def close(self) -> None:
        """Remove the picture; a request that is still under way is ended, and the worker with it."""
        if self._under_way:
            worker.stop()
            self._under_way = False
        self._folder.cleanup()
