"""What a picture's first bytes say: its format, its size in pixels, and how it must be turned to stand upright.

Read before anything is decoded, so that a small file which unfolds to gigabytes is refused without unfolding it.
Sources: PNG (W3C 2003, §11), JPEG (ITU-T T.81, annex B), WebP (RFC 9649), TIFF 6.0, BMP (Microsoft's BITMAPINFOHEADER).
"""

import struct
from dataclasses import dataclass, field

from .exif import orientation_of, read_tags

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp"})
RAW_SUFFIXES = frozenset({".dng", ".arw", ".nef", ".cr2", ".cr3", ".raf", ".orf", ".rw2", ".pef", ".srw"})
ISO_PICTURES = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC",
    b"hevm": "HEIC", b"hevs": "HEIC", b"mif1": "HEIC", b"mif2": "HEIC", b"msf1": "HEIC", b"miaf": "HEIC",
    b"avif": "AVIF", b"avis": "AVIF", b"crx ": "raw",
}  # fmt: skip
"""Brands of ISO files (the four letters after `ftyp`) that hold pictures; all others are films."""
MOST_ANAMORPHIC = 2.0
"""Width of a film's pixel over its height, or the other way round; no lens squeezes more, so what says more errs."""
_MAX_SEGMENTS = 200_000
_NEW_SUBFILE_TYPE, _PHOTOMETRIC, _DNG_VERSION = 254, 262, 50706
_SENSOR_PATTERNS = (32803, 34892)
"""Photometric interpretations of a raw photo: a colour filter array, or linear values of one (DNG 1.4)."""
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_EXTRA_SAMPLES, _TIFF_SAMPLE_FORMAT = 256, 257, 258, 338, 339


class BrokenHeader(Exception):
    """The bytes begin like the format they claim, but do not make sense after that, or end too early."""


@dataclass(frozen=True)
class ImageHeader:
    """Size is of the stored pixels, before turning. `tags` are EXIF's (or TIFF's own), empty when there are none."""

    format: str
    width: int
    height: int
    tags: dict[int, tuple] = field(default_factory=dict)
    whole: bool = True
    """False when the end of the file is missing."""
    premultiplied: bool = False
    """True when OpenCV hands the colours over already multiplied by alpha."""
    floating_point: bool = False
    raw: bool = False
    """True for a camera's raw file, of which only a thumbnail could be read."""
    animated: bool = False

    @property
    def orientation(self) -> int:
        return orientation_of(self.tags)


def format_of(start: bytes) -> str | None:
    """Name of the format that the first 16 bytes belong to; None when it is none that people call a picture.

    GIF, HEIC, AVIF and raw files are named, too, so that the refusal can name them; `read_header` does not read them.
    """
    if start[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if start[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[:4] in (b"II*\0", b"MM\0*") and start[8:10] != b"CR":
        return "TIFF"
    if start[:2] == b"BM":
        return "BMP"
    if start[:4] == b"GIF8":
        return "GIF"
    if start[4:8] == b"ftyp":
        return ISO_PICTURES.get(start[8:12])
    if start[:4] in (b"IIU\0", b"IIRO", b"MMOR") or start[:8] == b"FUJIFILM" or start[8:10] == b"CR":
        return "raw"
    return None


def read_header(data: memoryview) -> ImageHeader:
    """Header of a whole file in memory, which must be PNG, JPEG, WebP, TIFF or BMP. Raises BrokenHeader."""
    reader = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "TIFF": _tiff, "BMP": _bmp}[format_of(bytes(data[:16]))]
    try:
        header = reader(data)
    except (struct.error, IndexError) as error:
        raise BrokenHeader from error
    if header.width <= 0 or header.height <= 0:
        raise BrokenHeader
    return header


def _png(data: memoryview) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    tags, animated, position = {}, False, 8
    for _ in range(_MAX_SEGMENTS):
        if position + 12 > len(data):
            return ImageHeader("PNG", width, height, tags, whole=False)
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IEND":
            return ImageHeader("PNG", width, height, tags, animated=animated)
        animated |= kind in (b"acTL", b"fcTL", b"fdAT")
        if kind == b"eXIf":
            tags = read_tags(data[position + 8 : position + 8 + length])
        position += 12 + length
    raise BrokenHeader


def _jpeg(data: memoryview) -> ImageHeader:
    size, tags, position = None, {}, 2
    for _ in range(_MAX_SEGMENTS):
        if data[position] != 0xFF:
            raise BrokenHeader
        marker = data[position + 1]
        if marker == 0xFF:  # padding before a marker
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers that stand alone
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            size = struct.unpack_from(">HH", data, position + 5)
        elif marker == 0xE1 and bytes(data[position + 4 : position + 10]) == b"Exif\0\0":
            tags = tags or read_tags(data[position + 10 : position + 2 + length])
        elif marker == 0xDA:
            if size is None:
                raise BrokenHeader
            # The decoder fills a missing lower part with grey and says nothing, so look for the end-of-image marker.
            whole = bytes(data[position:]).rfind(b"\xff\xd9") >= 0
            return ImageHeader("JPEG", size[1], size[0], tags, whole)
        position += 2 + length
    raise BrokenHeader


def _webp(data: memoryview) -> ImageHeader:
    (riff_size,) = struct.unpack_from("<I", data, 4)
    whole = riff_size + 8 <= len(data)
    kind = bytes(data[12:16])
    if kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        return ImageHeader("WebP", width, height, {}, whole)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return ImageHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, {}, whole)
    if kind != b"VP8X":
        raise BrokenHeader
    width = int.from_bytes(data[24:27], "little") + 1
    height = int.from_bytes(data[27:30], "little") + 1
    animated = bool(data[20] & 0x02)
    tags, position = {}, 12
    for _ in range(_MAX_SEGMENTS):
        if position + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            block = data[position + 8 : position + 8 + length]
            # Some writers keep JPEG's prefix although the format does not ask for it.
            tags = read_tags(block[6:] if bytes(block[:6]) == b"Exif\0\0" else block)
        position += 8 + length + length % 2
    return ImageHeader("WebP", width, height, tags, whole, animated=animated)


def _tiff(data: memoryview) -> ImageHeader:
    tags = read_tags(data)
    if _TIFF_WIDTH not in tags or _TIFF_HEIGHT not in tags:
        raise BrokenHeader
    bits = tags.get(_TIFF_BITS, (1,))[0]
    associated = tags.get(_TIFF_EXTRA_SAMPLES, (0,))[0] == 1
    return ImageHeader(
        "TIFF",
        tags[_TIFF_WIDTH][0],
        tags[_TIFF_HEIGHT][0],
        tags,
        # libtiff multiplies 8-bit colours by their alpha itself; deeper ones come as they are stored.
        premultiplied=bits <= 8 or associated,
        raw=_is_raw(tags),
        floating_point=tags.get(_TIFF_SAMPLE_FORMAT, (1,))[0] == 3 or bits > 16,
    )


def _is_raw(tags: dict[int, tuple]) -> bool:
    """DNG, NEF, ARW and their like are TIFF files whose first page is a thumbnail, or the sensor's own pattern."""
    is_thumbnail = bool(int(tags.get(_NEW_SUBFILE_TYPE, (0,))[0]) & 1)
    return is_thumbnail or _DNG_VERSION in tags or tags.get(_PHOTOMETRIC, (0,))[0] in _SENSOR_PATTERNS


def _bmp(data: memoryview) -> ImageHeader:
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return ImageHeader("BMP", width, abs(height))  # a negative height means that the top row comes first
