"""Pictures on their way through the worker: asked for, watched, and brought home as `BodyEstimate`s."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy

from ..inference.body.body_estimate import BodyEstimate
from ..inference.errors import UserError
from .body_file import forget_body_model
from .preferences import external_python
from .worker_client import Answer, WorkerClient, worker_command

worker = WorkerClient(lambda: worker_command(external_python(bpy.context)))
"""The one worker of this Blender. It starts with the first photo and stays warm until the extension is disabled."""


@dataclass(frozen=True)
class Estimated:
    """A body, the photo upright in a file (`photo_is_copy`: one that goes with the `Estimation`), remarks for the user,
    what the networks ran on, and who else is in the photo."""

    estimate: BodyEstimate
    photo: Path
    photo_is_copy: bool
    remarks: tuple[str, ...]
    provider: str
    others: tuple["Other", ...] = ()


@dataclass(frozen=True)
class Other:
    """Somebody else in a photo: their box (x, y, width, height), pixels, and a small picture of them, a PNG's bytes."""

    box: tuple[float, ...]
    picture: bytes


@dataclass(frozen=True)
class EstimatedPeople:
    """The people of one photo, the most prominent first, and remarks on the photo."""

    people: tuple[Estimated, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class MovingPerson:
    """A motion that begins in frame `first` of a clip: smoothed, and as each frame showed it (`raw`, the bytes of its
    npz)."""

    estimate: BodyEstimate
    raw: bytes
    first: int
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class EstimatedMotion:
    """Moving people, at least one. `behind` are the files that may be shown behind them."""

    people: tuple[MovingPerson, ...]
    behind: tuple[Path, ...]
    remarks: tuple[str, ...]
    provider: str


@dataclass(frozen=True)
class EstimatedPictures:
    """A body for each picture that showed one, with the picture's name, and a sentence for each other one."""

    bodies: tuple[tuple[str, Estimated], ...]
    errors: tuple[str, ...]


class Request:
    """Something asked of the worker, and the folder that it writes to. `close` it in any case."""

    def __init__(self, do: str, **fields: object):
        """Raises UserError when the worker cannot be started, or there is no place to write to."""
        try:
            self._folder = TemporaryDirectory(prefix="body_from_image_", dir=bpy.app.tempdir)
        except OSError as error:
            raise UserError(
                f"There is no place for temporary files in {bpy.app.tempdir}: {error.strerror or error}. Free some, or "
                "choose another folder under Preferences ▸ File Paths ▸ Temporary Files."
            ) from error
        try:
            worker.send(do, folder=self._folder.name, **fields)
        except BaseException:
            self._folder.cleanup()
            raise

    def poll(self) -> object | None:
        """What happened since the last time: Progress, Failure, or the result; None for nothing. Returns at once."""
        message = worker.poll()
        return self._load(message.result) if isinstance(message, Answer) else message

    def wait(self) -> object:
        """Block until it is done. Raises UserError when there is no result."""
        return self._load(worker.wait())

    def close(self) -> None:
        """Remove what was written; a request that still runs is ended, and the worker with it."""
        if worker.busy:
            worker.stop()
        self._folder.cleanup()

    def _load(self, result: dict) -> object:
        raise NotImplementedError

    def _estimated(self, picture: dict, provider: str) -> Estimated:
        photo = Path(picture["photo"])
        return Estimated(
            BodyEstimate.load(Path(picture["estimate"])),
            photo,
            photo.parent == Path(self._folder.name),
            tuple(picture["remarks"]),
            provider,
            tuple(
                Other(tuple(other["box"]), Path(other["picture"]).read_bytes()) for other in picture.get("others", [])
            ),
        )


class Estimation(Request):
    """One photo. `poll` and `wait` give `Estimated`."""

    def __init__(self, photo: Path, box: tuple[float, ...] | None, settings: dict[str, object]):
        """`box` is x, y, width, height in pixels; `settings` the fields of `inference.engine.Settings`, which is not
        imported here because it would bring OpenCV into Blender's process."""
        super().__init__("estimate", path=str(photo), box=box, settings=settings)

    def _load(self, result: dict) -> Estimated:
        return self._estimated(result, result["provider"])


class PeopleEstimation(Request):
    """Up to `most` people of one photo, or all of them. `poll` and `wait` give `EstimatedPeople`."""

    def __init__(self, photo: Path, most: int | None, settings: dict[str, object]):
        super().__init__("people", path=str(photo), most=most, settings=settings)

    def _load(self, result: dict) -> EstimatedPeople:
        shared = {"photo": result["photo"]}
        people = [self._estimated(person | shared, result["provider"]) for person in result["people"]]
        return EstimatedPeople(tuple(people), tuple(result["remarks"]))


class MotionEstimation(Request):
    """Moving people in a folder, pictures or a video. `poll` and `wait` give `EstimatedMotion`."""

    def __init__(
        self,
        paths: Sequence[Path],
        box: tuple[float, ...] | None,
        most: int | None,
        settings: dict[str, object],
        options: dict[str, object],
    ):
        """`box` is where the one person is when they first appear; `most` how many people are wanted, None: all;
        `options` the fields of `inference.clip.MotionOptions`."""
        paths = [str(path) for path in paths]
        super().__init__("motion", paths=paths, box=box, most=most, settings=settings, options=options)

    def _load(self, result: dict) -> EstimatedMotion:
        people = [
            MovingPerson(
                BodyEstimate.load(Path(one["estimate"])), Path(one["raw"]).read_bytes(), one["first"],
                tuple(one["remarks"]),
            )
            for one in result["people"]
        ]  # fmt: skip
        return EstimatedMotion(
            tuple(people),
            tuple(Path(file) for file in result["behind"]),
            tuple(result["remarks"]),
            result["provider"],
        )


class PicturesEstimation(Request):
    """A body for each picture. `poll` and `wait` give `EstimatedPictures`."""

    def __init__(self, paths: Sequence[Path], settings: dict[str, object]):
        super().__init__("pictures", paths=[str(path) for path in paths], settings=settings)

    def _load(self, result: dict) -> EstimatedPictures:
        found = [picture for picture in result["pictures"] if "estimate" in picture]
        bodies = [(picture["name"], self._estimated(picture, result["provider"])) for picture in found]
        errors = [picture["error"] for picture in result["pictures"] if "error" in picture]
        return EstimatedPictures(tuple(bodies), tuple(errors))


def shut_down() -> None:
    """End the worker and forget the body model."""
    worker.stop()
    forget_body_model()
