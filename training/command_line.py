"""Command lines of training runs: every field of a run's config is an option of the same name."""

import argparse
from dataclasses import asdict
from pathlib import Path


def parse_run(arguments: list[str], config_type: type, name: str, description: str, **paths: str) -> tuple:
    """Parse options into (config, the rest). `paths` are further optional path options, name → help."""
    parser = argparse.ArgumentParser(prog=f"training {name}", description=description)
    parser.add_argument("--out", type=Path, default=Path("runs") / name, help="folder of the run; resumed if it exists")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 leaves the default")
    paths = {"warm_start": "weights.pt of an earlier run, or the .onnx that ships, to begin from"} | paths
    for path, what in paths.items():
        parser.add_argument("--" + path.replace("_", "-"), type=Path, help=what)
    defaults = asdict(config_type())
    for field, default in defaults.items():
        kind = {"action": argparse.BooleanOptionalAction} if isinstance(default, bool) else {"type": type(default)}
        parser.add_argument("--" + field.replace("_", "-"), default=default, **kind)
    rest = parser.parse_args(arguments)
    config = config_type(**{field: getattr(rest, field) for field in defaults})
    if rest.threads:
        import torch

        torch.set_num_threads(rest.threads)
    return config, rest
