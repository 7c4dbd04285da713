"""A picture that is in Blender already, as a file that the worker can read."""

from pathlib import Path

import bpy
import numpy as np

from ..inference.errors import UserError

STILL = ("FILE", "GENERATED")
JPEG_QUALITY = 95


def find_image(name: str) -> bpy.types.Image:
    """The image of this name. Raises UserError when there is none."""
    image = bpy.data.images.get(name)
    if image is None:
        raise UserError(f"There is no image called {name!r} in this file. Choose another one.")
    return image


def file_of(image: bpy.types.Image) -> Path:
    """A file that shows `image` as it is now: its own when nothing was changed since, else a copy in the folder that
    Blender removes when it ends. Raises UserError for something that is not a picture."""
    if image.source not in STILL:
        raise UserError(
            f"{image.name} is not a still picture that is in Blender. Save it to a file (in the Image Editor: Image ▸ "
            "Save As) and choose that."
        )
    own = Path(bpy.path.abspath(image.filepath_from_user(), library=image.library)) if image.filepath else None
    if image.source == "FILE" and not image.is_dirty and not image.packed_file and own:
        return own
    copy = Path(bpy.app.tempdir) / Path(bpy.path.clean_name(Path(image.name).stem)).with_suffix(_suffix(image))
    if image.packed_file and not image.is_dirty:
        copy.write_bytes(image.packed_file.data)
    else:
        _save(image, copy)
    return copy


def _suffix(image: bpy.types.Image) -> str:
    # The engine goes by what the file holds, so a packed file may be called anything.
    return ".packed" if image.packed_file and not image.is_dirty else ".png" if image.channels == 4 else ".jpg"


def _save(image: bpy.types.Image, path: Path) -> None:
    """Write the pixels of a painted, generated or rendered picture; the image itself stays as it is."""
    if not all(image.size):
        raise UserError(f"{image.name} has no pixels. Choose another image.")
    pixels = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    # Image.copy() forgets what was painted, and saving the image itself would tie it to the file.
    copy = bpy.data.images.new(image.name, *image.size, alpha=image.channels == 4, float_buffer=image.is_float)
    try:
        copy.pixels.foreach_set(_four_channels(pixels, image.channels))
        copy.file_format = "PNG" if path.suffix == ".png" else "JPEG"
        copy.save(filepath=str(path), quality=JPEG_QUALITY)
    except RuntimeError as error:
        raise UserError(f"{image.name} could not be written for estimation: {error}.") from error
    finally:
        bpy.data.images.remove(copy)


def _four_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Pixels of 1–4 channels as RGBA, flat: what a new image holds."""
    if channels == 4:
        return pixels
    pixels = pixels.reshape(-1, channels)
    colours = pixels[:, :3] if channels == 3 else np.repeat(pixels[:, :1], 3, axis=1)
    return np.column_stack([colours, np.ones(len(pixels), np.float32)]).ravel()
