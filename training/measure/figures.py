"""Figures that commands measured, kept beside the docs, from which the pages' tables take them.

A file holds `source` (the command, the date, and what the figures were read from) and `figures`, by name or by
nested names.
"""

import argparse
import json
from datetime import date
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "training" / "figures"


def add_json_option(parser: argparse.ArgumentParser, name: str) -> None:
    """`--json [FILE]`: without a file, where the pages look for the figures called `name`."""
    what = f"also write the figures here; without a name, to docs/training/figures/{name}.json"
    parser.add_argument("--json", type=Path, nargs="?", const=figures_file(name), metavar="FILE", help=what)


def keep(file: Path | None, command: str, arguments: list[str], figures: dict) -> None:
    """Write what `command`, called with `arguments`, measured; nothing where there is no `file`. Of paths on this
    machine only the names are told."""
    if file is None:
        return
    told = [Path(one).name if Path(one).is_absolute() else one for one in arguments]
    call = " ".join(["python -m body_from_image.training", command, *told])
    source = {"command": call, "date": date.today().isoformat(), "read from": "the command's result"}
    file.write_text(json.dumps({"source": source, "figures": figures}, indent=1, ensure_ascii=False) + "\n")


@cache
def kept(name: str) -> dict:
    """The figures called `name`."""
    return json.loads(figures_file(name).read_text())["figures"]


def figures_file(name: str) -> Path:
    """Where the pages look for the figures called `name`."""
    return FOLDER / f"{name}.json"
