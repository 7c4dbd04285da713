"""Export the temporal prior: `python -m body_from_image.training export-temporal-prior --weights FILE --out FILE`."""

import argparse
from pathlib import Path

import torch

from ....inference.motion.windows import FEATURE_COUNT, FRAMES
from ...runs.onnx_export import export, read_weights, take_weights
from .network import TemporalPrior


def export_temporal_prior(weights: Path, out: Path) -> float:
    """Write the network, as wide as the weights are. Returns the largest difference to torch."""
    found = read_weights(weights)
    network = TemporalPrior(found["head.weight"].shape[1])
    take_weights(network, found, weights)
    example = torch.randn(3, FRAMES, FEATURE_COUNT, generator=torch.manual_seed(0))
    example[..., -1] = 1
    return export(network, example, out, "features", ["rotations"], {})


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training export-temporal-prior")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    options = parser.parse_args(arguments)
    difference = export_temporal_prior(options.weights, options.out)
    print(f"wrote {options.out}; largest difference to torch {difference:.2e}")
