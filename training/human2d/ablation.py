"""What each step of Human2D's recipe is worth: `python -m body_from_image.training ablate-human2d --out runs/ablation`.

Every row adds one step to the row above and is trained from nothing for the same number of iterations, short enough for
one processor core; the decoding rows take one trained network as it is. All is measured on the calibration split, on
which nothing is trained, so that choices made here leave the validation split untouched.
"""

import argparse
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from ...inference.heatmaps import decode_heatmaps
from ...inference.joints import KEYPOINT_MIRROR
from ..onnx_export import load_weights
from ..photos2d import CCP, LSPET, load_crops
from .evaluate import pck, predict, relative_errors, silhouette_iou
from .export import Shipped
from .network import SIZES, StackedHourglass
from .train import Config, train

Run = Callable[[np.ndarray], list[np.ndarray]]
PAPER = Config(loss="mse", optimizer="rmsprop", learning_rate=3e-4, augmentation="paper", labels="human")


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


def runner(network: StackedHourglass, side: int) -> Run:
    """A network as `predict` calls it."""
    shipped = Shipped(network.eval(), side)

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


def argmax(heatmaps: np.ndarray) -> np.ndarray:
    """Cells (B, K, 2) of the highest values of heatmaps (B, K, H, W)."""
    y, x = np.divmod(heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(2), heatmaps.shape[3])
    return np.stack([x, y], -1).astype(float)


def quarter_offset(heatmaps: np.ndarray) -> np.ndarray:
    """The peak, moved a quarter of a cell towards its higher neighbour (Newell et al. 2016)."""
    cells = argmax(heatmaps)
    return cells + 0.25 * np.sign(_slopes(heatmaps, cells)[0])


def dark(heatmaps: np.ndarray) -> np.ndarray:
    """The peak, moved by one Newton step on the logarithm of the smoothed heatmap (DARK, Zhang et al. 2020), without
    mixed second derivatives."""
    smooth = np.stack([[cv2.GaussianBlur(one, (0, 0), 1.0) for one in person] for person in heatmaps])
    cells = argmax(heatmaps)
    first, second = _slopes(np.log(np.maximum(smooth, 1e-10)), cells)
    return cells + np.clip(np.where(second < 0, -first / np.minimum(second, -1e-6), 0), -1, 1)


def _slopes(heatmaps: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second differences (B, K, 2) across and down at `cells`."""
    padded = np.pad(heatmaps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    x, y = (cells[..., axis].astype(int) + 1 for axis in (0, 1))
    person, keypoint = np.ogrid[: cells.shape[0], : cells.shape[1]]

    def at(right: int, down: int) -> np.ndarray:
        return padded[person, keypoint, y + down, x + right]

    ends = [(at(1, 0), at(-1, 0)), (at(0, 1), at(0, -1))]
    first = np.stack([(after - before) / 2 for after, before in ends], -1)
    second = np.stack([after - 2 * at(0, 0) + before for after, before in ends], -1)
    return first, second


def with_flip(run: Run) -> Run:
    """The mean of the answers to a crop and to its mirror image."""

    def both(images: np.ndarray) -> list[np.ndarray]:
        heatmaps, silhouettes = run(images)
        mirrored = run(np.ascontiguousarray(images[..., ::-1]))
        turned = mirrored[0][:, KEYPOINT_MIRROR, :, ::-1]
        return [(heatmaps + turned) / 2, (silhouettes + mirrored[1][..., ::-1]) / 2]

    return both


SHIPPED = "mean about the peak (what ships)"
DECODERS = {
    "peak of the heatmap": argmax,
    "a quarter of a cell towards the neighbour": quarter_offset,
    "DARK": dark,
    SHIPPED: lambda heatmaps: decode_heatmaps(heatmaps)[0],
}


def decoding_rows(run: Run) -> dict[str, tuple[float, float]]:
    """PCK@0.2 and, since sub-cell places matter there, PCK@0.05, of each way to read the heatmaps."""
    sports = _calibration(LSPET)
    rows = {}
    for name, looks, decoder in (
        *((name, run, decoder) for name, decoder in DECODERS.items()),
        ("mean about the peak, mirror image too", with_flip(run), DECODERS[SHIPPED]),
    ):
        points, _, _ = predict(looks, sports, decode=lambda h, cells=decoder: (cells(h), h.max((2, 3))))
        errors = relative_errors(points, sports)
        rows[name] = (pck(errors), pck(errors, threshold=0.05))
    return rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training ablate-human2d", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder of the runs, resumed if there")
    parser.add_argument("--iterations", type=int, default=600, help="of batch 16, for every row")
    parser.add_argument("--side", type=int, default=128, help="of the training crops, in pixels")
    parser.add_argument("--weights", type=Path, help="trained weights for the decoding rows (.pt or .onnx)")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    table = options.out / "ablation.md"
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [
        f"| step ({options.iterations} iterations of 16 crops each) | PCK@0.2 sports | IoU fashion |",
        "| --- | ---: | ---: |",
    ]
    for number, (name, config) in enumerate(steps(options.side, options.iterations).items()):
        run = train(config, options.out / str(number))
        lines.append("| {} | {:.3f} | {:.3f} |".format(name, *figures(runner(run.average.model, options.side))))
        table.write_text("\n".join(lines) + "\n")
        print(lines[-1], flush=True)
    if options.weights:
        network = StackedHourglass(SIZES["fast"])
        load_weights(network, options.weights, prefix="network.")
        lines += ["", "| decoding | PCK@0.2 | PCK@0.05 |", "| --- | ---: | ---: |"]
        for name, values in decoding_rows(runner(network, options.side)).items():
            lines.append("| {} | {:.3f} | {:.3f} |".format(name, *values))
        table.write_text("\n".join(lines) + "\n")
    print(table.read_text())
