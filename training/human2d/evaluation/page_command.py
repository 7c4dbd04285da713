"""A command that measures a number of composed scenes and writes a page of figures."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ...measure.figures import figures_file, keep
from ...measure.pages import tables_of


class Count(NamedTuple):
    """The option that says how many scenes are measured."""

    option: str
    default: int
    help: str


def write_page(
    arguments: list[str], prog: str, summary: str, count: Count, report: Path, page: Callable[[str, int, int], str],
    split: str = "validation",
) -> None:  # fmt: skip
    """Print `page` (split, count, threads), and write it: to --out, or to `report`, and its figures to the folder of
    figures, when all of the split that is usual was measured."""
    parser = argparse.ArgumentParser(prog=f"training {prog}", description=summary)
    parser.add_argument("--split", choices=("validation", "calibration"), default=split)
    parser.add_argument(count.option, type=int, default=count.default, dest="count", help=count.help)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help=f"the page; default: {report.relative_to(report.parents[2])}")
    options = parser.parse_args(arguments)
    text = page(options.split, options.count, options.threads)
    print(text)
    out = options.out or (report if (options.split, options.count) == (split, count.default) else None)
    if out:
        out.write_text(text)
    if out and out.resolve() == report.resolve():
        keep(figures_file(report.stem), prog, arguments, tables_of(text))
