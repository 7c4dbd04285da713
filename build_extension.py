"""Build the zips that Blender installs: `python build_extension.py [--platform linux-x64 …] [--python 311 …] [--gpu]`.

One for each platform and each Python that Blender comes with, since libraries for both would weigh a sixth more. Each
holds the rooms that Blender needs and the wheels that Blender lacks, fetched by pip and checked against the hashes in
wheels.lock. Blender's own tool, from the bpy package, builds and validates. This file is not part of the zips."""

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent
ROOMS = ("inference", "rig", "operators", "panels")
NOT_IN_ZIPS = ("human2d_hourglass.onnx", "pose_prior_mocap.onnx")
"""The paper's network sees less than `fast` and takes four times as long: it is there to compare with. PosePrior from
motion capture alone is a choice of the shell, which is not in the zips."""
FILES = ("__init__.py", "LICENSE")
PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_13_0_arm64", "macosx_13_0_universal2"),
}
"""Blender's name of a platform, and the wheels' tags that run there."""
NOT_FOR_GPU = "macos-arm64"
PYTHONS = {"311": ("4.2.0", "5.1.0"), "313": ("5.1.0", None)}
"""Python's version, and the first Blender that has it and the first that no longer has."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="build_extension.py", description=__doc__.splitlines()[0])
    parser.add_argument("--platform", nargs="+", choices=PLATFORMS, help="default: all")
    parser.add_argument("--python", nargs="+", choices=PYTHONS, default=list(PYTHONS), help="default: all")
    parser.add_argument("--gpu", action="store_true", help="with onnxruntime-gpu; Linux and Windows only")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the zips")
    options = parser.parse_args(arguments)
    platforms = options.platform or [name for name in PLATFORMS if not (options.gpu and name == NOT_FOR_GPU)]
    if options.gpu and NOT_FOR_GPU in platforms:
        parser.error(f"there is no onnxruntime-gpu for {NOT_FOR_GPU}")
    for python in options.python:
        for zip_file in build(platforms, python, options.gpu, options.out):
            print(f"{zip_file}  {zip_file.stat().st_size / 1e6:.0f} MB")


def build(platforms: Sequence[str], python: str, gpu: bool, out: Path) -> list[Path]:
    """Build and validate one zip for each platform, for Blenders with this Python; returns their paths."""
    stage = ROOT / "build" / f"extension-{python}{'-gpu' if gpu else ''}"
    shutil.rmtree(stage, ignore_errors=True)
    copy_rooms(stage)
    lock = ROOT / ("wheels-gpu.lock" if gpu else "wheels.lock")
    write_manifest(stage, platforms, python, fetch_wheels(platforms, python, lock, stage / "wheels"))
    out.mkdir(parents=True, exist_ok=True)
    blender = blender_scripts()
    tags = blender / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    call = [sys.executable, str(blender / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py")]
    built = stage.with_name(f"{stage.name}-zips")
    built.mkdir(exist_ok=True)
    source = ["--source-dir", str(stage), "--output-dir", str(built), "--split-platforms", "--valid-tags", str(tags)]
    _run([*call, "build", *source])
    zips = []
    for file in sorted(built.glob("*.zip")):
        _run([*call, "validate", "--valid-tags", str(tags), str(file)])
        name = f"{file.stem}_python{python}{'_gpu' if gpu else ''}.zip"
        zips.append(Path(shutil.move(file, out / name)))
    return zips


def copy_rooms(stage: Path) -> None:
    """What belongs into a zip, and nothing else that lies about."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, stage / room, ignore=shutil.ignore_patterns("__pycache__", ".*", *NOT_IN_ZIPS))
    for file in FILES:
        shutil.copy2(ROOT / file, stage / file)


def fetch_wheels(platforms: Sequence[str], python: str, lock: Path, folder: Path) -> list[str]:
    """Put the locked wheels for all platforms and a Python into `folder`; returns their names. pip checks the
    hashes."""
    for platform in platforms:
        tags = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
        abi = ["--implementation", "cp", "--python-version", python, "--abi", f"cp{python}", "--abi", "abi3"]
        strict = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
        pip = [sys.executable, "-m", "pip", "download", *strict]
        _run([*pip, *tags, *abi, "--requirement", str(lock), "--dest", str(folder)])
    return sorted(wheel.name for wheel in folder.glob("*.whl"))


def write_manifest(stage: Path, platforms: Sequence[str], python: str, wheels: Sequence[str]) -> None:
    """The manifest for these platforms and the Blenders with this Python, with the wheels in it."""
    lines = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8").splitlines()
    first, after = PYTHONS[python]
    versions = f'blender_version_min = "{first}"' + (f'\nblender_version_max = "{after}"' if after else "")
    listed = ",\n".join(f'  "./wheels/{wheel}"' for wheel in wheels)
    narrowed = {
        "blender_version_min =": versions,
        "platforms =": f"platforms = {list(platforms)}\nwheels = [\n{listed},\n]".replace("'", '"'),
    }
    for start, line in narrowed.items():
        lines[next(number for number, old in enumerate(lines) if old.startswith(start))] = line
    text = "\n".join(lines) + "\n"
    tomllib.loads(text)
    (stage / "blender_manifest.toml").write_text(text, encoding="utf-8")


def blender_scripts() -> Path:
    """The folder `scripts` of the installed bpy package."""
    spec = importlib.util.find_spec("bpy")
    if spec is None:
        sys.exit('Blender\'s tool for extensions is part of bpy: pip install "body-from-image[blender]"')
    return next(Path(spec.origin).parent.glob("*/scripts"))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
