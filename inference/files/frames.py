"""From what a user names (pictures, folders of pictures, videos) to single frames, read when they are needed."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from ..errors import UserError
from .image_headers import IMAGE_SUFFIXES, ISO_PICTURES, MOST_ANAMORPHIC, RAW_SUFFIXES
from .images import MAX_PIXELS, MIN_SIDE, Photo, read_image
from .natural_order import natural_order
from .numbered import places_by_number

_UNREADABLE_SUFFIXES = RAW_SUFFIXES | {".gif", ".heic", ".heif", ".hif", ".avif"}
"""Pictures of a folder that may be unreadable are listed all the same, so that they are refused by name, not passed
over; but not beside a readable one of the same name, as cameras write both."""

RATE_TOLERANCE = 0.05
"""Of the frame rate, by which a film's own may differ from its time stamps'."""
UNTOLD_RATE = 30.0
"""Frames a second of films that do not tell."""


@dataclass(frozen=True)
class InputItem:
    """One frame to be estimated.

    `name` is unique among the items of one `open_inputs` and fit for a file name. `frame` counts a video's frames from
    0 and is None for pictures; `fps` is the video's frames a second, 0 for pictures. `missing` stands for a moment of
    which there is no picture (see `timeline`).
    """

    name: str
    path: Path
    frame: int | None = None
    fps: float = 0.0
    video: "Video | None" = field(default=None, repr=False, compare=False)
    fault: str = ""
    """Why it cannot be read, where that is known before."""
    missing: bool = False

    def read(self) -> Photo:
        """The upright picture. A video's frames are fastest in order, but any order will do. Raises UserError."""
        if self.fault:
            raise UserError(self.fault)
        if self.missing:
            raise UserError(f"There is no picture after {self.path.name} for {self.name}.")
        if self.video is None:
            return read_image(self.path)
        return self.video.read(self.frame)


def open_inputs(paths: Iterable[Path | str]) -> list[InputItem]:
    """Expand pictures, folders and videos into frames, in the order given; folders in natural order (2 before 10).

    Folders are not searched deeper, and only their pictures are taken. A file is a video when its content begins like
    one, whatever it is called, and a picture otherwise; what a picture is made of shows when it is read. Items that
    would have the same name get a number: a, a_2, a_3. A missing path, a folder without pictures and a video that
    cannot be decoded are an item with a fault, so that the others are read. Raises UserError when nothing else is left.
    """
    items, taken = [], set()
    for path in map(Path, paths):
        try:
            expanded = _expand(path)
        except UserError as error:
            expanded = [InputItem(path.stem or path.name, path, fault=str(error))]
        for item in expanded:
            name = _unused(item.name, taken)
            taken.add(name.casefold())  # some file systems do not tell A from a
            items.append(replace(item, name=name))
    if items and all(item.fault for item in items):
        raise UserError(items[0].fault)
    return items


def with_neighbours(paths: Iterable[Path | str]) -> list[Path]:
    """The same paths; but of a single numbered picture, such as name_0001.png, the whole sequence: all pictures beside
    it whose names differ in the last number only, by that number."""
    paths = [Path(path) for path in paths]
    numbered = re.fullmatch(r"(.*?)(\d+)", paths[0].stem) if len(paths) == 1 else None
    if not numbered or not paths[0].is_file() or paths[0].suffix.lower() not in IMAGE_SUFFIXES:
        return paths
    alike = re.compile(re.escape(numbered[1]) + r"\d+" + re.escape(paths[0].suffix))
    try:
        sequence = [path for path in paths[0].parent.iterdir() if alike.fullmatch(path.name) and path.is_file()]
    except OSError as error:
        raise UserError(f"{paths[0].parent} could not be read: {error.strerror or error}.") from error
    return sorted(sequence, key=natural_order)


def timeline(items: Sequence[InputItem], rate: float = 0.0) -> list[InputItem]:
    """The frames of one motion at even distances in time, with `missing` ones where there is none.

    A film's frames are taken by their own time stamps, at `rate` a second or, if that is 0, as often as most of them
    follow each other. Pictures whose names differ in their last number only are as far apart as their numbers are.
    """
    if len(items) > 1 and items[0].video is not None and all(item.video is items[0].video for item in items):
        return _film_timeline(items, rate)
    pictures = [item.path for item in items if item.video is None]
    places = places_by_number(pictures) if len(pictures) == len(items) else None
    return list(items) if places is None else _spread(items, places)


def _film_timeline(items: Sequence[InputItem], rate: float) -> list[InputItem]:
    video = items[0].video
    times = video.times[[item.frame for item in items]]
    own = 1 / np.median(np.diff(times))
    # Time stamps are rounded, to milliseconds often, so a rate that the file tells is believed when it is about theirs.
    rate = rate or (video.fps if abs(video.fps / own - 1) < RATE_TOLERANCE else own)
    ticks = np.round((times - times[0]) * rate).astype(int)
    nearest = np.abs((times - times[0]) * rate - ticks)
    kept = [min(np.flatnonzero(ticks == tick), key=nearest.item) for tick in np.unique(ticks)]
    even = _spread([items[place] for place in kept], ticks[kept])
    return [replace(item, fps=float(rate)) for item in even]


def _spread(items: Sequence[InputItem], places: np.ndarray) -> list[InputItem]:
    """Items at their places, which grow, with `missing` ones between."""
    spread = []
    for item, place in zip(items, places, strict=True):
        while len(spread) < place:
            spread.append(replace(spread[-1], name=f"{items[0].name}+{len(spread)}", missing=True))
        spread.append(item)
    return spread


def _expand(path: Path) -> list[InputItem]:
    try:
        if path.is_dir():
            return [InputItem(picture.stem, picture) for picture in _pictures_of(path)]
        if not path.exists():
            raise UserError(f"{path} does not exist. Check the name and the folder.")
        if path.is_file() and _begins_like_video(path):
            return _frames_of(path)
    except OSError as error:
        raise UserError(f"{path} could not be opened: {error.strerror or error}.") from error
    return [InputItem(path.stem, path)]


def _pictures_of(folder: Path) -> list[Path]:
    visible = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    pictures = [path for path in visible if path.suffix.lower() in IMAGE_SUFFIXES]
    stems = {path.stem.casefold() for path in pictures}
    pictures += [
        path for path in visible
        if path.suffix.lower() in _UNREADABLE_SUFFIXES and path.stem.casefold() not in stems
    ]  # fmt: skip
    if not pictures:
        raise UserError(f"The folder {folder} holds no pictures (PNG, JPEG, WebP, TIFF or BMP).")
    return sorted(pictures, key=natural_order)


def _unused(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def _begins_like_video(path: Path) -> bool:
    """Known containers by their first bytes: MP4/MOV, Matroska/WebM, AVI, MPEG, WMV, FLV.

    Only these are handed to FFmpeg, which would otherwise also follow play lists to wherever they point.
    """
    with open(path, "rb") as file:
        start = file.read(189)
    if start[4:8] == b"ftyp":
        return start[8:12] not in ISO_PICTURES
    return (
        start[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip")
        or start[:4] in (b"\x1a\x45\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"\x30\x26\xb2\x75", b"FLV\1")
        or (start[:4] == b"RIFF" and start[8:12] == b"AVI ")
        or (start[:1] == b"\x47" and start[188:189] == b"\x47")
    )


def _frames_of(path: Path) -> list[InputItem]:
    video = Video(path)
    digits = max(4, len(str(video.frame_count - 1)))
    return [
        InputItem(f"{path.stem}_{frame:0{digits}}", path, frame, video.fps, video) for frame in range(video.frame_count)
    ]


class Video:
    """A video file whose frames are decoded one after the other, upright as its rotation metadata says, and with square
    pixels, whatever they are in the file (`size`). `turned` tells whether they lie otherwise in the file."""

    def __init__(self, path: Path):
        """Opens the file and counts its frames. Raises UserError when there is none that can be decoded."""
        self.path = path
        self._capture = None
        self._next = 0
        self._open()
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.turned = bool(self._capture.get(cv2.CAP_PROP_ORIENTATION_META) % 360)
        self.size = width, height = self._square_size()
        if min(width, height) < MIN_SIDE or width * height > MAX_PIXELS:
            raise UserError(f"{path} has frames of {width}×{height} pixels, which is too small or too large.")
        # Containers guess at the number of frames, so they are counted; that costs a few per cent of estimating them.
        times = []
        while self._capture.grab():
            times.append(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
        self.frame_count = len(times)
        if self.frame_count == 0:
            raise self._unreadable()
        self.times = np.array(times)
        """(F,) seconds, by the file's time stamps where it has any."""
        if (np.diff(times) <= 0).any():
            self.times = np.arange(self.frame_count) / (self.fps or UNTOLD_RATE)
        self._close()

    def read(self, frame: int) -> Photo:
        """Decode one frame, 0 the first; going back starts again from the beginning. Raises UserError."""
        if self._capture is None or frame < self._next:
            self._open()
        while self._next < frame and self._capture.grab():
            self._next += 1
        decoded, pixels = self._capture.read()
        if not decoded:
            raise UserError(f"Frame {frame} of {self.path} could not be decoded.")
        self._next += 1
        if self._next == self.frame_count:
            self._close()
        if pixels.shape[1::-1] != self.size:
            pixels = cv2.resize(pixels, self.size, interpolation=cv2.INTER_LINEAR)
        return Photo(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), None, self.path, as_stored=False)

    def _open(self) -> None:
        # FFmpeg writes a line a frame to stderr for films that it decodes slowly (AV1), or not.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        # An absolute path cannot be taken for a protocol ("concat:…"); other backends would take it for a pattern.
        self._capture = cv2.VideoCapture(str(self.path.resolve()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise self._unreadable()
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        self._next = 0

    def _square_size(self) -> tuple[int, int]:
        """Width and height of the upright frames with square pixels: the longer side of a pixel stays a pixel.

        Anamorphic lenses, DV and HDV store pixels that are to be shown wider or narrower than high (SAR). OpenCV turns
        frames, but does not stretch them, and the aspect that it tells is that of the frame before it was turned.
        """
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        wide, high = (self._capture.get(side) for side in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
        aspect = wide / high if wide > 0 and high > 0 else 1.0
        if not 1 / MOST_ANAMORPHIC <= aspect <= MOST_ANAMORPHIC:
            return width, height
        if self._capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180:
            aspect = 1 / aspect
        return round(width * max(aspect, 1)), round(height * max(1 / aspect, 1))

    def _close(self) -> None:
        self._capture.release()
        self._capture = None

    def _unreadable(self) -> UserError:
        return UserError(
            f"{self.path} could not be decoded as a video: it is damaged, or coded in a way not known here. "
            "Convert it to MP4 (H.264) and try again."
        )
