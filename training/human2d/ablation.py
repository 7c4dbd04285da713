"""What each step of Human2D's recipe is worth: `python -m body_from_image.training ablate-human2d --out runs/ablation`.

Every row adds one step to the row above and is trained from nothing for the same number of iterations, short enough for
one processor core; the ways to read its maps take one trained network as it is. All is measured on the calibration
split, on which nothing is trained, so that choices made here leave the validation split untouched.
"""

import argparse
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..data.photos2d import CCP, LSPET, load_crops
from ..measure.keypoints2d import Run, pck, predict, relative_errors, silhouette_iou
from ..runs.onnx_export import load_weights
from .export import Shipped
from .network import SIZES, human2d_network
from .reading import decoding_rows, silhouette_rows
from .train import Config, train

PAPER = Config(
    size="hourglass", loss="mse", optimizer="rmsprop", learning_rate=3e-4, augmentation="paper", labels="human",
    packs="photos2d",
)  # fmt: skip


def steps(side: int, iterations: int) -> dict[str, Config]:
    """The rows: what is added, and the whole recipe with it."""
    paper = replace(PAPER, stages=f"{side}:{iterations}")
    entropy = replace(paper, loss="cross-entropy", optimizer="adamw", learning_rate=2e-3)
    wide = replace(entropy, augmentation="ours")
    taught = replace(wide, labels="taught")
    return {
        "the paper's: squared error, RMSprop, its augmentation": paper,
        "+ cross-entropy over positions, AdamW": entropy,
        "+ our wider augmentation": wide,
        "+ MediaPipe's labels where it agrees with people": taught,
        "+ as many iterations on synthetic pictures before": replace(
            taught, stages=f"{side}:{iterations}:1,{side}:{iterations}"
        ),
        "+ a third of synthetic pictures instead": replace(taught, stages=f"{side}:{iterations}:0.33"),
    }


def runner(network: nn.Module) -> Run:
    """A network as `predict` calls it."""
    shipped = Shipped(network.eval())

    def run(images: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.numpy() for output in shipped(torch.from_numpy(images))]

    return run


def figures(run: Run) -> tuple[float, float]:
    """PCK@0.2 on sports and silhouette IoU on fashion pictures of the calibration split."""
    sports, fashion = _calibration(LSPET), _calibration(CCP)
    points, _, _ = predict(run, sports)
    _, _, silhouettes = predict(run, fashion)
    return pck(relative_errors(points, sports)), silhouette_iou(silhouettes, fashion)


@functools.cache
def _calibration(source: int) -> list:
    return load_crops("calibration", (source,))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training ablate-human2d", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder of the runs, resumed if there")
    parser.add_argument("--iterations", type=int, default=600, help="of batch 16, for every row; 0: only --weights")
    parser.add_argument("--side", type=int, default=128, help="of the training crops, in pixels")
    parser.add_argument("--weights", type=Path, help="trained weights to read maps of (.pt or .onnx)")
    parser.add_argument("--size", choices=SIZES, default="fast", help="of --weights")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    table = options.out / "ablation.md"
    options.out.mkdir(parents=True, exist_ok=True)
    lines, rows = [], {}
    if options.iterations:
        rows = steps(options.side, options.iterations)
        lines = [
            f"| step ({options.iterations} iterations of 16 crops each) | PCK@0.2 sports | IoU fashion |",
            "| --- | ---: | ---: |",
        ]
    for number, (name, config) in enumerate(rows.items()):
        run = train(config, options.out / str(number))
        lines.append("| {} | {:.3f} | {:.3f} |".format(name, *figures(runner(run.average.model))))
        table.write_text("\n".join(lines) + "\n")
        print(lines[-1], flush=True)
    if options.weights:
        network = human2d_network(options.size)
        load_weights(network, options.weights, prefix="network.")
        lines += ["", "| decoding | PCK@0.2 | PCK@0.05 |", "| --- | ---: | ---: |"]
        run = runner(network)
        for name, values in decoding_rows(run, _calibration(LSPET)).items():
            lines.append("| {} | {:.3f} | {:.3f} |".format(name, *values))
        lines += ["", "| silhouette | IoU fashion |", "| --- | ---: |"]
        for name, value in silhouette_rows(run, _calibration(CCP)).items():
            lines.append(f"| {name} | {value:.3f} |")
        table.write_text("\n".join(lines) + "\n")
    print(table.read_text())
