"""Measure Human2D: `python -m body_from_image.training evaluate-human2d [--network FILE]… [--beside-movenet FOLDER]
[--beside-mediapipe PYTHON]`.

Several networks, MoveNet where the folder of its published weights is named, and MediaPipe Pose where an interpreter
that has it is, are asked about the same pictures in one
run; the tables are printed and written.
"""

import argparse
from pathlib import Path

from ....inference.models import MODELS
from ...measure.figures import figures_file, keep
from ...measure.pages import tables_of
from ...measure.timing import load
from .answers import open_network
from .compositions import compose, empty_pictures
from .cut_off import cut_pictures
from .methods import Pictures, names_of, of_mediapipe, of_movenet, of_network, speeds_of, whole_answer
from .pictures import demo_photos, further_labels, validation
from .report import page
from .thresholds import threshold_tables

REPORT = Path(__file__).parents[3] / "docs" / "training" / "human2d_figures.md"
TIMED = 60
"""Pictures in which the whole answer is timed."""


def all_pictures(limit: int | None) -> Pictures:
    """All pictures of the evaluation; `limit` of each source, for a quick look."""
    scenes = compose("validation", 12 if limit is None else max(1, limit // 10))
    crops = validation(limit)
    cut = {name: cut_pictures(crops[name]) for name in ("lspet", "ccp")}
    return Pictures(crops, cut, scenes, empty_pictures("validation")[:limit], demo_photos(limit))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-human2d", description="Measure Human2D side by side.")
    parser.add_argument("--network", type=Path, action="append", help="ONNX file (default: fast); several may be given")
    parser.add_argument("--beside-movenet", type=Path, metavar="FOLDER", help="MoveNet's published weights")
    parser.add_argument("--beside-mediapipe", type=Path, metavar="PYTHON", help="interpreter that has mediapipe")
    parser.add_argument("--limit", type=int, help="pictures of each source; the page is then only printed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--thresholds", action="store_true", help="only what the engine's thresholds are chosen by")
    parser.add_argument("--out", type=Path, help=f"the page; default: {REPORT.relative_to(REPORT.parents[2])}")
    options = parser.parse_args(arguments)
    files = options.network or [MODELS / "human2d_fast.onnx"]
    if options.thresholds:
        for file in files:
            print(f"# {file.stem}, calibration split\n")
            print(threshold_tables(open_network(file, options.threads), limit=options.limit))
        return
    pictures = all_pictures(options.limit)
    named = zip(names_of(files), files, strict=True)
    methods = [method for name, file in named for method in of_network(name, file, pictures, options.threads)]
    speeds = speeds_of(files)
    for file, name in zip(files, names_of(files), strict=True):
        images = [crop.image for crop in pictures.crops["lspet"][:TIMED]]
        speeds.cpu[f"{name}, whole answer"] = whole_answer(file, images, options.threads)
    if options.beside_movenet:
        found, milliseconds = of_movenet(options.beside_movenet, pictures, options.threads)
        methods += found
        speeds.cpu.update(milliseconds)
    if options.beside_mediapipe:
        method, milliseconds = of_mediapipe(options.beside_mediapipe, pictures)
        methods.append(method)
        speeds.cpu[method.name] = milliseconds
    taught = {name: further_labels(name, options.limit) for name in ("lspet", "ccp")}
    text = page(methods, pictures, taught, speeds, load())
    print(text)
    out = options.out or (None if options.limit else REPORT)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
    if out and out.resolve() == REPORT.resolve():
        keep(figures_file(REPORT.stem), "evaluate-human2d", arguments, tables_of(text))
