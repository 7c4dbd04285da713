"""`--resume`: what is there, whole and what is asked for is passed over; everything else is made."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.engine import Engine
from body_from_image.shell import records
from body_from_image.shell.arguments import parser
from body_from_image.shell.batch import Batch
from body_from_image.shell.job import Job
from body_from_image.shell.pictures import Pictures
from body_from_image.shell.records import Records
from body_from_image.shell.table import Outcome

from ..conftest import EXAMPLE


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Three small pictures of a person, slightly different."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    photo = cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA)
    for number in range(3):
        cv2.imwrite(str(folder / f"p{number}.png"), np.roll(photo, number, 1))
    return folder


@pytest.fixture
def estimate(tmp_path, capsys):
    """Runs the shell; gives the outcomes, and the inputs that were estimated anew."""

    def run(*arguments, formats="npz,overlay", code=0) -> tuple[list[dict], set[str]]:
        assert (
            main(["estimate", *map(str, arguments), "--out", str(tmp_path / "o"), "--format", formats, "--json"])
            == code
        )
        outcomes = json.loads(capsys.readouterr().out)
        return outcomes, {outcome["name"] for outcome in outcomes if not outcome["passed_over"]}

    return run


def test_all_that_is_there_is_passed_over_and_told(pictures, estimate, tmp_path, capsys, monkeypatch):
    first, _ = estimate(pictures)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "o").rglob("*")}
    monkeypatch.setattr(Engine, "estimate", None)  # nothing is estimated any more
    again, anew = estimate(pictures, "--resume")
    assert not anew and [one | {"passed_over": False} for one in again] == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "o").rglob("*")} == written
    assert main(["estimate", str(pictures), "--out", str(tmp_path / "o"), "--format", "npz", "--resume"]) == 0
    assert "3 of 3 gave a body, 3 of them in an earlier run (passed over)." in capsys.readouterr().out


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def zeroed(file: Path) -> None:
    """As after a power cut: the right length, no content."""
    file.write_bytes(bytes(file.stat().st_size))


def test_what_is_damaged_or_gone_is_made_again(pictures, estimate, tmp_path):
    for number in range(3, 6):
        shutil.copy2(pictures / "p0.png", pictures / f"p{number}.png")
    estimate(pictures)
    out = tmp_path / "o"
    before = BodyEstimate.load(out / "p0.npz")
    truncated(out / "p0.npz")
    zeroed(out / "p1.overlay.png")
    (out / "p2.overlay.png").unlink()
    truncated(out / ".made" / "p3.json")
    (out / ".made" / "p4.json").unlink()
    outcomes, anew = estimate(pictures, "--resume")
    assert anew == {"p0", "p1", "p2", "p3", "p4"}
    said = [[remark for remark in outcome["remarks"] if "Made anew" in remark] for outcome in outcomes]
    changed = ["Made anew, because its files are not as they were written."]
    unreadable = ["Made anew, because what is recorded of it, or of its files, cannot be read."]
    assert said == [changed, changed, changed, unreadable, [], []]
    assert (BodyEstimate.load(out / "p0.npz").poses == before.poses).all()
    assert cv2.imread(str(out / "p1.overlay.png")) is not None
    assert not estimate(pictures, "--resume")[1]


def left_over(outcome: dict) -> list[str]:
    return [remark for remark in outcome["remarks"] if remark.startswith("Files of an earlier run")]


def test_files_of_an_earlier_run_with_other_options_are_named_until_they_are_gone(pictures, estimate, tmp_path):
    picture, out = pictures / "p0.png", tmp_path / "o"
    (first,), _ = estimate(picture, "--people", "all")
    assert not left_over(first)
    said = ["Files of an earlier run, which this one did not write: p0.1.npz, p0.overlay.png."]
    for _ in range(2):  # the second run of the same options knows of them, too
        (plain,), _ = estimate(picture, formats="npz")
        assert left_over(plain) == said and plain["files"] == ["p0.npz"]
    picture.write_bytes(b"no picture")
    (failed,), _ = estimate(picture, formats="npz", code=3)
    assert left_over(failed) == ["Files of an earlier run, which this one did not write: p0.npz, p0.1.npz, "
                                 "p0.overlay.png."]  # fmt: skip
    for file in ("p0.npz", "p0.1.npz", "p0.overlay.png"):
        (out / file).unlink()
    shutil.copy(pictures / "p1.png", picture)
    assert not left_over(estimate(picture, formats="npz")[0][0])


def test_what_is_gone_at_the_end_is_not_listed_as_written(pictures, tmp_path):
    """By a worker of another machine, or removed by somebody."""
    batch = Batch(Job(parser().parse_args(["estimate", str(pictures), "--out", str(tmp_path)])))
    batch.outcomes = {number: Outcome(f"p{number}", files=[f"p{number}.npz"]) for number in range(2)}
    (tmp_path / "p1.npz").touch()
    gone, there = batch.in_order
    assert not gone.files and gone.remarks == [f"Written, but not in {tmp_path} any more: p0.npz."]
    assert there.files == ["p1.npz"] and not there.remarks


def test_another_input_under_the_same_name_is_made(pictures, estimate):
    estimate(pictures)
    shutil.copy2(pictures / "p0.png", pictures / "p1.png")
    os.utime(pictures / "p2.png")
    outcomes, anew = estimate(pictures, "--resume")
    assert anew == {"p1", "p2"}
    assert "Made anew, because its input has changed." in outcomes[1]["remarks"]


def test_options_that_change_the_result_are_heeded(pictures, estimate, tmp_path):
    picture = pictures / "p0.png"
    estimate(picture)
    outcomes, anew = estimate(picture, "--resume", "--height", "1.6")
    assert anew == {"p0"} and "Made anew, because other options were given." in outcomes[0]["remarks"]
    for options in ("", "--fov 40", "--no-refine", "--people all", "--hypotheses 1", "--box 0,0,200,300", "--motion"):
        line = ["estimate", str(picture), "--out", str(tmp_path / "o"), "--format", "npz", *options.split()]
        found, why = Records(Job(parser().parse_args(line))).find(0)
        assert found is None and "other options were given" in why, options
    line = ["estimate", str(picture), "--out", str(tmp_path / "o"), "--format", "npz", "--height", "1.6"]
    for options in ("--device cpu", "--workers 2", "--ray local", "--json"):
        assert Records(Job(parser().parse_args([*line, *options.split()]))).find(0)[0].passed_over, options


def test_a_result_of_another_version_is_made(pictures, estimate, monkeypatch):
    picture = pictures / "p0.png"
    estimate(picture)
    monkeypatch.setattr(records, "program_digest", lambda *_: "another")
    outcomes, _ = estimate(picture, "--resume")
    assert "Made anew, because it was made by another version of this program." in outcomes[0]["remarks"]


def test_fewer_formats_are_there_and_more_are_made(pictures, estimate):
    estimate(pictures)
    assert not estimate(pictures, "--resume", formats="npz")[1]
    assert len(estimate(pictures, "--resume", formats="npz,mask")[1]) == 3


def test_files_that_options_name_count_by_their_content(pictures, estimate, tmp_path):
    picture, corrections = pictures / "p0.png", tmp_path / "corrections.json"
    corrections.write_text(json.dumps([{"keypoint": "left_wrist", "x": 150, "y": 100}]))
    assert estimate(picture, "--correct", corrections)[1] == {"p0"}
    assert not estimate(picture, "--correct", corrections, "--resume")[1]
    corrections.write_text(json.dumps([{"keypoint": "left_wrist", "x": 120, "y": 100}]))
    assert estimate(picture, "--correct", corrections, "--resume")[1] == {"p0"}


def test_one_frame_of_keypoints_that_changed_is_made_alone(pictures, estimate, tmp_path):
    estimate(pictures)
    found = [BodyEstimate.load(tmp_path / "o" / f"p{number}.npz").keypoints_2d[0].tolist() for number in range(3)]
    document = [{"image_size": [240, 320], "keypoints": points} for points in found]
    file = tmp_path / "keypoints.json"
    file.write_text(json.dumps(document))
    assert len(estimate(pictures, "--keypoints", file, "--resume")[1]) == 3
    document[1]["keypoints"][0][0] += 3
    file.write_text(json.dumps(document))
    assert estimate(pictures, "--keypoints", file, "--resume")[1] == {"p1"}


def test_what_failed_is_tried_again(pictures, estimate):
    whole = (pictures / "p1.png").read_bytes()
    (pictures / "p1.png").write_bytes(whole[:500])
    estimate(pictures, code=3)
    assert estimate(pictures, "--resume", code=3)[1] == {"p1"}
    (pictures / "p1.png").write_bytes(whole)
    assert estimate(pictures, "--resume")[1] == {"p1"}


def test_what_cannot_be_recorded_is_made_and_said(pictures, estimate, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / ".made").write_text("in the way")
    for _ in range(2):
        (outcome,), anew = estimate(pictures / "p0.png", "--resume")
        assert anew == {"p0"} and not outcome["error"] and (tmp_path / "o" / "p0.npz").exists()
        assert any("could not be recorded" in remark for remark in outcome["remarks"])


def test_a_motion_is_passed_over_as_a_whole(pictures, estimate, tmp_path):
    motion = (pictures, "--motion")
    estimate(*motion, formats="npz,mask")
    assert not estimate(*motion, "--resume", formats="npz,mask")[1]
    truncated(tmp_path / "o" / "pictures.mask" / sorted(os.listdir(tmp_path / "o" / "pictures.mask"))[1])
    assert estimate(*motion, "--resume", formats="npz,mask")[1] == {"pictures"}
    assert estimate(*motion, "--smooth", "0", "--resume", formats="npz,mask")[1] == {"pictures"}
    (pictures / "p1.png").unlink()
    assert estimate(*motion, "--smooth", "0", "--resume", formats="npz,mask")[1] == {"pictures"}


def hears_interrupts() -> None:
    """For a child process to be stopped by SIGINT: shells let what they run in the background ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_stopped_batch_says_what_is_done_and_goes_on(pictures, tmp_path):
    for number in range(3, 12):
        shutil.copy(pictures / "p0.png", pictures / f"p{number}.png")
    command = [sys.executable, "-m", "body_from_image", "estimate", str(pictures), "--out", str(tmp_path / "o")]
    command += ["--format", "npz"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hears_interrupts
    )
    while not (tmp_path / "o" / "p1.npz").exists():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    said, told = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "--resume goes on" in told and "Traceback" not in told
    assert "of 12 gave a body; stopped before " in said.splitlines()[-1]
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "12 of 12 gave a body" in done.stdout and "in an earlier run (passed over)" in done.stdout


def test_an_interrupt_that_a_library_swallows_is_heard_after_the_picture(pictures, tmp_path, monkeypatch, capsys):
    made = Pictures.make

    def swallowing(self, index):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return made(self, index)

    monkeypatch.setattr(Pictures, "make", swallowing)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = main(["estimate", str(pictures), "--out", str(tmp_path / "o"), "--format", "npz"])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 130 and "1 of " in capsys.readouterr().out
    assert len(list((tmp_path / "o").glob("*.npz"))) == 1


@pytest.mark.parametrize("wrong", [{"files": None}, {"remarks": 3}, {"score": "high"}, {"name": None}, {"files": []}])
def test_a_record_that_holds_what_nobody_wrote_is_made_anew(pictures, estimate, tmp_path, wrong):
    estimate(pictures / "p0.png", formats="npz")
    path = tmp_path / "o" / records.FOLDER / "p0.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"outcome": document["outcome"] | wrong}))
    assert estimate(pictures / "p0.png", "--resume", formats="npz")[1] == {"p0"}


def test_a_missing_input_of_a_motion_is_said_before_anything_is_estimated(tmp_path, capsys):
    there, lacking = Path(__file__).parents[2] / "examples" / "person.jpg", tmp_path / "nowhere"
    assert main(["estimate", str(there), str(lacking), "--motion", "--out", str(tmp_path / "o")]) == 2
    assert "nowhere does not exist. A motion is one whole" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
