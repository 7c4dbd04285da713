"""The arrows between rooms run one way: panels → operators → rig → inference ← training, and so they do within."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "inference": set(),
    "rig": {"inference"},
    "operators": {"rig", "inference"},
    "panels": {"operators", "inference"},
    "shell": {"rig", "inference"},
    "training": {"inference"},
}
WITHIN = {
    "inference": {
        "errors": set(),
        "models": set(),
        "geometry": set(),
        "files": {"errors", "geometry"},
        "body": {"errors", "models", "geometry", "files"},
        "networks": {"errors", "models", "geometry", "body"},
        "refinement": {"geometry", "body"},
        "correction": {"errors", "geometry", "body", "refinement"},
        "motion": {"geometry", "body", "networks", "refinement"},
        "drawing": {"errors", "geometry", "files", "body"},
    },
    "training": {
        "data": set(),
        "measure": {"data"},
        "runs": set(),
        "body": set(),
        "people": {"data", "body"},
        "synthetic": {"data", "body", "people"},
        "human2d": {"data", "measure", "runs", "synthetic"},
        "pose_density": {"people"},
        "priors": {"data", "measure", "runs", "body", "people"},
        "lifting": {"data", "measure", "runs", "body", "people", "human2d", "priors"},
        "refinement": {"data", "measure", "people", "priors", "lifting"},
        "motion": {"data", "measure", "runs", "people", "synthetic", "priors"},
        "reprojection": {"data", "measure", "runs", "body", "people", "human2d", "priors", "refinement"},
        "hmr": {"data", "measure", "runs", "body", "people", "synthetic", "human2d", "priors", "reprojection"},
    },
}
"""What each room in a room may import of the others; the programs at the root of one may import them all. Those of a
room come after those that they stand on, so there is no circle."""
FOREIGN = {"inference": {"bpy", "mathutils", "torch", "smplx", "scipy", "onnx"}, "training": {"mathutils"}}
SHIPPED = ("inference", "rig", "operators", "panels")


def imports_of(file: Path) -> set[str]:
    """Top-level names that a file imports: other packages, and rooms of ours (also through relative imports)."""
    names = {path[0] for path in modules_of(file)}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def modules_of(file: Path) -> set[tuple[str, ...]]:
    """What of ours a file imports, each as a path from the root: ("inference", "geometry", "joints", …)."""
    found, package = set(), file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            path = (*base, *(node.module.split(".") if node.module else ()))
            found |= {(*path, alias.name) for alias in node.names}
    return found


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_the_rooms_it_may(room):
    rooms = set(ALLOWED) - {room}
    for file in files_of(room):
        wrong = imports_of(file) & rooms - ALLOWED[room]
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("room", WITHIN)
def test_the_rooms_in_a_room_stand_on_each_other_in_order(room):
    floors = WITHIN[room]
    order = list(floors)
    assert all(order.index(below) < order.index(name) for name, beneath in floors.items() for below in beneath)
    folders = {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
    assert folders == {name for name in floors if (ROOT / room / name).is_dir()}
    for file in files_of(room):
        own = file.relative_to(ROOT / room).parts[0].removesuffix(".py")
        if own in floors:
            # A file at the root that is no floor of its own, such as the engine, is a program upon them all.
            found = {path[1] for path in modules_of(file) if path[0] == room and len(path) > 1} - {own}
            wrong = found - floors[own]
            assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


@pytest.mark.parametrize("room", FOREIGN)
def test_a_room_does_not_know_what_it_must_not(room):
    for file in files_of(room):
        wrong = imports_of(file) & FOREIGN[room]
        # One training program drives Blender to draw the example picture; it is never part of a run.
        if file.name == "example_picture.py":
            wrong -= {"mathutils"}
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_nothing_that_ships_can_reach_training():
    for room in SHIPPED:
        for file in files_of(room):
            assert "training" not in imports_of(file), file


def test_the_engine_loads_without_blender_and_torch():
    code = (
        "import sys, body_from_image.inference.engine, body_from_image.inference.clip\n"
        "sys.exit(', '.join({'bpy', 'torch', 'smplx'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_room_without_an_idea():
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT).parts
        if not parts[0].startswith("."):
            assert not {"utils", "helpers", "common", "misc"} & {Path(part).stem for part in parts}, file


def test_an_install_has_every_package():
    """`pip install .` takes the packages that pyproject.toml names, and an editable install hides what is missing."""
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    tracked = subprocess.run(["git", "ls-files", "*__init__.py"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("this is no git checkout")
    rooms = {".".join(["body_from_image", *Path(file).parent.parts]) for file in tracked.stdout.split()}
    assert set(named) == rooms
