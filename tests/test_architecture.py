"""The arrows between rooms run one way: panels → operators → rig → inference ← training."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "inference": set(),
    "rig": {"inference"},
    "operators": {"rig", "inference"},
    "panels": {"operators", "inference"},
    "training": {"inference"},
}
FOREIGN = {"inference": {"bpy", "mathutils", "torch", "smplx", "scipy", "onnx"}, "training": {"mathutils"}}
SHIPPED = ("inference", "rig", "operators", "panels")


def imports_of(file: Path) -> set[str]:
    """Top-level names that a file imports: other packages, and rooms of ours (also through relative imports)."""
    names, package = set(), file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            path = (*base, *(node.module.split(".") if node.module else ()))
            names |= {path[0]} if path else {alias.name for alias in node.names}
    return names


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_the_rooms_it_may(room):
    rooms = set(ALLOWED) - {room}
    for file in files_of(room):
        wrong = imports_of(file) & rooms - ALLOWED[room]
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
        "import sys, body_from_image.inference.engine, body_from_image.inference.motion\n"
        "sys.exit(', '.join({'bpy', 'torch', 'smplx'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_room_without_an_idea():
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT).parts
        if not parts[0].startswith("."):
            assert not {"utils", "helpers", "common", "misc"} & {Path(part).stem for part in parts}, file
