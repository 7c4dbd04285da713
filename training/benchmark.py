"""Speed and memory on this machine: `python -m body_from_image.training benchmark --image photo.jpg`.

Medians over repeated runs in one process; cold starts and peak memory are measured on fresh processes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ..inference.engine import Engine, Settings
from ..inference.files.images import Photo, read_image, write_picture
from ..inference.models import MODELS
from ..inference.networks.crop import CROP_SIZE
from ..inference.networks.everybody import find_everybody
from ..inference.networks.runtime import SIZES
from .measure.figures import add_json_option, keep
from .measure.timing import crop_milliseconds, load, median_ms

PHOTO_PIXELS = 1_000_000
TARGETS = {"cold start to FBX": 6000.0, "peak memory without bpy": 1000.0}
RATIOS = {"Human2D fast, one crop": 1.5, "photo to BodyEstimate": 8.0}
"""What may be how many times as long as a look of MoveNet Thunder in the same run."""
THUNDER = "MoveNet Thunder, one crop"


def thunder_milliseconds(folder: Path, threads: int, repeats: int) -> float:
    """Median of one crop through MoveNet Thunder, the yardstick: its published network, with weights drawn at random,
    which cost as much."""
    # torch is only needed to write the file.
    import torch

    from .human2d.movenet import THUNDER, MoveNet
    from .runs.onnx_export import export

    class Heads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = MoveNet(THUNDER)

        def forward(self, crops):
            return list(self.network(crops).values())

    file = folder / "thunder.onnx"
    export(Heads(), torch.rand(1, 3, CROP_SIZE, CROP_SIZE), file, "crops", list(MoveNet(THUNDER).heads), {})
    return crop_milliseconds(file, threads=threads, repeats=repeats)


def one_megapixel(image: Path, folder: Path) -> Path:
    """The picture at one megapixel, as JPEG."""
    photo = read_image(image)
    scale = (PHOTO_PIXELS / (photo.size[0] * photo.size[1])) ** 0.5
    size = tuple(round(side * scale) for side in photo.size)
    path = folder / "photo.jpg"
    write_picture(path, cv2.resize(photo.pixels, size, interpolation=cv2.INTER_CUBIC))
    return path


def seven_people(photo: Photo) -> Photo:
    """The person of a photo seven times, in two rows, every other one mirrored; as large a picture as theirs."""
    height, width = photo.pixels.shape[:2]
    small = cv2.resize(photo.pixels, (width // 3, height // 3), interpolation=cv2.INTER_AREA)
    nobody = np.full_like(small, small.mean((0, 1)))
    mirrored = small[:, ::-1]
    rows = [[small, mirrored, small, mirrored], [mirrored, small, mirrored, nobody]]
    return replace(photo, pixels=np.concatenate([np.concatenate(row, 1) for row in rows]))


def warm_figures(path: Path, repeats: int, threads: int) -> dict[str, float]:
    """Milliseconds of the engine's parts and of the whole, once everything is loaded."""
    engine = Engine(Settings(device="cpu", threads=threads))
    photo = read_image(path)
    seven = seven_people(photo)
    estimate = engine.estimate(photo).estimate
    keypoints = estimate.keypoints_2d[0]
    camera = engine.camera(photo.size)
    silhouette = np.random.default_rng(0).random((64, 64), np.float32)
    betas = engine.mean_betas[None]
    rotations = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    parts = {
        "find everybody": lambda: engine.finder(photo.pixels),
        "read the photo": lambda: read_image(path),
        "PosePrior and ShapePrior": lambda: (engine.lift(keypoints, camera), engine.shape(silhouette)),
        "body model, one body": lambda: engine.body.pose(betas, rotations),
        "refinement": lambda: engine.refine(estimate),
        "seven people found": lambda: find_everybody(seven.pixels, engine.human2d, engine.finder),
        "seven people, refined": lambda: engine.estimate_people(seven),
        "photo to BodyEstimate": lambda: engine.estimate(read_image(path)),
    }
    return {name: median_ms(action, repeats) for name, action in parts.items()}


def crop_figures(repeats: int, threads: int) -> dict[str, float | None]:
    """Milliseconds of one crop through each size of Human2D that is there, on the processor and on CUDA."""
    devices = {"": "cpu", ", CUDA": "cuda"}
    return {
        f"Human2D {size}, one crop{name}": crop_milliseconds(MODELS / f"human2d_{size}.onnx", device, threads, repeats)
        for size in SIZES
        for name, device in devices.items()
    }


def fresh_process(path: Path, folder: Path, formats: str) -> tuple[float, float]:
    """Milliseconds and peak megabytes of the whole command in a process of its own."""
    shell = [sys.executable, "-m", "body_from_image", "estimate"]
    command = [*shell, str(path), "--out", str(folder), "--format", formats]
    began = time.perf_counter()
    child = subprocess.Popen([*command, "--device", "cpu"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} failed")
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return 1e3 * (time.perf_counter() - began), usage.ru_maxrss / scale


def cold_figures(path: Path, folder: Path, repeats: int) -> dict[str, float]:
    with_fbx = [fresh_process(path, folder, "npz,overlay,fbx")[0] for _ in range(repeats)]
    without = [fresh_process(path, folder, "npz,overlay,mask") for _ in range(repeats)]
    return {
        "cold start to npz, overlay": statistics.median(seconds for seconds, _ in without),
        "cold start to FBX": statistics.median(with_fbx),
        "peak memory without bpy": statistics.median(peak for _, peak in without),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training benchmark")
    parser.add_argument("--image", type=Path, required=True)
    add_json_option(parser, "benchmark")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--cold-repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = one_megapixel(options.image, Path(folder))
        # First, since a child's peak memory begins with its parent's, which torch makes large.
        cold = cold_figures(path, Path(folder), options.cold_repeats)
        figures = {THUNDER: thunder_milliseconds(Path(folder), options.threads, options.repeats)}
        figures |= crop_figures(options.repeats, options.threads) | warm_figures(path, options.repeats, options.threads)
        figures |= cold
    unit = figures[THUNDER]
    print(f"one megapixel, {options.threads} threads of {load()}, medians\n")
    print("| what | figure | looks of MoveNet Thunder | target |\n| --- | ---: | ---: | ---: |")
    for name, value in figures.items():
        if value is None:
            print(f"| {name} | not measured |  |  |")
            continue
        memory = name.startswith("peak")
        ratio = "" if memory else f"{value / unit:.2f}"
        target = f"≤ {TARGETS[name]:.0f}" if name in TARGETS else f"≤ {RATIOS[name]} looks" if name in RATIOS else ""
        print(f"| {name} | {value:.1f} {'MB' if memory else 'ms'} | {ratio} | {target} |")
    looks = {name: value / unit for name, value in figures.items() if value is not None}
    found = {name: {"figure": figures[name], "looks of MoveNet Thunder": look} for name, look in looks.items()}
    keep(options.json, "benchmark", arguments, found)
