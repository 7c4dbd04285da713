"""The zip, built once, and a fresh Blender that it is installed into as a user installs it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 1200
"""Seconds after which what was started hangs, also on a machine that is busy with ten other things."""
BLENDERS_OWN = ("bpy", "numpy", "numpy.libs", "requests", "urllib3", "idna", "certifi", "charset_normalizer")


def call(operator, **options):
    """What an operator said when it failed; empty when it did not."""
    try:
        assert operator(**options) == {"FINISHED"}
    except RuntimeError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def registered():
    """The operators, as Blender has them while the extension is enabled. Left registered, they would break its exit."""
    from body_from_image import operators

    operators.register()
    yield
    operators.unregister()


@pytest.fixture
def empty_scene(monkeypatch):
    """Without preferences, which only an installed extension has: the bundled body is in use."""
    import bpy
    from body_from_image.operators import import_npz, on_character, pose_correctives

    bpy.ops.wm.read_factory_settings(use_empty=True)
    for module in (import_npz, on_character, pose_correctives):
        monkeypatch.setattr(module, "body_model_file", lambda context: None)


@pytest.fixture(scope="module")
def model():
    from body_from_image.inference.body.body_model import BodyModel

    return BodyModel.load()


@pytest.fixture(scope="session")
def zip_file(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "build_extension.py", "--platform", "linux-x64", "--python", "311", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.zip")
    return built


def facts_of(script: Path, *arguments: object, resources: Path) -> dict:
    """What a script, run in a fresh Blender, prints as JSON after FACTS. `resources` gets the user's Blender files."""
    environment = os.environ | {
        "BLENDER_USER_RESOURCES": str(resources / "blender"),
        "PYTHONPATH": str(blenders_own_packages(resources)),
    }
    # -S: without this interpreter's packages, as in a Blender that nobody has installed anything into.
    command = [sys.executable, "-S", str(script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    return json.loads(line.removeprefix("FACTS "))


def blenders_own_packages(resources: Path) -> Path:
    packages = resources / "packages"
    packages.mkdir()
    site = Path(importlib.util.find_spec("bpy").origin).parents[1]
    for name in BLENDERS_OWN:
        if (site / name).exists():
            (packages / name).symlink_to(site / name)
    return packages
