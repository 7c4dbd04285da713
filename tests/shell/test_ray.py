"""`--ray`: the same results from a cluster, of which a worker may die."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from body_from_image.__main__ import main
from body_from_image.inference.body.body_estimate import BodyEstimate

from ..conftest import EXAMPLE

with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (the extra cluster)"
)


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Twenty small pictures, of which one is cut off."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "p0.png"), cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA))
    for number in range(1, 20):
        shutil.copy(folder / "p0.png", folder / f"p{number}.png")
    (folder / "p12.png").write_bytes((folder / "p12.png").read_bytes()[:500])
    return folder


def actors() -> set[int]:
    """Processes of our engines on a cluster (Linux)."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::Remote"):
                found.add(int(folder.name))
    return found


def started(command: list[str], folder: Path) -> subprocess.Popen:
    """The command when its cluster runs, for which Ray gives a busy machine too little time."""
    # Ray lets workers run at a low priority, so that they would come to nothing there.
    environment = os.environ | {"RAY_worker_niceness": "0"}
    for _ in range(4):
        before = actors()
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment
        )
        while running.poll() is None:
            if actors() - before:
                return running
            time.sleep(0.1)
        said, remarks = running.communicate()
        assert running.returncode == 2 and "Ray did not start here" in remarks, (said, remarks)
    pytest.skip("Ray did not start within its half a minute: this machine is too busy")


def test_without_ray_a_sentence_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # what Python makes of a module that is not installed
    assert main(["estimate", str(EXAMPLE), "--out", str(tmp_path / "o"), "--format", "npz", "--ray", "local"]) == 2
    assert 'pip install "body-from-image[cluster]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [("5", "The cluster has 2 cores, which is too few for 5 workers."), ("2", "Ray did not start here: Too busy.")],
)
def test_a_cluster_that_is_too_small_or_does_not_start_is_a_sentence(tmp_path, capsys, monkeypatch, workers, sentence):
    """With a stand-in for Ray."""

    def init(*_, **__):
        if workers == "2":
            raise Exception("Too busy.")

    small = SimpleNamespace(init=init, cluster_resources=lambda: {"CPU": 2.0}, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", small)
    arguments = ["estimate", str(EXAMPLE), "--out", str(tmp_path / "o"), "--format", "npz", "--ray", "local"]
    assert main([*arguments, "--workers", workers]) == 2
    assert sentence in capsys.readouterr().err


@with_ray
@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path, capsys):
    arguments = ["estimate", str(EXAMPLE), "--out", str(tmp_path / "o"), "--format", "npz", "--ray", "127.0.0.1:9"]
    assert main(arguments) == 2
    assert "No Ray cluster answers at 127.0.0.1:9" in capsys.readouterr().err


@with_ray
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are found in /proc")
def test_nothing_is_lost_and_nothing_twice_when_a_worker_is_killed(pictures, tmp_path):
    before = actors()
    out = tmp_path / "o"
    command = [sys.executable, "-m", "body_from_image", "estimate", pictures.name, "--out", "o", "--format", "npz"]
    command += ["--json", "--ray", "local", "--workers", "2"]
    running = started(command, tmp_path)
    while len(list(out.glob("*.npz"))) < 3:
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    os.kill((actors() - before).pop(), signal.SIGKILL)
    said, remarks = running.communicate(timeout=500)
    assert running.returncode == 3, remarks
    outcomes = json.loads(said)
    assert [outcome["name"] for outcome in outcomes] == [f"p{number}" for number in range(20)]
    assert [outcome["name"] for outcome in outcomes if outcome["error"]] == ["p12"]
    assert {path.name for path in out.glob("*.npz")} == {f"p{number}.npz" for number in range(20) if number != 12}
    assert {path.name for path in out.iterdir() if "unfinished" in path.name} == set()

    assert main(["estimate", str(pictures / "p0.png"), "--out", str(tmp_path / "alone"), "--format", "npz"]) == 0
    alone = BodyEstimate.load(tmp_path / "alone" / "p0.npz")
    for number in (0, 1, 19):
        assert np.array_equal(BodyEstimate.load(out / f"p{number}.npz").poses, alone.poses)
    resumed, _ = started([*command, "--resume"], tmp_path).communicate(timeout=500)
    assert [outcome["name"] for outcome in json.loads(resumed) if not outcome["passed_over"]] == ["p12"]
