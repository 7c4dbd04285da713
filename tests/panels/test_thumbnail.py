"""The panel's thumbnail is upright, as OpenCV shows the picture; Blender itself ignores EXIF."""

import importlib.util
import struct

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender's bpy is not installed")


@pytest.fixture
def thumbnail():
    from body_from_image.panels import thumbnail

    thumbnail.register()
    yield thumbnail
    thumbnail.unregister()


def write_turned(path, orientation):
    """Four quarters of different colours, with an EXIF tag that says how to turn them."""
    picture = np.zeros((240, 480, 3), np.uint8)
    picture[:120, :240], picture[:120, 240:], picture[120:, :240] = (0, 0, 255), (0, 255, 0), (255, 0, 0)
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_on_its_side_is_turned(thumbnail, tmp_path, orientation):
    photo = tmp_path / "photo.jpg"
    write_turned(photo, orientation)
    thumbnail.file_icon(str(photo))
    (preview,) = thumbnail._icons.values()
    width, height = preview.image_size
    pixels = np.array(preview.image_pixels, np.int32).view(np.uint8).reshape(height, width, 4)
    expected = cv2.resize(cv2.imread(str(photo)), (width, height))
    assert np.abs(pixels[::-1, :, 2::-1].astype(int) - expected).mean() < 4


def test_what_is_no_file_has_no_icon(thumbnail, tmp_path):
    assert thumbnail.file_icon(str(tmp_path / "none.jpg")) == 0
    assert thumbnail.file_icon(str(tmp_path)) == 0
