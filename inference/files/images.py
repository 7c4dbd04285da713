"""Reading a photo from a file: upright 8-bit RGB, and the focal length when the camera wrote it down."""

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import UserError
from .destination import replacing
from .exif import focal_length_pixels
from .heif import read_heif
from .image_headers import RAW_SUFFIXES, BrokenHeader, ImageHeader, format_of, read_header

MIN_SIDE = 16
MAX_PIXELS = 60_000_000
"""Pictures above this are read at 1/2, 1/4 or 1/8 of their size (JPEG) or refused (the others)."""
MAX_JPEG_PIXELS = 300_000_000
MAX_BYTES = 500_000_000
BACKDROP = 128
"""Transparent parts are laid over this grey: the middle of the range, so that neither black hair nor white clothes melt
into it."""


@dataclass(frozen=True)
class Photo:
    """A picture as a person sees it.

    `pixels` (H, W, 3) uint8 RGB, upright. `focal` is in pixels of `pixels`, None when the file does not tell. `note` is
    a sentence for the user when something was done to the picture that they would want to know. `as_stored` is False
    when the file itself does not show these pixels: it lies on its side, was read smaller, or is a video.
    """

    pixels: np.ndarray
    focal: float | None
    path: Path
    note: str | None = None
    as_stored: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_image(path: Path | str) -> Photo:
    """Read PNG, JPEG, WebP, TIFF or BMP: 8 or 16 bits, grey, palette, alpha or CMYK, turned as EXIF says; and HEIC
    where `heif` can.

    Of a TIFF with several pages the first is read; animations are refused. Colour profiles are not applied. Raises
    UserError, naming the file, for everything that cannot be read.
    """
    path = Path(path)
    data = _read_bytes(path)
    if format_of(bytes(data[:16])) == "HEIC":
        pixels, focal = read_heif(path, MAX_PIXELS)
        return Photo(pixels, focal, path, as_stored=False)  # Blender does not read it
    try:
        header = read_header(memoryview(data))
    except BrokenHeader:
        raise UserError(f"{path} is damaged: it begins like a picture, but makes no sense. {_SAVE_AGAIN}") from None
    _check(path, header)
    shrink = _shrink_factor(header)
    pixels = _decode(path, data, header, shrink)
    height, width = pixels.shape[:2]
    note = None
    if shrink > 1:
        note = f"{path.name} has {header.width}×{header.height} pixels; it was read at {width}×{height}."
    as_stored = shrink == 1 and header.orientation <= 1
    return Photo(pixels, focal_length_pixels(header.tags, width, height), path, note, as_stored)


def upright_file(photo: Photo, copy: Path) -> Path:
    """A file that shows the photo upright to programs that ignore EXIF, as Blender does: the photo's own when it does,
    else `copy`, which is written. Raises UserError when it cannot be."""
    if photo.as_stored:
        return photo.path
    write_picture(copy, photo.pixels)
    return copy


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB or (H, W) uint8 as the kind of picture `path` is named. Raises UserError."""
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    with replacing(path) as unfinished:
        unfinished.write_bytes(cv2.imencode(path.suffix, colours)[1].tobytes())


_SAVE_AGAIN = "Copy it again from where it came from, or open it in an image editor and save it as PNG or JPEG."


def _read_bytes(path: Path) -> np.ndarray:
    """The file's bytes; refuses what is surely no picture before reading all of it."""
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder, not a picture.")
        if not path.exists():
            raise UserError(f"{path} does not exist. Check the name and the folder.")
        if not path.is_file():
            raise UserError(f"{path} is not an ordinary file. Save the picture to a file first.")
        # Not cv2.imread: on Windows it cannot open names outside the system's code page.
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(16)
            _check_format(path, start)
            if size > MAX_BYTES:
                raise UserError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB. Save it smaller, or as JPEG.")
            file.seek(0)
            return np.fromfile(file, np.uint8)
    except OSError as error:
        raise UserError(f"{path} could not be opened: {error.strerror or error}.") from error


def _check_format(path: Path, start: bytes) -> None:
    if not start:
        raise UserError(f"{path} is empty (0 bytes). Copy it again from where it came from.")
    kind = format_of(start)
    if kind is None:
        raise UserError(f"{path} is not a picture that can be read here: PNG, JPEG, WebP, TIFF or BMP.")
    if kind == "raw" or (kind == "TIFF" and path.suffix.lower() in RAW_SUFFIXES):
        raise UserError(f"{path} {_IS_RAW}")
    if kind == "GIF":
        raise UserError(
            f"{path} is a GIF, which is not read here. Save a still picture as PNG; make a film of an animation "
            f"(ffmpeg -i {path.name} {path.stem}.mp4) and give that."
        )
    if kind == "AVIF":
        raise UserError(f"{path} is an AVIF picture, which is not read here. Save it as JPEG or PNG and try again.")


_IS_RAW = (
    "is a camera's raw file, of which only a thumbnail could be read. Develop it in the camera's program, darktable or "
    "RawTherapee, export it as JPEG or TIFF, and give that."
)


def _check(path: Path, header: ImageHeader) -> None:
    if header.raw:
        raise UserError(f"{path} {_IS_RAW}")
    size = f"{header.width}×{header.height} pixels"
    if not header.whole:
        raise UserError(f"{path} is cut short: its end is missing. Copy it again from where it came from.")
    if header.animated:
        # Refused for safety, too: OpenCV 4.11 crashes the process on damaged animated PNG and WebP files.
        raise UserError(f"{path} is an animation. Save the frame you want as PNG or JPEG and try again.")
    if header.floating_point:
        raise UserError(f"{path} has more than 16 bits a channel. Save it with 8 or 16 bits and try again.")
    if min(header.width, header.height) < MIN_SIDE:
        raise UserError(f"{path} has only {size}; both sides must be at least {MIN_SIDE}. Use a larger picture.")
    limit = MAX_JPEG_PIXELS if header.format == "JPEG" else MAX_PIXELS
    if header.width * header.height > limit:
        raise UserError(
            f"{path} has {size}, more than the {limit // 1_000_000} megapixels that a {header.format} may have here. "
            "Make it smaller (2000 pixels on the long side are plenty) and try again."
        )


def _shrink_factor(header: ImageHeader) -> int:
    for factor in (1, 2, 4):
        if header.width * header.height <= MAX_PIXELS * factor**2:
            return factor
    return 8


_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def _decode(path: Path, data: np.ndarray, header: ImageHeader, shrink: int) -> np.ndarray:
    if shrink > 1:
        flags = _REDUCED[shrink] | cv2.IMREAD_IGNORE_ORIENTATION
    elif header.format == "JPEG":
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION  # converts grey and CMYK on its way
    else:
        flags = cv2.IMREAD_UNCHANGED
    try:
        decoded = cv2.imdecode(data, flags)
    except (cv2.error, MemoryError):
        decoded = None
    if decoded is None or decoded.size == 0:
        raise UserError(f"{path} is damaged and could not be decoded. {_SAVE_AGAIN}")
    if decoded.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{path} has samples of an unusual kind. Save it with 8 or 16 bits a channel and try again.")
    pixels = _to_rgb(decoded, header.premultiplied)
    # libtiff's orientation is applied by OpenCV whatever the flags; the other formats' never, as the flags ask.
    return pixels if header.format == "TIFF" else _turn_upright(pixels, header.orientation)


def _to_rgb(decoded: np.ndarray, premultiplied: bool) -> np.ndarray:
    """OpenCV's grey, BGR or BGRA of 8 or 16 bits as (H, W, 3) uint8 RGB, alpha laid over `BACKDROP`."""
    if decoded.dtype == np.uint16:
        decoded = cv2.convertScaleAbs(decoded, alpha=1 / 257)
    if decoded.ndim == 2:
        return cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB)
    if decoded.shape[2] == 3:
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    colours, alpha = cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGB), decoded[..., 3]
    if alpha.min() == 255:
        return colours
    opacity = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    if not premultiplied:
        colours = cv2.multiply(colours, opacity, scale=1 / 255)
    backdrop = cv2.convertScaleAbs(255 - opacity, alpha=BACKDROP / 255)
    return cv2.add(colours, backdrop)


def _turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo EXIF's orientation: transpose for 5–8, then mirror."""
    if orientation >= 5:
        pixels = cv2.transpose(pixels)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else cv2.flip(pixels, flip)
