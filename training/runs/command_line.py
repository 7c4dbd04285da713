"""Command lines of training runs: every field of a run's config is an option of the same name."""

import argparse
from collections.abc import Iterable
from dataclasses import field, fields
from pathlib import Path

import torch

from .device import DEVICES, chosen_device


def one_of(names: Iterable[str], default: str) -> str:
    """A config's field that takes one of some names."""
    return field(default=default, metadata={"choices": tuple(names)})


def parse_run(arguments: list[str], config_type: type, name: str, description: str, **paths: str) -> tuple:
    """Parse options into (config, the rest). `paths` are further optional path options, name → help.

    `rest.device` is a torch.device. What the config does not accept (a ValueError), and a device that is not there, end
    the program with their sentence, as wrong usage.
    """
    parser = argparse.ArgumentParser(prog=f"training {name}", description=description)
    parser.add_argument("--out", type=Path, default=Path("runs") / name, help="folder of the run; resumed if it exists")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 leaves the default")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="auto: a GPU if there is one")
    paths = {"warm_start": "weights.pt of an earlier run, or the .onnx that ships, to begin from"} | paths
    for path, what in paths.items():
        parser.add_argument("--" + path.replace("_", "-"), type=Path, help=what)
    for one in fields(config_type):
        boolean = isinstance(one.default, bool)
        kind = {"action": argparse.BooleanOptionalAction} if boolean else {"type": type(one.default)}
        parser.add_argument("--" + one.name.replace("_", "-"), default=one.default, **kind, **one.metadata)
    rest = parser.parse_args(arguments)
    try:
        config = config_type(**{one.name: getattr(rest, one.name) for one in fields(config_type)})
        rest.device = chosen_device(rest.device)
    except ValueError as error:
        parser.error(str(error))
    if rest.threads:
        torch.set_num_threads(rest.threads)
    return config, rest
