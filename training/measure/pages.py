"""Tables of the docs, filled with the figures that commands have kept: `python -m body_from_image.training pages`.

`docs/training/figures/pages.toml` says which figure each number in a table is. So a figure stands the same on each
page that tells it.
"""

import argparse
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .figures import DOCS, FOLDER, kept

INDEX = FOLDER / "pages.toml"
NUMBER = re.compile(r"-?\d*\.?\d+")
BETWEEN = " > "
"""Between the names on the way to a figure."""


class Cell(NamedTuple):
    """A cell of a table: the heading above it, its row's and its column's name, the line and the place in it."""

    title: str
    row: str
    column: str
    line: int
    place: int
    text: str


def cells_of(text: str) -> Iterator[Cell]:
    """All cells with numbers of a page's tables. What has a name already is numbered: `found`, `found (2)`."""
    lines, heading, titles = text.splitlines(), "", set()
    for number, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("| ---"):
            continue
        title = _unlike(heading, titles)
        columns, rows, names = _parts(lines[number - 1]), set(), set()
        columns = [_unlike(column, names) for column in columns]
        for below in range(number + 1, len(lines)):
            if not lines[below].startswith("|"):
                break
            parts = _parts(lines[below])
            first = _labels(parts)
            row = _unlike(" · ".join(part for part in parts[:first] if part), rows)
            for place in range(first, len(parts)):
                if NUMBER.search(parts[place]):
                    yield Cell(title, row, columns[place], below, place, parts[place])


def tables_of(text: str) -> dict[str, dict[str, dict[str, float | list[float]]]]:
    """The numbers of a page's tables by heading, row and column; a list where a cell has several."""
    found: dict = {}
    for cell in cells_of(text):
        numbers = [float(number) for number in NUMBER.findall(cell.text)]
        row = found.setdefault(cell.title, {}).setdefault(cell.row, {})
        row[cell.column] = numbers[0] if len(numbers) == 1 else numbers
    return found


def filled(page: str, text: str, index: dict) -> str:
    """A page whose tables have their figures, with as many decimals as they are shown with.

    Raises ValueError, with the cell, where a table that `index` names has a number of which it says nothing, or of a
    figure that was not kept.
    """
    lines = text.splitlines()
    for cell in cells_of(text):
        figures = figures_of(page, cell, index)
        if figures is not None:
            parts = lines[cell.line].split("|")
            parts[cell.place + 1] = _with_numbers(parts[cell.place + 1], figures, cell)
            lines[cell.line] = "|".join(parts)
    return "\n".join(lines) + "\n"


def figures_of(page: str, cell: Cell, index: dict) -> list[float] | None:
    """The figures of a cell; None for one that no command measures."""
    table = next((one for one in index["table"] if one["page"] == page and one.get("title", cell.title) == cell.title
                  and cell.row not in one.get("other_rows", [])), None)  # fmt: skip
    if table is None or cell.column in table.get("not_measured", []):
        return None
    names = table.get("names", {})
    paths = table.get("rows", {}).get(cell.row, {}).get(cell.column)
    if paths is None and "path" in table:
        paths = table["path"].format(
            title=cell.title, row=names.get(cell.row, cell.row), column=names.get(cell.column, cell.column)
        )
    if paths is None:
        raise ValueError(f"{INDEX.name} has no figure for {page}: {cell.title}, {cell.row}, {cell.column}")
    values = [_found(path) for path in ([paths] if isinstance(paths, str) else paths)]
    return [figure for value in values for figure in (value if isinstance(value, list) else [value])]


def _found(path: str) -> float | list[float]:
    name, *keys = path.split(BETWEEN)
    value = kept(name)
    for key in keys:
        if key not in value:
            raise ValueError(f"{name}.json holds no {path!r}: it lacks {key!r}.")
        value = value[key]
    return value


def _with_numbers(text: str, figures: list[float], cell: Cell) -> str:
    numbers = NUMBER.findall(text)
    if len(numbers) != len(figures):
        raise ValueError(f"{INDEX.name} has {len(figures)} figures for {cell.row}, {cell.column}: {cell.text}")
    left = iter(figures)

    def shown(match: re.Match) -> str:
        decimals = len(match[0].partition(".")[2])
        return f"{next(left):.{decimals}f}"

    return NUMBER.sub(shown, text)


def _parts(line: str) -> list[str]:
    return [part.strip() for part in line.strip().strip("|").split("|")]


def _labels(parts: list[str]) -> int:
    """How many of a row's cells are its name: the first, and those behind it that are words."""
    count = 1
    while count < len(parts) and re.search("[a-zA-Z]", parts[count]) and not NUMBER.search(parts[count]):
        count += 1
    return count


def _unlike(name: str, taken: set[str]) -> str:
    """`name`, numbered if it is taken; it is then taken, too."""
    unlike, count = name, 1
    while unlike in taken:
        count += 1
        unlike = f"{name} ({count})"
    taken.add(unlike)
    return unlike


def pages(index: dict) -> Iterator[tuple[Path, str, str]]:
    """Each page that has figures, its text, and the text with them."""
    for page in dict.fromkeys(table["page"] for table in index["table"]):
        file = DOCS.parent / page
        text = file.read_text()
        yield file, text, filled(page, text, index)


def read_index() -> dict:
    """What pages.toml says."""
    return tomllib.loads(INDEX.read_text())


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training pages", description=__doc__.splitlines()[0])
    parser.parse_args(arguments)
    for file, before, after in pages(read_index()):
        if before != after:
            file.write_text(after)
            print(f"{file.relative_to(DOCS.parent)}: figures changed")
