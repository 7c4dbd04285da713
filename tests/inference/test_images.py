"""Pictures are written by Pillow, or byte by byte from the specifications, and read by `read_image`."""

import io
import math
import resource
import struct
import time
import zlib

import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.images import BACKDROP, MAX_PIXELS, read_image
from PIL import Image

HEIGHT, WIDTH = 60, 80


def colourful(height=HEIGHT, width=WIDTH, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def encode(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def read(tmp_path, data, name="picture.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    return read_image(path)


def turned_as_stored(pixels, orientation):
    """What a file stores so that it shows `pixels` when turned as EXIF's `orientation` says (EXIF 2.32, 4.6.4)."""
    return {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: np.rot90(a, 2),
        4: lambda a: a[::-1],
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](pixels)


def tiff_bytes(pixels, orientation=1, extra_samples=None):
    """An uncompressed little-endian TIFF of (H, W) or (H, W, C) uint8 or uint16, written from TIFF 6.0."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    body = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    body += b"\0" * (len(body) % 2)
    tags = [
        (256, "I", [width]), (257, "I", [height]), (258, "H", [8 * pixels.itemsize] * channels), (259, "H", [1]),
        (262, "H", [1 if channels == 1 else 2]), (273, "I", [8]), (274, "H", [orientation]), (277, "H", [channels]),
        (278, "I", [height]), (279, "I", [len(body)]), (284, "H", [1]),
    ]  # fmt: skip
    if extra_samples is not None:
        tags.append((338, "H", [extra_samples]))
    directory, overflow = struct.pack("<H", len(tags)), b""
    overflow_at = 8 + len(body) + 2 + 12 * len(tags) + 4
    for tag, code, values in tags:
        raw = struct.pack(f"<{len(values)}{code}", *values)
        if len(raw) > 4:
            pointer = overflow_at + len(overflow)
            overflow += raw
            raw = struct.pack("<I", pointer)
        directory += struct.pack("<HHI", tag, {"H": 3, "I": 4}[code], len(values)) + raw.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + b"\0" * 4 + overflow


def png_bytes(width, height, bits, colour_type, rows):
    """A PNG from its raw rows (each led by its filter byte), written from the W3C recommendation."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def exif_of(orientation=None, focal_35mm=None, focal=None, plane=None, recorded=None):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    details = exif.get_ifd(0x8769)
    plane, recorded = plane or (None, None), recorded or (None, None)
    values = {0xA405: focal_35mm, 0x920A: focal, 0xA20E: plane[0], 0xA210: plane[1]}
    values |= {0xA002: recorded[0], 0xA003: recorded[1]}
    for tag, value in values.items():
        if value is not None:
            details[tag] = value
    return exif


PLAIN = {
    "png": ("RGB", "PNG", {}),
    "grey png": ("L", "PNG", {}),
    "palette png": ("P", "PNG", {}),
    "1-bit png": ("1", "PNG", {}),
    "jpeg": ("RGB", "JPEG", {"quality": 95}),
    "progressive jpeg": ("RGB", "JPEG", {"progressive": True}),
    "grey jpeg": ("L", "JPEG", {}),
    "cmyk jpeg": ("CMYK", "JPEG", {"quality": 95}),
    "webp": ("RGB", "WEBP", {}),
    "lossless webp": ("RGB", "WEBP", {"lossless": True}),
    "tiff": ("RGB", "TIFF", {}),
    "lzw tiff": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "jpeg tiff": ("RGB", "TIFF", {"compression": "jpeg"}),
    "fax tiff": ("1", "TIFF", {"compression": "group4"}),
    "palette tiff": ("P", "TIFF", {}),
    "cmyk tiff": ("CMYK", "TIFF", {}),
    "bmp": ("RGB", "BMP", {}),
    "grey bmp": ("L", "BMP", {}),
    "palette bmp": ("P", "BMP", {}),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_reads_what_pillow_reads(tmp_path, kind):
    mode, format, options = PLAIN[kind]
    data = encode(Image.fromarray(colourful()).convert(mode), format, **options)
    photo = read(tmp_path, data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.flags.c_contiguous
    assert photo.size == (WIDTH, HEIGHT)
    assert np.abs(photo.pixels.astype(int) - expected).max() <= 1
    assert photo.focal is None and photo.note is None


def test_16_bits_are_scaled_to_8(tmp_path):
    deep = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
    expected = np.round(deep / 257).astype(int)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    for data in (tiff_bytes(deep), png_bytes(WIDTH, HEIGHT, 16, 2, rows)):
        assert np.abs(read(tmp_path, data).pixels - expected).max() <= 1
    grey = read(tmp_path, tiff_bytes(deep[..., 0])).pixels
    assert np.abs(grey - expected[..., :1]).max() <= 1


def over_backdrop(colours, alpha):
    return colours * alpha[..., None] + BACKDROP * (1 - alpha[..., None])


def test_alpha_is_laid_over_grey(tmp_path):
    colours = colourful()
    alpha = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    image = Image.fromarray(np.dstack([colours, alpha]))
    expected = over_backdrop(colours, alpha / 255)
    for data in (encode(image, "PNG"), encode(image, "WEBP", lossless=True, exact=True), encode(image, "TIFF")):
        assert np.abs(read(tmp_path, data).pixels - expected).max() <= 2
    grey = image.convert("LA")
    expected = over_backdrop(np.asarray(grey.convert("L"))[..., None], alpha / 255)
    assert np.abs(read(tmp_path, encode(grey, "PNG")).pixels - expected).max() <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("associated", [True, False])
def test_tiff_alpha_of_both_kinds(tmp_path, dtype, associated):
    alpha = np.tile(np.linspace(0, 1, WIDTH), (HEIGHT, 1))
    colours = colourful() / 255
    stored = colours * alpha[..., None] if associated else colours
    stored = np.round(np.dstack([stored, alpha]) * np.iinfo(dtype).max).astype(dtype)
    photo = read(tmp_path, tiff_bytes(stored, extra_samples=1 if associated else 2))
    assert np.abs(photo.pixels - over_backdrop(colours * 255, alpha)).max() <= 2


def test_transparent_palette_png(tmp_path):
    image = Image.fromarray(colourful()).convert("P")
    photo = read(tmp_path, encode(image, "PNG", transparency=int(image.getpixel((5, 5)))))
    assert tuple(photo.pixels[5, 5]) == (BACKDROP,) * 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_pictures_stand_upright(tmp_path, format, orientation):
    upright = colourful()
    stored = np.ascontiguousarray(turned_as_stored(upright, orientation))
    if format == "TIFF":
        data = tiff_bytes(stored, orientation)
    else:
        options = {"PNG": {}, "JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}[format]
        data = encode(Image.fromarray(stored), format, exif=exif_of(orientation), **options)
    photo = read(tmp_path, data)
    assert photo.size == (WIDTH, HEIGHT)
    assert np.abs(photo.pixels.astype(int) - upright).mean() < 2


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_focal_length_from_35mm_equivalent(tmp_path, format):
    exif = exif_of(orientation=6, focal_35mm=28, recorded=(4032, 3024))
    photo = read(tmp_path, encode(Image.fromarray(colourful()), format, exif=exif))
    assert photo.size == (HEIGHT, WIDTH)
    # By the diagonals: 28 mm on 43.27 mm of film.
    assert photo.focal == pytest.approx(28 / math.hypot(36, 24) * math.hypot(WIDTH, HEIGHT), rel=1e-6)


def test_focal_length_from_the_sensor(tmp_path):
    # Canon EOS 5D: a 35.8 mm wide sensor, 4368 pixels across, a 50 mm lens; the picture was later made smaller.
    exif = exif_of(focal=50.0, plane=(4368 / 35.8 * 25.4, 2), recorded=(4368, 3276))
    photo = read(tmp_path, encode(Image.fromarray(colourful()), "JPEG", exif=exif))
    assert photo.focal == pytest.approx(50 / 35.8 * WIDTH, rel=1e-4)


@pytest.mark.parametrize(
    "details",
    [
        {"focal_35mm": 0},
        {"focal": 4.2},
        {"focal_35mm": 28, "recorded": (4000, 2000)},  # cropped since
        {"focal_35mm": 2},
        {"focal_35mm": 60000},
        {"focal": 50.0, "plane": (0, 2)},
    ],
)
def test_no_focal_length_is_invented(tmp_path, details):
    assert read(tmp_path, encode(Image.fromarray(colourful()), "JPEG", exif=exif_of(**details))).focal is None


def test_broken_exif_does_not_matter(tmp_path):
    data = bytearray(encode(Image.fromarray(colourful()), "JPEG", exif=exif_of(6, focal_35mm=28)))
    at = data.index(b"Exif\0\0") + 6
    data[at + 4 : at + 8] = b"\xff\xff\xff\xff"  # offset of the first directory
    photo = read(tmp_path, bytes(data))
    assert photo.size == (WIDTH, HEIGHT) and photo.focal is None


def test_names_in_any_script(tmp_path):
    assert read(tmp_path, encode(Image.fromarray(colourful()), "PNG"), "фото 体 ü.png").size == (WIDTH, HEIGHT)


def refusal(path):
    with pytest.raises(UserError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def refusal_of(tmp_path, data, name="broken.jpg"):
    path = tmp_path / name
    path.write_bytes(data)
    return refusal(path)


def test_refuses_what_is_no_picture(tmp_path):
    assert "does not exist" in refusal(tmp_path / "nowhere.png")
    assert "folder" in refusal(tmp_path)
    assert "empty" in refusal_of(tmp_path, b"")
    assert "PNG, JPEG" in refusal_of(tmp_path, b"hello, I am text")
    assert "GIF" in refusal_of(tmp_path, encode(Image.fromarray(colourful()), "GIF"))
    assert "HEIC" in refusal_of(tmp_path, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "at least 16" in refusal_of(tmp_path, encode(Image.fromarray(colourful(15, 200)), "PNG"))
    assert "16 bits" in refusal_of(tmp_path, encode(Image.fromarray(np.ones((20, 20), np.float32)), "TIFF"))


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_refuses_animations(tmp_path, format):
    frames = [Image.fromarray(colourful(seed=seed)) for seed in (1, 2)]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:])
    assert "animation" in refusal_of(tmp_path, data)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_refuses_files_that_were_cut_short(tmp_path, format):
    data = encode(Image.fromarray(colourful()), format)
    for length in (1, 9, 24, len(data) // 10, len(data) // 2, len(data) * 9 // 10, len(data) - 1):
        refusal_of(tmp_path, data[:length])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_damage_is_refused_or_survived(tmp_path, format):
    data = np.frombuffer(encode(Image.fromarray(colourful()), format), np.uint8)
    random = np.random.default_rng(2)
    for _ in range(60):
        damaged = data.copy()
        damaged[random.integers(0, len(data), 5)] = random.integers(0, 256, 5)
        try:
            assert read(tmp_path, damaged.tobytes()).pixels.shape[2] == 3
        except UserError as error:
            assert "picture.bin" in str(error)


def test_a_bomb_is_refused_without_unfolding_it(tmp_path):
    side = 50_000
    bomb = png_bytes(side, side, 8, 2, bytes(1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    assert "megapixels" in refusal_of(tmp_path, bomb, "bomb.png")
    width_tag = struct.pack("<HHI", 256, 4, 1)
    wide = tiff_bytes(colourful()).replace(width_tag + struct.pack("<I", WIDTH), width_tag + b"\xff" * 4)
    assert "megapixels" in refusal_of(tmp_path, wide, "bomb.tif")
    assert time.perf_counter() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_very_large_jpeg_is_read_smaller(tmp_path):
    width, height = 9000, 7000
    assert width * height > MAX_PIXELS
    grey = Image.fromarray(np.tile((np.arange(width) // 36).astype(np.uint8), (height, 1)))
    photo = read(tmp_path, encode(grey, "JPEG", quality=60, exif=exif_of(focal_35mm=50)), "huge.jpg")
    assert photo.size == (width // 2, height // 2)
    assert "9000×7000" in photo.note and "huge.jpg" in photo.note
    assert photo.focal == pytest.approx(50 / math.hypot(36, 24) * math.hypot(4500, 3500), rel=1e-6)
    assert np.abs(photo.pixels[100, ::450, 0].astype(int) - np.arange(0, 9000, 900) // 36).max() <= 2


def test_a_megapixel_jpeg_reads_within_15_ms_of_one_core(tmp_path):
    noise = np.random.default_rng(0).integers(-20, 20, (864, 1152, 3))
    image = Image.fromarray(np.clip(colourful(864, 1152) + noise, 0, 255).astype(np.uint8))
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(image, "JPEG", quality=90, exif=exif_of(6, focal_35mm=28)))
    times = []
    for _ in range(9):
        started = time.thread_time()
        read_image(path)
        times.append(time.thread_time() - started)
    assert min(times) < 0.015
