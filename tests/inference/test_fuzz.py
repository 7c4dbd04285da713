"""10 800 damaged files of every kind that is read: each is read, or refused in a sentence, at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="onnx writes the network that is damaged")
SEEDS, INPUTS = range(20, 24), 2700
"""Processes, one after the other, and how many inputs each is given."""
SECONDS = 20
"""For one input, on a busy machine."""
MEGABYTES = 500
"""That the process may grow by over all inputs."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_are_read_or_refused(tmp_path, seed):
    program = Path(__file__).with_name("fuzz_inputs.py")
    command = [sys.executable, str(program), str(tmp_path), str(INPUTS), str(seed), str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True)
    last = tmp_path / "last"
    culprit = tmp_path / last.read_text() if last.exists() else program
    assert done.returncode == 0, f"{culprit} (code {done.returncode}):\n{done.stderr[-3000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(found))
    read, refused = (sum(one[what] for one in found["counts"].values()) for what in ("read", "refused"))
    assert read + refused == INPUTS and refused > INPUTS / 4 and read > INPUTS / 10
    assert found["megabytes"] < MEGABYTES
