"""The extension in a real Blender window: `make test-gui`. Needs root, for a Debian in a folder and a screen in memory.

`BODY_FROM_IMAGE_CHROOT` names the folder where that Debian is, or will be made (1.4 GB).
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import debian  # noqa: E402

pytestmark = pytest.mark.gui

ROOT = HERE.parents[1]
GOLDEN = HERE.parent / "golden" / "gui"
CHROOT = Path(os.environ.get("BODY_FROM_IMAGE_CHROOT") or ROOT / "build" / "debian")
FRAMES, BROKEN = 60, 30
ESCAPE = 0.5
"""Seconds that Esc may take, beside what this machine needs to draw a frame."""
OUR_SHARE = 0.15
"""Seconds of processor time that we may keep Blender waiting in one go."""
PREVIEW_SHARE = 0.1
"""The same while a film is read and its preview moves."""
DRAG_STEP = 0.05
"""Seconds of processor time that a movement of the mouse may take while a keypoint is dragged."""
DIFFERENT, ALLOWED = 40, 0.02
"""Grey levels from which a pixel differs from the golden picture's, and the share of pixels that may."""


@pytest.fixture(scope="session")
def exchange(tmp_path_factory):
    """A folder with the zip, pictures and scripts, which Blender sees as /mnt/exchange."""
    try:
        debian.prepare(CHROOT)
    except debian.NotHere as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("exchange")
    command = [sys.executable, "build_extension.py", "--platform", "linux-x64", "--python", "313", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for_debian(next(folder.glob("*.zip")), folder / "extension.zip")
    for script in HERE.glob("*.py"):
        shutil.copy2(script, folder)
    shutil.copy2(ROOT / "examples" / "person.jpg", folder)
    cv2.imwrite(str(folder / "grey.png"), np.full((400, 500, 3), 90, np.uint8))
    write_frames(folder / "frames")
    return folder


def for_debian(built, own):
    """The zip as Debian's Blender takes it: that is 4.3 on Python 3.13, which Blender has from 5.1 on elsewhere."""
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(own, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename.endswith("blender_manifest.toml"):
                content = content.replace(b'blender_version_min = "5.1.0"', b'blender_version_min = "4.2.0"')
            target.writestr(item, content)
    built.unlink()


def write_frames(folder):
    """The example's person swaying; one frame in the middle is cut short."""
    folder.mkdir()
    photo = cv2.imread(str(ROOT / "examples" / "person.jpg"))
    size = photo.shape[1::-1]
    for number in range(1, FRAMES + 1):
        move = np.float32([[1, 0, 30 * np.sin(number / 10)], [0, 1, 0]])
        picture = cv2.warpAffine(photo, move, size, borderMode=cv2.BORDER_REPLICATE)
        cv2.imwrite(str(folder / f"walk_{number:04d}.jpg"), picture)
    broken = folder / f"walk_{BROKEN:04d}.jpg"
    broken.write_bytes(broken.read_bytes()[:3000])


def played(exchange, script, *arguments):
    done = debian.run_blender(CHROOT, exchange, script, *arguments, timeout=900)
    assert (exchange / "facts.json").exists(), done.stdout + done.stderr
    facts = json.loads((exchange / "facts.json").read_text())
    (exchange / "facts.json").unlink()
    assert "fault" not in facts, facts["fault"] + done.stdout + done.stderr
    print(json.dumps({name: fact for name, fact in facts.items() if name not in ("before", "estimated", "redone")}))
    return facts


@pytest.fixture(scope="session")
def photo(exchange):
    return played(exchange, "play_photo.py", "extension.zip", "person.jpg", "grey.png")


@pytest.fixture(scope="session")
def sequence(exchange):
    return played(exchange, "play_sequence.py", "extension.zip", "frames", "person.jpg")


@pytest.fixture(scope="session")
def preview(exchange):
    return played(exchange, "play_preview.py", "extension.zip", "frames")


@pytest.fixture(scope="session")
def corrected(exchange):
    return played(exchange, "play_correct.py", "extension.zip", "person.jpg")


@pytest.mark.parametrize("name", ["empty", "ready", "running", "error", "character"])
def test_the_panel_looks_as_it_should(photo, exchange, name):
    golden = cv2.imread(str(GOLDEN / f"{name}.png"), cv2.IMREAD_GRAYSCALE).astype(int)
    seen = cv2.imread(str(exchange / f"{name}.png"), cv2.IMREAD_GRAYSCALE).astype(int)
    assert seen.shape == golden.shape
    assert (np.abs(seen - golden) > DIFFERENT).mean() < ALLOWED


def test_blender_finds_nothing_wrong_with_the_extension(photo):
    assert photo["warnings"] == {}


def test_a_click_gives_a_character_and_shows_progress_on_the_way(photo):
    assert photo["error"] == ""
    assert set(photo["estimated"]["objects"]) - set(photo["before"]["objects"]) == {
        "person", "person_body", "person_camera",
    }  # fmt: skip
    assert len({stage for _, stage in photo["shares"]}) >= 3
    assert photo["provider"] == "CPUExecutionProvider"


def test_an_estimate_is_one_step_of_undo(photo):
    assert photo["undone"] == photo["before"]
    assert photo["path_after_undo"].endswith("person.jpg")
    assert photo["redone"] == photo["estimated"]


def test_blender_waits_for_us_no_longer_than_for_a_frame(photo, sequence):
    assert max(photo["calls_cold"] + photo["calls_warm"] + sequence["calls"]) < OUR_SHARE


def test_escape_stops_at_once_and_leaves_nothing(photo, sequence):
    frame = photo["gaps_idle"]["longest_draw"]
    for facts in (photo, sequence):
        assert facts["escape"] < ESCAPE + frame
        assert facts["escape_left"]
    assert photo["worker_after_escape"] is None


def test_a_worker_that_dies_or_hangs_is_told_and_replaced(photo):
    assert "No person was found" in photo["nobody"]
    assert "ended by itself" in photo["killed"] and photo["killed_left"]
    assert photo["error_after_killed"] == ""
    assert "did not answer" in photo["hung"]
    assert photo["error_after_hung"] == ""


def test_the_bones_follow_the_slider_and_so_does_undo(photo):
    before, after = photo["slider"]["before"], photo["slider"]["after"]
    assert after[0] > before[0] and after[1] > before[1] + 0.01
    assert photo["slider"]["fit"]
    assert photo["slider_undone"] == {"after": before, "fit": True}
    assert photo["slider_redone"] == {"after": after, "fit": True}
    assert photo["mode"] == "OBJECT"
    assert abs(photo["lowest"]) < 1e-5


def test_the_photo_is_shown_behind_and_put_away(photo):
    assert photo["through_camera"] == "CAMERA"
    assert photo["refined"] > 0
    assert photo["looked_away"] == "PERSP"


def test_a_box_is_drawn_with_the_mouse(photo):
    assert photo["box_after_escape"] == [False, 0, 0, 0, 0]
    used, *box = photo["box"]
    assert used
    # From a tenth of the width, a twentieth of the height, over a picture of 768 × 1024; a pixel of the screen is 1.7.
    np.testing.assert_allclose(box, [76.8, 51.2, 614.4, 921.6], atol=4)
    assert "picture.jpg" not in photo["images_after_box"]
    assert photo["error_with_box"] == ""


def test_a_saved_file_goes_on_where_it_was(photo):
    same, filepath, score = photo["reopened"]
    assert same and filepath.endswith("person.jpg") and score == pytest.approx(0.72)
    rise, fit = photo["live_after_reopening"]
    assert rise > 0.01 and fit


def test_a_full_disk_is_told_and_leaves_no_half_file(photo, exchange):
    assert photo["export"] == ["FINISHED"]
    assert (exchange / "person.fbx").read_bytes().startswith(b"Kaydara FBX Binary")
    assert "No space left" in photo["full_disk"]
    assert photo["left_on_full_disk"] == []


def test_a_body_model_file_that_was_deleted_is_told(photo):
    usable, verdict = photo["body_model"]
    assert usable and "6890 vertices" in verdict
    assert "licensed.npz" in photo["body_model_deleted"] and photo["body_model_left"]
    assert photo["error_with_bundled_body"] == ""


def test_sixty_frames_become_one_animated_character_though_one_is_broken(sequence, exchange):
    assert sequence["error"] == ""
    assert sequence["keys"] == [1, FRAMES] and sequence["frames"] == [1, FRAMES]
    assert f"walk_{BROKEN:04d}.jpg is cut short" in sequence["remarks"]
    assert "Frame" in sequence["stage"] and len(sequence["shares"]) > 10
    assert sequence["undone"] and sequence["redone"] == [1, FRAMES]
    assert (exchange / "sequence.fbx").stat().st_size > 100_000


def test_a_film_is_seen_while_it_is_read_and_leaves_nothing_of_that(preview):
    assert preview["poses"] > 3 and max(preview["calls"]) < PREVIEW_SHARE
    assert preview["left"] is None
    assert preview["built"] == ["frames", "frames_body", "frames_camera"]
    assert [preview["undone"], preview["undone_twice"]] == preview["expected"] and preview["redone"]
    assert preview["while_editing"] == ["EDIT_MESH", True] and preview["after_undo"][:2] == ["EDIT_MESH", True]
    assert preview["after_escape"] == ["EDIT_MESH", None] and preview["escape_left"]


def test_dropped_pictures_are_estimated(sequence):
    """That several become a sequence is what the first Esc above cancelled."""
    name, filepath, error = sequence["dropped"]
    assert name == "person" and filepath.endswith("person.jpg") and error == ""


def test_a_wrist_is_dragged_with_the_mouse_and_the_body_follows(corrected):
    assert corrected["view"] == "CAMERA"
    assert corrected["missed"] < 0.005 * 1024 < 20 < corrected["moved"]
    assert corrected["others"] < 0.01 * corrected["height"]
    assert [one["keypoint"] for one in corrected["said"]] == ["left_wrist"]
    latency = corrected["latency"]
    assert len(latency["drawn"]) >= 3 and np.median(corrected["calls"]) < DRAG_STEP
    assert np.median(latency["ours"]) < DRAG_STEP


def test_a_correction_is_one_step_of_undo(corrected):
    assert corrected["undone"] < 0.5 and corrected["said_after_undo"] == []
    assert corrected["redone"] < 0.005 * 1024


def test_keys_say_what_is_hidden_and_nearer_and_are_taken_back(corrected):
    wrist, hidden, nearer = corrected["said_by_keys"]
    assert wrist == corrected["said"][0]
    assert (hidden["keypoint"], hidden["seen"]) == ("right_wrist", False)
    assert (nearer["keypoint"], nearer["nearer"]) == ("left_ankle", 1)
    assert corrected["said_after_taking_back"] == [wrist, hidden]


def test_escape_leaves_the_body_as_it_was(corrected):
    assert corrected["moved_before_escape"] > 5
    assert corrected["escaped"] < 0.5
    assert corrected["said_after_escape"] == corrected["said_before_escape"]
