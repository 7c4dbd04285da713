"""Inputs expanded into frames. Videos are written by FFmpeg through OpenCV; a colour tells each frame's number."""

import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.frames import open_inputs, timeline
from PIL import Image

FRAMES, WIDTH, HEIGHT, FPS = 12, 64, 48, 25


def write_picture(path, level=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (level, level, level)).save(path)
    return path


def write_video(path, codec="mp4v"):
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), FPS, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for frame in range(FRAMES):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[..., 2] = 20 * frame  # red in BGR counts the frames
        picture[:16, :16] = 255
        writer.write(picture)
    writer.release()
    return path


def frame_number(photo):
    return round(float(photo.pixels[20:, 20:, 0].mean()) / 20)


def test_pictures_in_the_order_given(tmp_path):
    paths = [write_picture(tmp_path / name, level) for name, level in (("b.png", 10), ("a.jpg", 20))]
    items = open_inputs(paths)
    assert [(item.name, item.path, item.frame, item.fps) for item in items] == [
        ("b", paths[0], None, 0),
        ("a", paths[1], None, 0),
    ]
    assert [item.read().pixels[0, 0, 0] for item in items] == [10, 20]
    assert open_inputs([str(paths[0])])[0].name == "b"


def test_a_folder_in_natural_order(tmp_path):
    names = ["img10.png", "img2.PNG", "IMG1.jpg", "a 3 b.webp", "img.png", "img02.bmp", "1.tif"]
    for name in names:
        write_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._img2.png").write_bytes(b"")
    write_picture(tmp_path / "deeper" / "x.png")
    (tmp_path / "folder.png").mkdir()
    found = [item.path.name for item in open_inputs([tmp_path])]
    assert found == ["1.tif", "a 3 b.webp", "img.png", "IMG1.jpg", "img02.bmp", "img2.PNG", "img10.png"]


def test_names_are_unique_and_nothing_is_read_early(tmp_path):
    paths = [tmp_path / name for name in ("a.jpg", "A.png", "a_2.png", "x/a.jpg", "a.jpg")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not yet looked at")
    items = open_inputs(paths)
    assert [item.name for item in items] == ["a", "A_2", "a_2_2", "a_3", "a_4"]
    with pytest.raises(UserError, match=r"a\.jpg"):
        items[0].read()


def test_unreadable_pictures_of_a_folder_are_named_not_passed_over(tmp_path):
    (tmp_path / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (item,) = open_inputs([tmp_path])
    with pytest.raises(UserError, match="HEIC"):
        item.read()


@pytest.mark.parametrize(
    "name, codec", [("clip.mp4", "mp4v"), ("clip.mov", "mp4v"), ("clip.avi", "MJPG"), ("clip.mkv", "mp4v")]
)
def test_video_frames(tmp_path, name, codec):
    path = write_video(tmp_path / name, codec)
    items = open_inputs([path])
    assert [item.name for item in items] == [f"clip_{frame:04}" for frame in range(FRAMES)]
    assert [item.frame for item in items] == list(range(FRAMES))
    assert {item.fps for item in items} == {FPS} and {item.path for item in items} == {path}
    photos = [item.read() for item in items]
    assert [frame_number(photo) for photo in photos] == list(range(FRAMES))
    assert photos[0].size == (WIDTH, HEIGHT) and photos[0].focal is None
    assert photos[5].pixels[4, 4].min() > 230  # the white corner is where it was drawn
    assert photos[11].pixels[40, 40, 0] > 200 > 30 > photos[11].pixels[40, 40, 2]  # red stays red


def test_video_frames_in_any_order(tmp_path):
    items = open_inputs([write_video(tmp_path / "clip.mp4")])
    for frame in (7, 7, 3, 11, 0, 11):
        assert frame_number(items[frame].read()) == frame


def test_a_video_whatever_its_name(tmp_path):
    path = write_video(tmp_path / "clip.mp4").rename(tmp_path / "kлип 体 %03d.bin")
    assert len(open_inputs([path])) == FRAMES


def make_anamorphic(path, wide, high):
    """Say how wide and high a pixel is to be shown: a box `pasp` in the sample entry (ISO 14496-12, 12.1.4)."""
    data, box = bytearray(path.read_bytes()), struct.pack(">I4sII", 16, b"pasp", wide, high)
    starts = [data.index(b"moov") - 4]
    for name in (b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4v"):
        starts.append(data.index(name, starts[-1] + 8) - 4)
    end = starts[-1] + int.from_bytes(data[starts[-1] : starts[-1] + 4], "big")
    data[end:end] = box
    for start in starts:
        size = int.from_bytes(data[start : start + 4], "big") + len(box)
        data[start : start + 4] = size.to_bytes(4, "big")
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize(
    ("pixel", "size"),
    [((4, 3), (85, 48)), ((3, 4), (64, 64)), ((2, 1), (128, 48)), ((1, 1), (64, 48)), ((900, 1), (64, 48))],
)
def test_pixels_that_are_not_square_are_made_so(tmp_path, pixel, size):
    photo = open_inputs([make_anamorphic(write_video(tmp_path / "clip.mp4"), *pixel)])[3].read()
    assert photo.size == size and frame_number(photo) == 3
    right, below = 16 * size[0] // WIDTH, 16 * size[1] // HEIGHT  # where the white corner ends
    assert photo.pixels[4, right - 4].min() > 200 > 60 > photo.pixels[4, right + 4, 1]
    assert photo.pixels[below - 4, 4].min() > 200 > 60 > photo.pixels[below + 4, 4, 1]


def test_pixels_of_a_turned_video_are_turned_too(tmp_path):
    path = make_anamorphic(write_video(tmp_path / "clip.mp4"), 2, 1)
    turn_on_its_side(path)
    photo = open_inputs([path])[3].read()
    assert photo.size == (HEIGHT, 2 * WIDTH)
    assert photo.pixels[28, -12].min() > 200 > 60 > photo.pixels[36, -12, 1]


def test_rotation_of_a_video_is_honoured(tmp_path):
    path = write_video(tmp_path / "clip.mp4")
    turn_on_its_side(path)
    photo = open_inputs([path])[3].read()
    assert photo.size == (HEIGHT, WIDTH)
    assert photo.pixels[4, -4].min() > 230  # turned clockwise, the top left corner is at the top right


def turn_on_its_side(path):
    """A phone held upright stores a lying picture and a matrix in the track header (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    # type, version and flags, two times, track id, reserved, duration, reserved × 2, layer, group, volume, reserved
    matrix = data.index(b"tkhd") + 4 + 4 + 4 + 4 + 4 + 4 + 4 + 8 + 2 + 2 + 2 + 2
    one, quarter_turn = 0x10000, (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    assert int.from_bytes(data[matrix : matrix + 4], "big") == one
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in quarter_turn)
    path.write_bytes(bytes(data))


def test_what_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        open_inputs([tmp_path / "nowhere.png"])
    with pytest.raises(UserError, match="no pictures"):
        open_inputs([tmp_path])
    video = write_video(tmp_path / "clip.mp4").read_bytes()
    for length in (12, 40, len(video) // 2):
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(video[:length])
        with pytest.raises(UserError, match=r"broken\.mp4.*video"):
            open_inputs([broken])


def test_play_lists_are_not_followed(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n")
    (item,) = open_inputs([path])
    with pytest.raises(UserError, match="not a picture"):
        item.read()


def test_what_cannot_be_opened_does_not_keep_the_others_from_it(tmp_path):
    (tmp_path / "empty").mkdir()
    film = tmp_path / "broken.mp4"
    film.write_bytes(write_video(tmp_path / "clip.mp4").read_bytes()[:200])
    good = write_picture(tmp_path / "a.png")
    items = open_inputs([tmp_path / "missing.png", film, tmp_path / "empty", good])
    assert [item.name for item in items] == ["missing", "broken", "empty", "a"]
    for item, told in zip(items, ("does not exist", "video", "no pictures"), strict=False):
        with pytest.raises(UserError, match=told):
            item.read()
    assert items[-1].read().size == (40, 30)


@pytest.mark.parametrize("codec", [b"av01", b"avc1"])
def test_decoders_do_not_talk_to_the_terminal(tmp_path, codec):
    """A film that its decoder cannot make sense of, which it complains about for each frame."""
    film = write_video(tmp_path / "film.mp4")
    film.write_bytes(film.read_bytes().replace(b"mp4v", codec).replace(b"esds", b"free"))
    code = (
        "import sys\nfrom body_from_image.inference.errors import UserError\n"
        "from body_from_image.inference.files.frames import open_inputs\n"
        "try:\n    [item.read() for item in open_inputs(sys.argv[1:])]\nexcept UserError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(film)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "film.mp4" in done.stdout
    assert done.stderr == ""


def test_missing_numbers_are_gaps_of_that_length(tmp_path):
    """Pictures 2, 4 and 10: every second is one frame, and 6 and 8 are missing."""
    for number in (2, 4, 10):
        write_picture(tmp_path / f"walk_{number}.png")
    items = timeline(open_inputs([tmp_path]))
    assert [item.missing for item in items] == [False, False, True, True, False]
    assert len({item.name for item in items}) == 5
    with pytest.raises(UserError, match="no picture"):
        items[2].read()
    write_picture(tmp_path / "other.png")
    assert len(timeline(open_inputs([tmp_path]))) == 4


def test_pictures_of_other_counts_are_no_gaps(tmp_path):
    for name in ("IMG_20240101.png", "IMG_20250101.png"):
        write_picture(tmp_path / name)
    assert len(timeline(open_inputs([tmp_path]))) == 2


def test_a_film_is_taken_at_the_rate_that_is_asked_for(tmp_path):
    items = open_inputs([write_video(tmp_path / "film.mp4")])
    own, half, double = (timeline(items, rate) for rate in (0, FPS / 2, 2 * FPS))
    assert [item.frame for item in own] == list(range(FRAMES)) and own[0].fps == FPS
    assert [item.frame for item in half][:5] == [0, 2, 4, 6, 8] and half[0].fps == FPS / 2
    assert [item.missing for item in double][:4] == [False, True, False, True] and len(double) == 2 * FRAMES - 1


def test_frames_are_taken_by_their_own_time_stamps(tmp_path):
    """A film that stops for four frames' time in the middle, as phones' do in the dark."""
    items = open_inputs([write_video(tmp_path / "film.mp4")])
    items[0].video.times = np.where(np.arange(FRAMES) < 6, 0, 4 / FPS) + np.arange(FRAMES) / FPS
    even = timeline(items)
    assert len(even) == FRAMES + 4 and [item.missing for item in even] == [False] * 6 + [True] * 4 + [False] * 6
    assert even[10].frame == 6
