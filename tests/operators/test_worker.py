"""The worker and its client: nothing that happens to the other process harms or blocks this one. No Blender needed."""

import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.engine import Engine
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.images import read_image
from body_from_image.inference.motion.smooth_motion import smooth_motion
from body_from_image.operators.worker_client import Answer, Failure, Progress, WorkerClient, worker_command

ROOT = Path(__file__).parents[2]
SETTINGS = {"device": "cpu", "threads": 1, "size": "fast", "body_model": None, "field_of_view": None}


@pytest.fixture
def client():
    client = WorkerClient()
    yield client
    client.stop()


def acting(code, **options):
    """A client of a process that runs `code` instead of the worker."""
    return WorkerClient(lambda: [sys.executable, "-c", code], **options)


def ask(client, photo, folder, box=None, **settings):
    client.send("estimate", path=str(photo), box=box, settings=SETTINGS | settings, folder=str(folder))


def runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def messages_of(client):
    messages = []
    while not messages or isinstance(messages[-1], Progress):
        message = client.poll()
        if message is None:
            time.sleep(0.01)
        else:
            messages.append(message)
    return messages


def test_it_runs_this_package_on_this_python(client):
    client.send("ping")
    result = client.wait()
    assert Path(result["package"]).samefile(ROOT)
    assert result["python"] == sys.version.split()[0]
    assert "CPUExecutionProvider" in result["providers"]


def test_it_gives_what_the_engine_gives(client, tmp_path):
    photo = ROOT / "examples" / "person.jpg"
    ask(client, photo, tmp_path)
    *progress, answer = messages_of(client)
    assert isinstance(answer, Answer)
    shares = [message.share for message in progress]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] < 1
    expected = Engine().estimate(read_image(photo)).estimate
    found = BodyEstimate.load(Path(answer.result["estimate"]))
    np.testing.assert_allclose(found.poses, expected.poses, atol=1e-4)
    np.testing.assert_allclose(found.trans, expected.trans, atol=1e-4)
    assert Path(answer.result["photo"]) == photo


def test_networks_stay_loaded_and_the_field_of_view_can_change(client, tmp_path):
    photo = ROOT / "examples" / "person.jpg"
    focals, seconds = [], []
    for field_of_view in (40.0, 80.0):
        start = time.monotonic()
        ask(client, photo, tmp_path, field_of_view=field_of_view)
        focals.append(BodyEstimate.load(Path(client.wait()["estimate"])).focal)
        seconds.append(time.monotonic() - start)
    assert focals[0] / focals[1] == pytest.approx(np.tan(np.deg2rad(40)) / np.tan(np.deg2rad(20)), rel=1e-6)
    assert seconds[1] < seconds[0]


def test_a_fault_of_the_input_is_told_and_the_worker_goes_on(client, tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((300, 300, 3), 90, np.uint8))
    ask(client, tmp_path / "missing.jpg", tmp_path)
    with pytest.raises(UserError, match=r"missing\.jpg does not exist"):
        client.wait()
    process = client.process_id
    ask(client, tmp_path / "grey.png", tmp_path)
    assert isinstance(messages_of(client)[-1], Failure)
    client.send("ping")
    client.wait()
    assert client.process_id == process


def test_a_fault_of_ours_is_told_and_the_worker_goes_on(client, tmp_path):
    client.send("estimate", path="a.jpg")
    with pytest.raises(UserError, match="TypeError"):
        client.wait()
    client.send("ping")
    client.wait()


def test_what_libraries_print_is_not_taken_for_an_answer():
    code = (
        "import os, body_from_image.inference.worker as w\n"
        "w.ping = lambda answer: (print('noise'), os.system('echo noise'), {'ok': 1})[-1]\n"
        "w.main()"
    )
    client = acting(code)
    client.send("ping")
    assert client.wait() == {"ok": 1}
    client.stop()


def test_a_killed_worker_is_reported_and_the_next_request_has_a_new_one():
    commands = iter([[sys.executable, "-c", "import time; time.sleep(60)"], worker_command()])
    client = WorkerClient(lambda: next(commands))
    client.send("estimate")
    killed = client.process_id
    os.kill(killed, signal.SIGKILL)
    (failure,) = messages_of(client)
    assert "ended by itself" in failure.sentence
    client.send("ping")
    assert client.wait()
    assert client.process_id != killed
    client.stop()


def test_a_crash_is_reported_with_the_last_words():
    client = acting("import os, sys; input(); print('libfoo: bad thing', file=sys.stderr, flush=True); os.abort()")
    client.send("ping")
    (failure,) = messages_of(client)
    assert "libfoo: bad thing" in failure.sentence and not client.busy


def test_a_worker_that_died_idle_is_replaced_silently():
    client = WorkerClient()
    client.send("ping")
    client.wait()
    os.kill(client.process_id, signal.SIGKILL)
    time.sleep(0.1)
    client.send("ping")
    assert client.wait()
    client.stop()


def test_a_hung_worker_is_ended_and_reported():
    client = acting("import time; time.sleep(60)", patience=0.3)
    client.send("ping")
    process = client.process_id
    (failure,) = messages_of(client)
    assert "did not answer" in failure.sentence
    assert not runs(process)


def test_cancelling_is_quick_and_asking_never_waits(client, tmp_path):
    ask(client, ROOT / "examples" / "person.jpg", tmp_path)
    while client.poll() is None:  # until it is in the middle of its work
        pass
    slowest, until = 0.0, time.monotonic() + 0.2
    while client.busy and time.monotonic() < until:
        start = time.monotonic()
        client.poll()
        slowest = max(slowest, time.monotonic() - start)
    process, start = client.process_id, time.monotonic()
    client.stop()
    assert time.monotonic() - start < 0.5
    assert slowest < 0.1
    assert not runs(process) and not client.busy


def test_it_ends_with_the_process_that_started_it():
    client = WorkerClient()
    client.send("ping")
    client.wait()
    client._process.stdin.close()
    assert client._process.wait(timeout=5) == 0


def ask_motion(client, paths, folder, **changed):
    options = {"frame_rate": 25.0, "strength": 0.5, "keep_feet": False} | changed
    fields = {"box": None, "most": 1, "settings": SETTINGS, "options": options}
    client.send("motion", paths=[str(path) for path in paths], folder=str(folder), **fields)


@pytest.fixture
def clip(tmp_path):
    """Five numbered pictures of a person; the third is broken."""
    folder = tmp_path / "clip"
    folder.mkdir()
    photo = cv2.resize(cv2.imread(str(ROOT / "examples" / "person.jpg")), (240, 320), interpolation=cv2.INTER_AREA)
    for number in range(1, 6):
        cv2.imwrite(str(folder / f"p{number}.png"), np.roll(photo, number, axis=1))
    (folder / "p3.png").write_bytes((folder / "p3.png").read_bytes()[:1000])
    return folder


def test_a_motion_is_told_frame_by_frame_and_comes_raw_and_smoothed(client, clip, tmp_path):
    ask_motion(client, [clip / "p2.png"], tmp_path, keep_feet=True)
    *progress, answer = messages_of(client)
    assert [m.stage for m in progress if "Frame" in m.stage] == [f"Frame {n} of 5" for n in range(1, 6)]
    shares = [message.share for message in progress]
    assert shares == sorted(shares) and shares[-1] < 1
    (person,) = answer.result["people"]
    raw, estimate = (BodyEstimate.load(Path(person[name])) for name in ("raw", "estimate"))
    model = BodyModel.load()
    assert raw.frame_count == 5 and raw.mocap_framerate == 25 and raw.score[2] == 0 < raw.score[1]
    np.testing.assert_array_equal(estimate.poses, smooth_motion(raw, model, 0.5, True).poses)
    assert [Path(file).name for file in answer.result["behind"]] == [f"p{n}.png" for n in range(1, 6)]
    assert any("p3.png" in remark for remark in answer.result["remarks"])


def test_each_picture_gives_a_body_or_a_sentence(client, clip, tmp_path):
    client.send("pictures", paths=[str(clip)], settings=SETTINGS, folder=str(tmp_path))
    pictures = client.wait()["pictures"]
    assert [picture["name"] for picture in pictures] == [f"p{n}" for n in range(1, 6)]
    assert ["error" in picture for picture in pictures] == [False, False, True, False, False]
    assert BodyEstimate.load(Path(pictures[4]["estimate"])).source == "p5.png"


def test_a_full_disk_is_a_sentence_and_the_worker_goes_on(clip, tmp_path):
    """The worker may write files of a kilobyte at most, as on a disk with no more room."""
    client = WorkerClient(lambda: ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *worker_command()])
    ask_motion(client, [clip], tmp_path)
    with pytest.raises(UserError, match="Could not write"):
        client.wait()
    assert not list(tmp_path.glob("estimate*"))
    client.send("ping")
    assert client.wait()
    client.stop()


def test_a_missing_library_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="install it again"):
        worker_command()


def test_a_blender_without_python_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/opt/blender/blender")
    with pytest.raises(UserError, match="own Python"):
        worker_command()
