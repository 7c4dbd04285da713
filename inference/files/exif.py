"""EXIF: the small part of TIFF's tag structure that says how a picture is turned and through what lens it was seen.

OpenCV gives neither. A TIFF file is the same structure, so `image_headers` reads its size here too.
"""

import math
import struct

ORIENTATION = 0x0112
EXIF_POINTER = 0x8769
FOCAL_LENGTH = 0x920A
PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION = 0xA002, 0xA003
FOCAL_PLANE_X_RESOLUTION, FOCAL_PLANE_RESOLUTION_UNIT = 0xA20E, 0xA210
FOCAL_LENGTH_35MM = 0xA405

_TYPES = {1: "B", 2: "c", 3: "H", 4: "I", 5: "II", 6: "b", 7: "c", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d"}
_MAX_ENTRIES = 512
_MAX_VALUES = 16
_MILLIMETRES = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
_FILM_DIAGONAL = math.hypot(36, 24)


def read_tags(block: memoryview) -> dict[int, tuple]:
    """Tags of the first directory and of the EXIF directory it points to, from a block that starts with a TIFF header.

    Values are tuples of numbers, at most the first sixteen (rationals as floats); text and opaque values are left out.
    Never raises: whatever is broken or points outside the block is left out, as a photo with a broken EXIF block is
    still a photo.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None or len(block) < 8:
        return {}
    tags = _read_directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
    pointer = tags.get(EXIF_POINTER)
    if pointer:
        tags = {**_read_directory(block, order, int(pointer[0])), **tags}
    return tags


def _read_directory(block: memoryview, order: str, offset: int) -> dict[int, tuple]:
    tags = {}
    try:
        (entries,) = struct.unpack_from(order + "H", block, offset)
        for entry in range(min(entries, _MAX_ENTRIES)):
            position = offset + 2 + 12 * entry
            tag, kind, count = struct.unpack_from(order + "HHI", block, position)
            code = _TYPES.get(kind)
            if code is None or code == "c" or count == 0:
                continue
            if struct.calcsize("<" + code) * count > 4:
                (value_at,) = struct.unpack_from(order + "I", block, position + 8)
            else:
                value_at = position + 8
            values = _read_values(block, order + code * min(count, _MAX_VALUES), value_at)
            if values is not None:
                tags[tag] = _as_ratios(values) if len(code) == 2 else values
    except struct.error:
        pass  # the directory runs past the end of the block: keep what came before
    return tags


def _read_values(block: memoryview, layout: str, offset: int) -> tuple | None:
    try:
        return struct.unpack_from(layout, block, offset)
    except struct.error:
        return None


def _as_ratios(values: tuple) -> tuple:
    return tuple(top / bottom if bottom else 0.0 for top, bottom in zip(values[::2], values[1::2], strict=True))


def orientation_of(tags: dict[int, tuple]) -> int:
    """How the stored pixels must be turned to stand upright, 1–8; 1 (not at all) when nothing valid is said."""
    value = tags.get(ORIENTATION, (1,))[0]
    return int(value) if value in range(1, 9) else 1


def focal_length_pixels(tags: dict[int, tuple], width: int, height: int) -> float | None:
    """The focal length in pixels of a picture of width × height pixels, or None when EXIF does not tell.

    FocalLengthIn35mmFilm is preferred and compared by the diagonal (CIPA DC-008), which holds for the 4:3 sensors of
    phones where comparing widths is 4 % off; FocalLength with the pitch of the sensor's pixels comes second. A picture
    whose shape is not the one recorded at capture was cropped by an unknown amount, so its focal length is not known;
    neither is one that gives a field of view outside 5–150° along the long side.
    """
    long_side, short_side = max(width, height), min(width, height)
    recorded = sorted(tags.get(tag, (0,))[0] for tag in (PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION))
    if recorded[0] > 0 and abs(recorded[1] / recorded[0] - long_side / short_side) > 0.02 * long_side / short_side:
        return None
    film = tags.get(FOCAL_LENGTH_35MM, (0,))[0]
    if film > 0:
        focal = film / _FILM_DIAGONAL * math.hypot(width, height)
    else:
        pitch = tags.get(FOCAL_PLANE_X_RESOLUTION, (0.0,))[0]
        millimetres = _MILLIMETRES.get(tags.get(FOCAL_PLANE_RESOLUTION_UNIT, (2,))[0], 25.4)
        scale = long_side / recorded[1] if recorded[1] > 0 else 1.0
        focal = tags.get(FOCAL_LENGTH, (0.0,))[0] * pitch / millimetres * scale
    if not focal > 0 or not math.isfinite(focal):
        return None
    field_of_view = math.degrees(2 * math.atan(long_side / (2 * focal)))
    return focal if 5 <= field_of_view <= 150 else None
