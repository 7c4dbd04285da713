"""Files as phones and cameras write them: read, or told apart and refused with what to do."""

import sys

import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.frames import open_inputs
from body_from_image.inference.files.images import read_image
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

WIDTH, HEIGHT = 64, 48
DNG = b"\1\4\0\0"


def colourful():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x * 4, y * 5, np.full_like(x, 60)], -1).astype(np.uint8)


def refusal_of(path):
    with pytest.raises(UserError) as refusal:
        read_image(path)
    assert str(path) in str(refusal.value)
    return str(refusal.value)


def iso_file(path, brand):
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(200))
    return path


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"])
def test_heic_without_its_reader_says_how_to_convert(tmp_path, monkeypatch, brand):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = iso_file(tmp_path / "photo.heic", brand)
    (item,) = open_inputs([path])
    assert item.video is None, "it is no film"
    said = refusal_of(path)
    assert "Most Compatible" in said and "heif-convert" in said and "[heic]" in said


def test_heic_is_read_where_its_reader_is(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="reads HEIC")
    exif = Image.Exif()
    exif[0x0112] = 6  # of the sensor; the container turns by itself
    exif.get_ifd(0x8769)[0xA405] = 26
    heif = pillow_heif.from_pillow(Image.fromarray(colourful()))
    heif.info["exif"] = exif.tobytes()
    heif.save(tmp_path / "photo.HEIC", quality=95)
    photo = read_image(tmp_path / "photo.HEIC")
    turned = np.rot90(colourful(), -1)
    assert photo.size in ((WIDTH, HEIGHT), (HEIGHT, WIDTH)) and not photo.as_stored
    expected = turned if photo.size == (HEIGHT, WIDTH) else colourful()
    assert np.abs(photo.pixels.astype(int) - expected).mean() < 6
    assert photo.focal == pytest.approx(26 / np.hypot(36, 24) * np.hypot(WIDTH, HEIGHT))


def test_a_damaged_heic_is_refused(tmp_path):
    pytest.importorskip("pillow_heif", reason="reads HEIC")
    assert "damaged" in refusal_of(iso_file(tmp_path / "photo.heic", b"heic"))


def raw_file(path, tags):
    """A TIFF as raw files begin: a small picture that any reader takes for the photo."""
    directory = ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory[tag] = value
    Image.fromarray(colourful()).save(path, "TIFF", tiffinfo=directory)
    return path


@pytest.mark.parametrize(
    ("name", "tags"),
    [("a.dng", {50706: DNG}), ("b.tif", {50706: DNG}), ("c.tif", {254: 1}), ("d.nef", {}), ("e.ARW", {})],
)
def test_raw_photos_are_not_taken_for_their_thumbnails(tmp_path, name, tags):
    assert "raw file" in refusal_of(raw_file(tmp_path / name, tags))


@pytest.mark.parametrize(
    "start", [b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", b"II*\0\x10\0\0\0CR\2\0", b"FUJIFILMCCD-RAW ", b"IIRO\x08\0\0\0"]
)
def test_raw_containers_are_neither_pictures_nor_films(tmp_path, start):
    path = tmp_path / "photo.bin"
    path.write_bytes(start + bytes(300))
    (item,) = open_inputs([path])
    assert item.video is None
    assert "raw file" in refusal_of(path)


def test_an_ordinary_tiff_is_read(tmp_path):
    np.testing.assert_array_equal(read_image(raw_file(tmp_path / "scan.tif", {})).pixels, colourful())


def test_a_gif_is_told_how_it_becomes_a_film(tmp_path):
    Image.fromarray(colourful()).save(tmp_path / "wave.gif")
    assert "ffmpeg -i wave.gif wave.mp4" in refusal_of(tmp_path / "wave.gif")


def test_raw_beside_its_jpeg_is_not_listed(tmp_path):
    for name in ("one.jpg", "ONE.NEF", "two.heic", "three.dng", "three.tif"):
        (tmp_path / name).write_bytes(b"x")
    assert sorted(item.path.name for item in open_inputs([tmp_path])) == ["one.jpg", "three.tif", "two.heic"]
