"""Small pictures of what was chosen, as Blender's preview icons: made in the background, and turned upright."""

import stat
from pathlib import Path

import bpy
import bpy.utils.previews
import numpy as np

from ..inference.files.image_headers import BrokenHeader, read_header

HEAD = 1 << 20
"""Bytes of a file that are read to learn how it is turned: EXIF lies near the beginning."""

MOST_ICONS = 50
"""Pictures that are kept as icons at once."""

_icons: bpy.utils.previews.ImagePreviewCollection | None = None


def register() -> None:
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    global _icons
    bpy.utils.previews.remove(_icons)
    _icons = None


def file_icon(filepath: str) -> int:
    """Number of the icon that shows the picture at `filepath` as it is now; 0 when there is no such file."""
    path = Path(bpy.path.abspath(filepath))
    try:
        status = path.stat()
    except (OSError, ValueError):
        return 0
    if not stat.S_ISREG(status.st_mode):
        return 0
    key = f"{path} {status.st_mtime_ns}"
    if key not in _icons:
        if len(_icons) >= MOST_ICONS:
            _icons.clear()
        preview = _icons.load(key, str(path), "IMAGE")
        orientation = _orientation(path)
        if orientation > 1:
            _turn_upright(preview, orientation)
    return _icons[key].icon_id


def _orientation(path: Path) -> int:
    try:
        with open(path, "rb") as file:
            return read_header(memoryview(file.read(HEAD))).orientation
    except (OSError, BrokenHeader):
        return 1


def _turn_upright(preview: bpy.types.ImagePreview, orientation: int) -> None:
    """Blender ignores EXIF. Asking for the size makes the preview now and not later; only turned photos pay for it."""
    width, height = preview.image_size
    if not width:
        return
    pixels = np.array(preview.image_pixels, np.int32).reshape(height, width)[::-1]
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    preview.image_size = pixels.shape[::-1]
    preview.image_pixels = np.ascontiguousarray(pixels[::-1]).ravel().tolist()
