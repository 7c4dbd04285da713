"""Many pictures in one request to the worker: one moving person, or a body for each picture."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from .clip import MotionOptions, Moving, PersonInClip, estimate_motion, look_at_frames, look_at_people, read_ahead
from .engine import Engine
from .errors import NoPersonError, UserError
from .files.frames import InputItem, open_inputs, timeline, with_neighbours
from .files.images import Photo, upright_file
from .moving_people import estimate_motions
from .preview import Preview
from .remarks import nobody_in_clip

Tell = Callable[..., None]
"""Told how much is done, 0 to 1, what is being done and, of a motion, `Preview.take`."""

MOST_BODIES = 200
"""Bodies of one request; each becomes a character of 6 890 vertices with its own shape keys."""
NOT_AS_STORED = (
    "The pictures are turned in their files, which Blender does not heed, so they are not shown behind the character."
)


def motion_files(
    engine: Engine, paths: Sequence[str], box: np.ndarray | None, folder: Path, options: MotionOptions, tell: Tell,
    most: int | None = 1,
) -> dict:  # fmt: skip
    """Moving people in a folder, numbered pictures, files or a video: the one in `box` or the most prominent, or the
    `most` prominent (None: everybody), those who were seen longest first.

    Writes `raw.npz` and, smoothed, `estimate.npz` of each to `folder`, numbered; `first` is the frame in which they
    come into the clip; `behind` are the files that Blender can show behind the characters. Raises UserError.
    """
    items, unreadable = timeline(open_inputs(with_neighbours(paths))), []
    behind = Behind(items)
    preview = Preview(engine)
    photos = _told(behind.watch(read_ahead(items, unreadable)), len(items), tell, preview)
    if most == 1:
        people = [PersonInClip(0, list(preview.watch(look_at_frames(engine, photos, box))))]
    else:
        people = look_at_people(engine, photos, most, preview.saw)
    if not people:
        raise NoPersonError(nobody_in_clip(len(items), items[0].path))
    refine = engine.settings.refine
    if most == 1:
        motions, remarks = [estimate_motion(engine, people[0].frames, items[0], options, refine)], ()
    else:
        motions, remarks = estimate_motions(engine, people, items[0], options, refine)
    return {
        "people": [
            _files_of(person, moving, number, folder)
            for number, (person, moving) in enumerate(zip(people, motions, strict=True), 1)
        ],
        "behind": [str(file) for file in behind.files],
        "remarks": [*unreadable, *behind.remarks, *remarks],
    }


def _files_of(person: PersonInClip, moving: Moving, number: int, folder: Path) -> dict:
    files = {name: folder / f"{name}_{number}.npz" for name in ("raw", "estimate")}
    moving.raw.save(files["raw"])
    moving.estimate.save(files["estimate"])
    return {name: str(file) for name, file in files.items()} | {
        "first": person.first, "remarks": list(moving.remarks),
    }  # fmt: skip


def _told(photos: Iterable[Photo | None], count: int, tell: Tell, preview: Preview) -> Iterator[Photo | None]:
    """The pictures as they come, each one told of, with what those before it showed."""
    for number, photo in enumerate(photos, 1):
        tell(number / count, f"Frame {number} of {count}", preview.take())
        yield photo
    tell(1.0, "Refining and smoothing", preview.take())


class Behind:
    """Watches the pictures pass, for whether Blender will show them as they were seen here."""

    def __init__(self, items: list[InputItem]):
        self._items, self._as_stored = items, True
        self._first_readable = False

    def watch(self, photos: Iterable[Photo | None]) -> Iterator[Photo | None]:
        for number, photo in enumerate(photos):
            if number == 0:
                self._first_readable = photo is not None
            if photo is not None and self._items[0].video is None:
                self._as_stored &= photo.as_stored
            yield photo

    @property
    def files(self) -> list[Path]:
        """The film, or the pictures in their order; none when they would be seen otherwise than here."""
        video = self._items[0].video
        if not self._first_readable or not self._as_stored or (video and video.turned):
            return []
        return [video.path] if video else [item.path for item in self._items if not item.missing]

    @property
    def remarks(self) -> list[str]:
        return [NOT_AS_STORED] if self._first_readable and not self.files else []


def estimate_pictures(engine: Engine, paths: Sequence[str], folder: Path, tell: Tell) -> dict:
    """A body for each picture, or a sentence that says why there is none. Raises UserError when none gives one."""
    items = open_inputs(paths)
    if len(items) > MOST_BODIES:
        raise UserError(
            f"These are {len(items)} pictures; {MOST_BODIES} characters at once are the most. Choose fewer, or make "
            "one moving character of them."
        )
    pictures = []
    for number, item in enumerate(items, 1):
        tell((number - 1) / len(items), f"Picture {number} of {len(items)}")
        pictures.append({"name": item.name, "file": str(item.path)} | _one_picture(engine, item, folder))
    if not any("estimate" in picture for picture in pictures):
        raise UserError(f"None of the {len(items)} pictures gave a body. {pictures[0]['error']}")
    return {"pictures": pictures}


def _one_picture(engine: Engine, item: InputItem, folder: Path) -> dict:
    try:
        photo = item.read()
        result = engine.estimate(photo)
    except UserError as error:
        return {"error": str(error)}
    file = folder / f"{item.name}.npz"
    result.estimate.save(file)
    return {
        "estimate": str(file),
        "photo": str(upright_file(photo, folder / f"{item.name}.jpg")),
        "remarks": [*([photo.note] if photo.note else []), *result.remarks],
    }
