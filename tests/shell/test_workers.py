"""`--workers`: the same results in the same order, whatever becomes of a worker."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.destination import remove_unfinished
from body_from_image.shell.processes import Processes
from body_from_image.shell.table import Outcome
from body_from_image.shell.workers import FALSE_STARTS, OWN_FILES, Died, Ready, Sharing

from ..conftest import EXAMPLE
from .test_resume import hears_interrupts


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Six small pictures: slightly different, and the fourth cut off."""
    folder = tmp_path_factory.mktemp("pictures")
    photo = cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA)
    for number in range(6):
        cv2.imwrite(str(folder / f"p{number}.png"), np.roll(photo, number, 1))
    (folder / "p3.png").write_bytes((folder / "p3.png").read_bytes()[:500])
    return folder


def command(pictures: Path, out: Path, *options) -> list[str]:
    return ["estimate", str(pictures), "--out", str(out), *map(str, options)]


def told(outcomes: list[dict]) -> list[dict]:
    return [outcome | {"seconds": 0} for outcome in outcomes]


def children_of(process: int) -> set[int]:
    """Its workers' numbers (Linux)."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
    return found


def test_two_workers_give_what_one_gives(pictures, tmp_path, capsys):
    results = {}
    for count in (1, 2):
        assert (
            main(command(pictures, tmp_path / str(count), "--format", "npz,overlay", "--json", "--workers", count)) == 3
        )
        results[count] = json.loads(capsys.readouterr().out)
    assert told(results[1]) == told(results[2])
    assert [bool(outcome["error"]) for outcome in results[2]] == [False, False, False, True, False, False]
    for path in (tmp_path / "1").glob("p*"):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes(), path.name
    assert main(command(pictures, tmp_path / "1", "--format", "npz,overlay", "--workers", "2", "--resume")) == 3
    assert "5 of 6 gave a body, 5 of them in an earlier run (passed over)." in capsys.readouterr().out


def test_workers_write_blenders_files(pictures, tmp_path, capsys):
    pytest.importorskip("bpy")
    inputs = [str(pictures / f"p{number}.png") for number in (0, 1)]
    out = tmp_path / "o"
    assert main(["estimate", *inputs, "--out", str(out), "--format", "fbx,glb,blend", "--workers", "2"]) == 0
    for name in ("p0", "p1"):
        assert (out / f"{name}.fbx").read_bytes().startswith(b"Kaydara FBX Binary")
        assert (out / f"{name}.glb").read_bytes().startswith(b"glTF")
        assert (out / f"{name}.blend").stat().st_size > 100_000


@pytest.fixture
def running(pictures, tmp_path):
    """A batch of twenty pictures by two workers, in a process of its own, of which some are done."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(20):
        shutil.copy(pictures / "p0.png", folder / f"m{number}.png")
    arguments = command(folder, tmp_path / "o", "--format", "npz", "--workers", "2")
    process = subprocess.Popen(
        [sys.executable, "-m", "body_from_image", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=hears_interrupts,
    )  # fmt: skip
    while len(list((tmp_path / "o").glob("*.npz"))) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    yield process
    process.kill()


on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are found in /proc")


@on_linux
def test_a_killed_worker_costs_nothing(running, tmp_path):
    os.kill(children_of(running.pid).pop(), signal.SIGKILL)
    said, _ = running.communicate(timeout=240)
    assert running.returncode == 0 and "20 of 20 gave a body." in said
    names = [line.split()[0] for line in said.splitlines() if ".npz" in line]
    assert names == [f"m{number}" for number in range(20)]
    for number in range(20):
        assert BodyEstimate.load(tmp_path / "o" / f"m{number}.npz").frame_count == 1
    assert {path.suffix for path in (tmp_path / "o").iterdir() if path.is_file()} == {".npz"}


@on_linux
def test_ctrl_c_ends_all_and_tells_what_is_done(running, tmp_path):
    workers = children_of(running.pid)
    assert len(workers) == 2
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all
    began = time.monotonic()
    said, remarks = running.communicate(timeout=60)
    assert running.returncode == 130 and time.monotonic() - began < 20
    assert "Stopped." in remarks and "Traceback" not in remarks
    assert "of 20 gave a body; stopped before " in said.splitlines()[-1]
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not [path.name for path in (tmp_path / "o").iterdir() if "unfinished" in path.name]
    for path in (tmp_path / "o").glob("*.npz"):
        BodyEstimate.load(path)


def test_a_folder_that_cannot_be_written_to_is_a_sentence_each(pictures, tmp_path, capsys):
    for number in range(6):
        (tmp_path / "o" / f"p{number}.npz").mkdir(parents=True)
    assert main(command(pictures, tmp_path / "o", "--format", "npz", "--workers", "2")) == 3
    said = capsys.readouterr().out
    assert said.count("FAILED: Could not write") == 5 and "0 of 6 gave a body." in said


def test_a_motion_is_not_shared_out(pictures, tmp_path, capsys):
    assert main(command(pictures, tmp_path / "o", "--motion", "--workers", "2")) == 2
    assert "a motion is one whole" in capsys.readouterr().err


class Played:
    """Workers that die of what they are told to: `fatal` is how many die of each number, `refused` how many of the
    first starts fail."""

    def __init__(self, fatal: dict[int, int] | None = None, refused: int = 0, dead_on_arrival: int = 0):
        self.fatal, self.refused, self.dead_on_arrival = dict(fatal or {}), refused, dead_on_arrival
        self.started, self.given, self.said, self.stopped = 0, [], [], False

    def start(self) -> int:
        if self.refused:
            self.refused -= 1
            raise UserError("The system gives no further process: no memory.")
        self.started += 1
        dead = self.started <= self.dead_on_arrival
        self.said.append((self.started, Died("it was killed by signal 9") if dead else Ready()))
        return self.started

    def give(self, worker: int, index: int) -> None:
        self.given.append((worker, index))
        if self.fatal.get(index, 0):
            self.fatal[index] -= 1
            self.said.append((worker, Died("it was killed by signal 9")))
        else:
            self.said.append((worker, Outcome(f"p{index}", score=1.0)))

    def listen(self) -> list:
        said, self.said = self.said, []
        assert said, "waits for workers that have nothing to say"
        return said

    def stop(self) -> None:
        self.stopped = True


class Asked:
    """As much of a job as is needed to share it out."""

    def __init__(self, out: Path, count: int):
        self.out, self.names = out, [f"p{index}" for index in range(count)]


def shared_out(tmp_path, workers: Played, count: int = 8) -> dict[int, Outcome]:
    results = list(Sharing(Asked(tmp_path, count), workers, 2).run(range(count)))
    assert workers.stopped and len(dict(results)) == len(results) == count  # nothing is lost, and nothing twice
    return dict(results)


def test_of_what_two_workers_die_is_given_up_and_named(tmp_path):
    workers = Played({2: 1, 4: 5})
    results = shared_out(tmp_path, workers)
    assert {index for index, outcome in results.items() if outcome.error} == {4}
    assert results[4].name == "p4" and "Two workers died of it: it was killed by signal 9" in results[4].error
    tried = [worker for worker, index in workers.given if index == 4]
    assert len(tried) == len(set(tried)) == 2 and workers.started == 5


@pytest.mark.parametrize("trouble", [{"refused": FALSE_STARTS - 1}, {"dead_on_arrival": FALSE_STARTS - 1}])
def test_some_workers_that_do_not_start_cost_nothing(tmp_path, trouble):
    assert not any(outcome.error for outcome in shared_out(tmp_path, Played(**trouble)).values())


@pytest.mark.parametrize("trouble", [{"refused": 100}, {"dead_on_arrival": 100}])
def test_when_none_starts_every_input_is_named(tmp_path, trouble):
    workers = Played(**trouble)
    results = shared_out(tmp_path, workers)
    assert all("No worker could be started for it: " in outcome.error for outcome in results.values())
    assert workers.started <= FALSE_STARTS + 1


def test_a_system_that_gives_no_process_is_a_sentence(monkeypatch):
    def refuse():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    processes = Processes(None, 1)
    monkeypatch.setattr(processes._context, "Pipe", refuse)
    with pytest.raises(UserError, match="no further process: Too many open files"):
        processes.start()


def test_a_last_worker_that_dies_with_all_others_idle(tmp_path):
    assert not shared_out(tmp_path, Played({1: 1}), 2)[1].error


def test_only_ones_own_unfinished_files_are_removed(tmp_path):
    own = [".a.0123abcd.unfinished.npz", ".a.overlay.0123abcd.unfinished.png", ".a.2.0123abcd.unfinished.bvh"]
    others = [".a.b.0123abcd.unfinished.npz", ".ab.0123abcd.unfinished.npz", "a.npz", ".a.hidden.npz"]
    for name in own + others:
        (tmp_path / name).touch()
    remove_unfinished(tmp_path, "a" + OWN_FILES)
    assert {path.name for path in tmp_path.iterdir()} == set(others)
