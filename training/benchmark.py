"""Speed and memory on this machine: `python -m body_from_image.training benchmark --image photo.jpg`.

Medians over repeated runs in one process; cold starts and peak memory are measured on fresh processes. On a machine
that is busy with others, `--threads 1 --processor-time` counts what one core works.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..inference.clip import MotionOptions, estimate_motion, look_at_frames
from ..inference.engine import Engine, Settings
from ..inference.files.frames import InputItem
from ..inference.files.images import Photo, read_image, write_picture
from ..inference.models import MODELS
from ..inference.networks.crop import CROP_SIZE
from ..inference.networks.everybody import find_everybody
from ..inference.networks.runtime import SIZES
from .measure.figures import add_json_option, keep
from .measure.timing import crop_milliseconds, load, median_ms

PHOTO_PIXELS = 1_000_000
TARGETS = {"cold start to FBX": 6000.0, "peak memory without bpy": 1000.0}
FILM_SIZE, FILM_FRAMES = (720, 960), 45
"""Width and height of the film, and how many of its frames are measured."""
RATIOS = {
    "Human2D fast, one crop": 1.5, "photo to BodyEstimate": 8.0, "seven people, refined": 70.0,
    "a frame of a film, refined": 3.1,
}  # fmt: skip
"""What may be how many times as long as a look of MoveNet Thunder in the same run."""
THUNDER = "MoveNet Thunder, one crop"


@dataclass(frozen=True)
class Measure:
    """With how many threads, how often, and by which clock."""

    threads: int
    repeats: int
    clock: Callable[[], float]

    def __call__(self, action: Callable[[], object]) -> float:
        """Median milliseconds."""
        return median_ms(action, self.repeats, self.clock)

    def crop(self, file: Path, device: str = "cpu") -> float | None:
        """The same of one crop through an exported network; None where it does not run on the device."""
        return crop_milliseconds(file, device, self.threads, self.repeats, self.clock)


def thunder_milliseconds(folder: Path, measure: Measure) -> float:
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
    return measure.crop(file)


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


def film_of(photo: Photo) -> list[Photo]:
    """Pictures of a camera that pans to and fro over a photo."""
    height, width = photo.pixels.shape[:2]
    scale = 0.9 * FILM_SIZE[1] / height
    start = (np.array(FILM_SIZE) - scale * np.array([width, height])) / 2
    shifts = 40 * np.sin(np.arange(FILM_FRAMES) / 15)
    maps = [np.array([[scale, 0, start[0] + shift], [0, scale, start[1]]]) for shift in shifts]
    return [
        replace(photo, pixels=cv2.warpAffine(photo.pixels, one, FILM_SIZE, borderMode=cv2.BORDER_REPLICATE))
        for one in maps
    ]


def film_figures(path: Path, measure: Measure) -> dict[str, float]:
    """Milliseconds of a frame of a film of one person: what is seen of it, and that with the motion made of it,
    smoothed, refined and on the ground."""
    engine = Engine(Settings(device="cpu", threads=measure.threads))
    film, first = film_of(read_image(path)), InputItem("film", Path("film.mp4"), fps=30.0)
    once = replace(measure, repeats=1)
    seen = once(lambda: list(look_at_frames(engine, film)))
    whole = once(lambda: estimate_motion(engine, look_at_frames(engine, film), first, MotionOptions(), True))
    return {"a frame of a film, seen": seen / FILM_FRAMES, "a frame of a film, refined": whole / FILM_FRAMES}


def warm_figures(path: Path, measure: Measure) -> dict[str, float]:
    """Milliseconds of the engine's parts and of the whole, once everything is loaded."""
    engine = Engine(Settings(device="cpu", threads=measure.threads))
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
    return {name: measure(action) for name, action in parts.items()}


def crop_figures(measure: Measure) -> dict[str, float | None]:
    """Milliseconds of one crop through each size of Human2D that is there, on the processor and on CUDA."""
    devices = {"": "cpu", ", CUDA": "cuda"}
    return {
        f"Human2D {size}, one crop{name}": measure.crop(MODELS / f"human2d_{size}.onnx", device)
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
    parser.add_argument("--processor-time", action="store_true", help="of this process alone; not of cold starts")
    options = parser.parse_args(arguments)
    clock = time.process_time if options.processor_time else time.perf_counter
    measure = Measure(options.threads, options.repeats, clock)
    if options.threads == 1:
        cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = one_megapixel(options.image, Path(folder))
        # First, since a child's peak memory begins with its parent's, which torch makes large.
        cold = cold_figures(path, Path(folder), options.cold_repeats)
        figures = {THUNDER: thunder_milliseconds(Path(folder), measure)}
        figures |= crop_figures(measure) | warm_figures(path, measure) | film_figures(path, measure) | cold
    unit = figures[THUNDER]
    time_of = ", processor time but for cold starts" if options.processor_time else ""
    print(f"one megapixel, {options.threads} threads of {load()}, medians{time_of}\n")
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
