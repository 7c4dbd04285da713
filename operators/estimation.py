"""One photo on its way through the worker: asked for, watched, and brought home as a `BodyEstimate`."""

import functools
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy

from ..inference.body_estimate import BodyEstimate
from ..inference.body_model import BodyModel
from .preferences import external_python
from .worker_client import Answer, Failure, Progress, WorkerClient, worker_command

worker = WorkerClient(lambda: worker_command(external_python(bpy.context)))
"""The one worker of this Blender. It starts with the first photo and stays warm until the extension is disabled."""


@dataclass(frozen=True)
class Estimated:
    """A body, the photo upright in a file (`photo_is_copy`: one that goes with the `Estimation`), remarks for the user,
    and what the networks ran on."""

    estimate: BodyEstimate
    photo: Path
    photo_is_copy: bool
    remarks: tuple[str, ...]
    provider: str


class Estimation:
    """A request to the worker and the folder that it writes to. `close` it in any case."""

    def __init__(self, photo: Path, box: tuple[float, ...] | None, settings: dict[str, object]):
        """`box` is x, y, width, height in pixels; `settings` the fields of `inference.engine.Settings`, which is not
        imported here because it would bring OpenCV into Blender's process. Raises UserError when the worker cannot be
        started."""
        self._folder = TemporaryDirectory(prefix="body_from_image_", dir=bpy.app.tempdir)
        try:
            worker.send("estimate", path=str(photo), box=box, settings=settings, folder=self._folder.name)
        except BaseException:
            self._folder.cleanup()
            raise

    def poll(self) -> Progress | Estimated | Failure | None:
        """What happened since the last time; None for nothing. Returns at once."""
        message = worker.poll()
        return self._load(message.result) if isinstance(message, Answer) else message

    def wait(self) -> Estimated:
        """Block until it is done. Raises UserError when there is no result."""
        return self._load(worker.wait())

    def close(self) -> None:
        """Remove what was written; a request that still runs is ended, and the worker with it."""
        if worker.busy:
            worker.stop()
        self._folder.cleanup()

    def _load(self, result: dict) -> Estimated:
        photo = Path(result["photo"])
        return Estimated(
            BodyEstimate.load(Path(result["estimate"])),
            photo,
            photo.parent == Path(self._folder.name),
            tuple(result["remarks"]),
            result["provider"],
        )


def load_body_model(path: Path | None) -> BodyModel:
    """The body model of a file, or the bundled one; kept until the file changes. Raises UserError."""
    changed = path.stat().st_mtime_ns if path and path.is_file() else None
    return _load_body_model(path, changed)


@functools.lru_cache(maxsize=1)
def _load_body_model(path: Path | None, changed: int | None) -> BodyModel:
    return BodyModel.load(path)


def shut_down() -> None:
    """End the worker and forget the body model."""
    worker.stop()
    _load_body_model.cache_clear()
