"""HEIC pictures, as iPhones take them: read where the library `pillow-heif` is installed, which we do not bring along.

It carries decoders of H.265 under the LGPL, 5 MB for each system, so that is left to those who want it.
"""

from pathlib import Path

import numpy as np

from ..errors import UserError
from .exif import focal_length_pixels, read_tags

ADVICE = (
    'Install its reader (pip install "body-from-image[heic]"; for Blender into the External Python of the preferences) '
    "or convert it: on an iPhone choose Settings ▸ Camera ▸ Formats ▸ Most Compatible for photos to come; on a Mac "
    "choose File ▸ Export in Preview; elsewhere run heif-convert photo.heic photo.jpg."
)


def read_heif(path: Path, most_pixels: int) -> tuple[np.ndarray, float | None]:
    """Upright pixels (H, W, 3) uint8 RGB, and the focal length in pixels where EXIF tells. Raises UserError without
    the library, for pictures of more than `most_pixels`, and for what cannot be decoded."""
    try:
        import pillow_heif
    except ImportError:
        raise UserError(f"{path} is a HEIC picture. {ADVICE}") from None
    try:
        picture = pillow_heif.open_heif(path, convert_hdr_to_8bit=True)
        width, height = picture.size
        if width * height > most_pixels:
            raise UserError(f"{path} has {width}×{height} pixels, more than the {most_pixels // 1_000_000} megapixels "
                            "that a HEIC picture may have here. Make it smaller and try again.")  # fmt: skip
        tags = read_tags(_exif_block(picture.info.get("exif")))
        pixels = np.asarray(picture)
    except UserError:
        raise
    except Exception as error:  # libheif can fail in any way at all
        raise UserError(f"{path} is a HEIC picture that is damaged or of a kind not known here. {ADVICE}") from error
    # The container's own turn was applied; EXIF's orientation tells of the same one and would turn it twice.
    if pixels.ndim == 2:
        pixels = pixels[..., None].repeat(3, axis=2)
    return np.ascontiguousarray(pixels[..., :3]), focal_length_pixels(tags, width, height)


def _exif_block(exif: bytes | None) -> memoryview:
    """From the TIFF header on."""
    data = exif or b""
    start = data.find(b"Exif\0\0")
    return memoryview(data[start + 6 :] if start >= 0 else data)
