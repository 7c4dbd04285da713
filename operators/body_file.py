"""A licensed SMPL file is read in a process of its own, so that whatever it holds cannot take Blender down.

What comes back is an npz of plain arrays that were checked. The process is not the one that estimates, which may be
busy; it lives as long as the file is read, and a file is read once until it changes.
"""

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from .worker_client import WorkerClient, worker_command

PATIENCE = 60.0
"""Seconds for one file; one of 54 MB took 9 on a machine that was busy with other things."""


def load_body_model(path: Path | None) -> BodyModel:
    """The body model of a file, or the bundled one; kept until the file changes. Raises UserError."""
    changed = path.stat().st_mtime_ns if path and path.is_file() else None
    return _load(path, changed)


def forget_body_model() -> None:
    """Free its memory."""
    _load.cache_clear()


@functools.lru_cache(maxsize=2)  # the bundled body, which a film's preview may show, beside a user's
def _load(path: Path | None, changed: int | None) -> BodyModel:
    if path is None:
        return BodyModel.load()
    reader = WorkerClient(worker_command, PATIENCE)
    try:
        with TemporaryDirectory(prefix="body_from_image_", dir=bpy.app.tempdir) as folder:
            reader.send("body", path=str(path.resolve()), folder=folder)
            return BodyModel.load(Path(reader.wait()["body"]))
    except OSError as error:
        raise UserError(f"There is no place for temporary files: {error.strerror or error}.") from error
    finally:
        reader.stop()
