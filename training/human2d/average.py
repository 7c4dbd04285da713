"""Weights between those from before a finetuning and those from after it: `python -m body_from_image.training
average-human2d --before A.pt --after B.pt --share 0.3 --out C.pt`.

What finetuning wins on its own pictures and what it forgets of others' are not lost alike on the way between the two
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

import argparse
from pathlib import Path

import torch

from ..runs.onnx_export import read_weights


def average(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """`share` of `after` and the rest of `before`; whole numbers, and parts that were new in the finetuning, are those
    of `after`. Raises ValueError for weights of two different networks."""
    lost = sorted(before.keys() - after.keys())
    if lost or not before.keys() & after.keys():
        raise ValueError(f"only one of both has {', '.join(lost[:3] or sorted(after)[:3])}")
    return {
        name: torch.lerp(before[name], value, share) if name in before and value.is_floating_point() else value
        for name, value in after.items()
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training average-human2d", description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="weights.pt of the run before, or what ships")
    parser.add_argument("--after", type=Path, required=True, help="weights.pt of the run that went on from it")
    parser.add_argument("--share", type=float, default=0.5, help="of the latter, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="weights to write, for --warm-start")
    options = parser.parse_args(arguments)
    before, after = (read_weights(path, "network.") for path in (options.before, options.after))
    torch.save(average(before, after, options.share), options.out)
