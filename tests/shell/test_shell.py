"""The command line, as a user meets it: files, exit codes, sentences."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.engine import Engine

from ..conftest import EXAMPLE


def run(*arguments) -> int:
    return main(["estimate", *map(str, arguments)])


@pytest.fixture
def broken(tmp_path) -> Path:
    path = tmp_path / "broken.jpg"
    path.write_bytes(EXAMPLE.read_bytes()[:500])
    return path


def test_one_photo_gives_npz_overlay_and_mask(tmp_path, capsys):
    assert run(EXAMPLE, "--out", tmp_path / "o", "--format", "npz,overlay,mask") == 0
    photo = cv2.imread(str(EXAMPLE))
    assert cv2.imread(str(tmp_path / "o" / "person.overlay.png")).shape == photo.shape
    mask = cv2.imread(str(tmp_path / "o" / "person.mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == photo.shape[:2] and set(np.unique(mask)) == {0, 255}
    estimate = BodyEstimate.load(tmp_path / "o" / "person.npz")
    assert estimate.frame_count == 1 and estimate.source == "person.jpg"
    out = capsys.readouterr().out
    assert "person.npz" in out and "1 of 1 gave a body" in out


def test_a_box_may_begin_beyond_the_edge(tmp_path):
    width, height = cv2.imread(str(EXAMPLE)).shape[1::-1]
    box = f"-12,-20,{width + 20},{height + 20}"
    assert run(EXAMPLE, "--out", tmp_path / "o", "--format", "npz", "--box", box) == 0
    assert BodyEstimate.load(tmp_path / "o" / "person.npz").score[0] > 0.6


def test_one_bad_file_does_not_stop_the_others(tmp_path, broken, capsys):
    assert run(broken, EXAMPLE, "--out", tmp_path / "o", "--format", "npz", "--json") == 3
    outcomes = json.loads(capsys.readouterr().out)
    assert [outcome["error"] is None for outcome in outcomes] == [False, True]
    assert "broken.jpg" in outcomes[0]["error"]
    assert (tmp_path / "o" / "person.npz").exists()


def test_an_unreadable_film_and_a_missing_file_do_not_stop_the_others(tmp_path, capsys):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    arguments = (film, tmp_path / "missing.jpg", EXAMPLE, "--out", tmp_path / "o", "--format", "npz", "--json")
    assert run(*arguments) == 3
    errors = [outcome["error"] or "" for outcome in json.loads(capsys.readouterr().out)]
    assert "film.mp4" in errors[0] and "does not exist" in errors[1] and not errors[2]


def test_a_fault_of_ours_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    again = tmp_path / "again.jpg"
    again.write_bytes(EXAMPLE.read_bytes())
    real = Engine.estimate

    def fail_once(engine, photo, box):
        if photo.path == EXAMPLE:
            raise ZeroDivisionError("oops")
        return real(engine, photo, box)

    monkeypatch.setattr(Engine, "estimate", fail_once)
    assert run(EXAMPLE, again, "--out", tmp_path / "o", "--format", "npz", "--json") == 3
    first, second = json.loads(capsys.readouterr().out)
    assert "ZeroDivisionError: oops" in first["error"] and second["error"] is None


def test_pictures_that_cannot_be_read_are_not_pictures_of_nobody(tmp_path, capsys):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    arguments = [*sorted(tmp_path.glob("*.png")), "--motion", "--out", tmp_path / "o", "--format", "npz"]
    assert run(*arguments) == 3
    said = capsys.readouterr().out
    assert "None of the 3 pictures could be read" in said and "No person" not in said


def test_nobody_in_the_picture_is_exit_3_and_no_files(tmp_path, capsys):
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((200, 300, 3), 90, np.uint8))
    assert run(path, "--out", tmp_path / "o", "--format", "npz,overlay") == 3
    assert "No person was found" in capsys.readouterr().out
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.jpg"],
        [EXAMPLE, "--format", "npz,gif"],
        [EXAMPLE, "--box", "1,2,3"],
        [EXAMPLE, "--box", "a,b,c,d"],
        [EXAMPLE, "--fov", "500"],
        [EXAMPLE, "--body-model", "missing.pkl"],
        [EXAMPLE, "--keypoints", "missing.json"],
        [EXAMPLE, "--bones", "maya"],
        [EXAMPLE, "--smooth", "0.5"],
        [EXAMPLE, "--keep-feet"],
        [EXAMPLE, "--fps", "25"],
        [EXAMPLE, "--reduce-keys", "5", "--format", "blend"],
        [EXAMPLE, "--motion", "--reduce-keys", "0", "--format", "blend"],
        [EXAMPLE, "--motion", "--reduce-keys", "5", "--format", "fbx"],
        [EXAMPLE, "--root-motion", "in-place", "--format", "fbx"],
        [EXAMPLE, "--motion", "--root-motion", "root-bone", "--format", "npz"],
        [EXAMPLE, "--camera-tilt", "10,0"],
        [EXAMPLE, "--motion", "--camera-tilt", "-80,0"],
        [EXAMPLE, "--motion", "--camera-tilt", "-8,0", "--no-keep-feet"],
        [EXAMPLE, "--motion", "--smooth", "2"],
        [EXAMPLE, "--motion", "--fps", "0"],
    ],
)
def test_wrong_usage_is_exit_2_and_a_sentence(arguments, tmp_path, capsys):
    try:
        code = run(*arguments, "--out", tmp_path / "o")
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert len(capsys.readouterr().err.strip().splitlines()[-1]) > 20


def test_an_output_folder_that_cannot_be_made_is_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run(EXAMPLE, "--out", tmp_path / "file" / "o", "--format", "npz") == 2
    assert "could not be made" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system cannot limit the size of a file")
@pytest.mark.parametrize("kind", ["npz", "overlay", "mask"])
def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(kind, tmp_path, capsys):
    """A limit on the size of files stands in for a full disk: writing stops in the middle."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert run(EXAMPLE, "--out", tmp_path / "o", "--format", kind) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "FAILED: Could not write" in capsys.readouterr().out
    assert list((tmp_path / "o").iterdir()) == []


def test_a_given_height_is_the_bodys(tmp_path):
    assert run(EXAMPLE, "--out", tmp_path, "--format", "npz", "--height", "1.9") == 0
    betas = BodyEstimate.load(tmp_path / "person.npz").betas
    body = BodyModel.load().rest_vertices(betas[None])[0]
    assert np.ptp(body[:, 1]) == pytest.approx(1.9, abs=0.01)
    with pytest.raises(SystemExit):
        run(EXAMPLE, "--out", tmp_path, "--height", "190")


def test_keypoints_from_a_file_skip_the_network(tmp_path):
    assert run(EXAMPLE, "--out", tmp_path / "a", "--format", "npz", "--no-refine") == 0
    estimate = BodyEstimate.load(tmp_path / "a" / "person.npz")
    document = {"image_size": list(estimate.image_size), "keypoints": estimate.keypoints_2d[0].tolist()}
    path = tmp_path / "k.json"
    path.write_text(json.dumps(document))
    assert run(EXAMPLE, "--out", tmp_path / "b", "--format", "npz,mask", "--keypoints", path, "--no-refine") == 0
    again = BodyEstimate.load(tmp_path / "b" / "person.npz")
    assert np.abs(again.poses[0, 3:] - estimate.poses[0, 3:]).max() < 1e-3
    halved = {"image_size": [side / 2 for side in estimate.image_size], "keypoints": estimate.keypoints_2d[0].tolist()}
    halved["image_size"] = [int(side) for side in halved["image_size"]]
    path.write_text(json.dumps([halved, halved]))
    assert run(EXAMPLE, "--out", tmp_path / "b", "--keypoints", path) == 2


def write_film(path: Path, frames: int = 6) -> None:
    photo = cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 12.0, (240, 320))
    for frame in range(frames):
        writer.write(np.roll(photo, frame, 1))
    writer.release()


def test_a_film_is_one_motion_when_asked(tmp_path, capsys):
    write_film(tmp_path / "film.mp4")
    assert (
        run(tmp_path / "film.mp4", "--motion", "--out", tmp_path / "o", "--format", "npz,overlay,mask", "--json") == 0
    )
    estimate = BodyEstimate.load(tmp_path / "o" / "film.npz")
    assert estimate.frame_count == 6 and estimate.mocap_framerate == pytest.approx(12)
    film = cv2.VideoCapture(str(tmp_path / "o" / "film.overlay.mp4"))
    assert int(film.get(cv2.CAP_PROP_FRAME_COUNT)) == 6
    assert len(list((tmp_path / "o" / "film.mask").iterdir())) == 6


def test_a_folder_is_as_many_pictures_and_a_bad_frame_is_a_gap_in_a_motion(tmp_path, capsys):
    folder = tmp_path / "walk"
    folder.mkdir()
    photo = cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA)
    for frame in (1, 2, 10):
        cv2.imwrite(str(folder / f"walk_{frame}.png"), photo)
    assert run(folder, "--out", tmp_path / "o", "--format", "npz", "--json") == 0
    assert [outcome["name"] for outcome in json.loads(capsys.readouterr().out)] == ["walk_1", "walk_2", "walk_10"]
    (folder / "walk_2.png").write_bytes(b"")
    assert run(folder, "--motion", "--out", tmp_path / "o", "--format", "npz", "--json") == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    assert outcome["name"] == "walk" and any("walk_2.png" in remark for remark in outcome["remarks"])
    # 3 to 9 are missing: a gap of that length.
    assert BodyEstimate.load(tmp_path / "o" / "walk.npz").frame_count == 10


def test_a_bad_first_frame_loses_no_scene(tmp_path, broken, capsys):
    """Blender tells by the first picture whether it is a sequence: without it, nothing lies behind the character."""
    pytest.importorskip("bpy")
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "f_0.jpg").write_bytes(broken.read_bytes())
    for number in (1, 2):
        (folder / f"f_{number}.jpg").write_bytes(EXAMPLE.read_bytes())
    assert run(folder, "--motion", "--out", tmp_path / "o", "--format", "glb", "--json") == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    assert outcome["files"] == ["frames.glb"] and (tmp_path / "o" / "frames.glb").exists()


def test_strength_feet_and_rate_of_a_motion_can_be_chosen(tmp_path, capsys):
    write_film(tmp_path / "film.mp4", frames=8)
    clips = {}
    chosen = {
        "raw": ["--smooth", "0", "--no-keep-feet"], "smooth": ["--smooth", "1", "--no-keep-feet"], "feet": []
    }  # fmt: skip
    for name, options in chosen.items():
        out = tmp_path / name
        assert run(tmp_path / "film.mp4", "--motion", "--out", out, "--format", "npz", *options) == 0
        clips[name] = BodyEstimate.load(out / "film.npz")
    shake = {name: np.abs(np.diff(clip.joints_3d, 2, axis=0)).mean() for name, clip in clips.items()}
    assert shake["smooth"] < 0.5 * shake["raw"] and shake["feet"] < shake["raw"]
    pictures = tmp_path / "walk"
    pictures.mkdir()
    for frame in (1, 2):
        (pictures / f"walk_{frame}.jpg").write_bytes(EXAMPLE.read_bytes())
    one = pictures / "walk_1.jpg"
    assert run(one, "--motion", "--fps", "12", "--out", tmp_path / "p", "--format", "npz") == 0
    found = BodyEstimate.load(tmp_path / "p" / "walk_1.npz")
    assert found.mocap_framerate == 12 and found.frame_count == 2


def test_without_blender_the_default_writes_the_rest_and_says_what_is_missing(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)  # what Python makes of a module that is not installed
    assert run(EXAMPLE, "--out", tmp_path / "o") == 0
    assert "FBX needs Blender's bpy" in capsys.readouterr().out
    assert (tmp_path / "o" / "person.overlay.png").exists()
    assert run(EXAMPLE, "--out", tmp_path / "o", "--format", "fbx") == 2


def test_the_module_runs_as_a_program(tmp_path):
    pytest.importorskip("bpy")
    command = [
        sys.executable,
        "-m",
        "body_from_image",
        "estimate",
        str(EXAMPLE),
        "--out",
        str(tmp_path),
        "--bones",
        "mixamo",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert {"person.npz", "person.overlay.png", "person.fbx"} <= {file.name for file in tmp_path.iterdir()}
