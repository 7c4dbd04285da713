"""What moderators of Blender's extensions platform look for, as far as it can be seen in the code and the manifest."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("inference", "rig", "operators", "panels")
SHIPPED = {
    str(file.relative_to(ROOT).as_posix()): ast.parse(file.read_text(encoding="utf-8"))
    for file in [ROOT / "__init__.py", *(file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))]
}
NETWORK = {"socket", "ssl", "urllib", "http", "requests", "ftplib", "smtplib", "asyncio", "webbrowser", "xmlrpc"}
INSTALLERS = {"pip", "ensurepip", "setuptools", "site"}
WHERE = {
    "threading": {"operators/worker_client.py"},
    "subprocess": {"operators/worker_client.py"},
    "concurrent": {"inference/clip.py"},
    "multiprocessing": set(),
    "ctypes": set(),
}
"""Files that may start threads and processes: the near side of the worker, and what reads frames ahead within it."""
OWN_PLACE = {"operators/worker_client.py", "inference/worker.py"}
"""Files that ask where they lie: to start the worker, and to tell where it runs. Nothing is written there."""
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


def imported(tree):
    """First names of all packages that are imported by their full name."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def touches_sys_path(tree):
    attributes = any(
        isinstance(node, ast.Attribute) and node.attr in ("path", "path_hooks", "meta_path")
        and isinstance(node.value, ast.Name) and node.value.id == "sys"
        for node in ast.walk(tree)
    )  # fmt: skip
    return attributes or any(
        isinstance(node, ast.ImportFrom) and node.module == "sys" and {alias.name for alias in node.names} & {"path"}
        for node in ast.walk(tree)
    )


def names(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def called(tree):
    """What is called, as it is written: `eval`, `pickle.loads`."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


RULES = {
    "sys.path stays as it is": (
        lambda tree, file: touches_sys_path(tree),
        "import sys\nsys.path.insert(0, '.')",
    ),
    "nothing is fetched": (lambda tree, file: imported(tree) & NETWORK, "import urllib.request"),
    "nothing is installed": (lambda tree, file: imported(tree) & INSTALLERS, "from pip import main"),
    "threads and processes are where they are told to be": (
        lambda tree, file: {name for name in imported(tree) & WHERE.keys() if file not in WHERE[name]},
        "import threading",
    ),
    "files do not ask where they lie": (
        lambda tree, file: "__file__" in names(tree) and file not in OWN_PLACE,
        "open(__file__)",
    ),
    "no text is run": (lambda tree, file: called(tree) & {"eval", "exec", "compile", "__import__"}, "exec('1')"),
    "nothing is unpickled": (
        lambda tree, file: called(tree) & {"pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads"},
        "import pickle\npickle.loads(b'')",
    ),
    "no shell is asked": (
        lambda tree, file: called(tree) & {"os.system", "os.popen", "os.startfile", "os.execv"},
        "import os\nos.system('true')",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_what_ships_keeps_the_rules(rule):
    broken_by, breach = RULES[rule]
    assert {file for file, tree in SHIPPED.items() if broken_by(tree, file)} == set()
    assert broken_by(ast.parse(breach), "operators/new.py"), "the rule would not be noticed to be broken"


@pytest.mark.parametrize("name", WHERE)
def test_what_is_excepted_is_needed(name):
    assert {file for file, tree in SHIPPED.items() if name in imported(tree)} == WHERE[name]


def test_what_is_registered_bears_our_name():
    given = [
        node.value.value
        for tree in SHIPPED.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["bl_idname"]
        and isinstance(node.value, ast.Constant)
    ]  # fmt: skip
    assert len(given) > 20
    assert [name for name in given if not name.lower().startswith("body_from_image")] == []


def test_the_manifest_asks_for_files_and_nothing_else():
    assert MANIFEST["permissions"].keys() == {"files"}
    for text in (MANIFEST["tagline"], *MANIFEST["permissions"].values()):
        assert len(text) <= 64 and not text.endswith(".")
    assert MANIFEST["license"] == ["SPDX:GPL-3.0-or-later"] and "bl_info" not in (ROOT / "__init__.py").read_text()


def test_wheels_are_pinned_to_published_files():
    for lock in ("wheels.lock", "wheels-gpu.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        assert len(lines) == 2, "onnxruntime and OpenCV"
        for line in lines:
            assert re.fullmatch(r"[\w-]+==[\d.]+(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender's tool comes with bpy")
def test_blenders_tool_finds_the_manifest_valid(tmp_path):
    """The rooms without wheels; the zips are validated whole when they are built (`build_extension.py`)."""
    spec = importlib.util.spec_from_file_location("build_extension", ROOT / "build_extension.py")
    build_extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_extension)
    build_extension.copy_rooms(tmp_path / "stage")
    (tmp_path / "stage" / "blender_manifest.toml").write_bytes((ROOT / "blender_manifest.toml").read_bytes())
    scripts = build_extension.blender_scripts()
    tool = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    command = [sys.executable, str(tool), "validate", "--valid-tags", str(tags), str(tmp_path / "stage")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
