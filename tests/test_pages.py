"""Pages tell what commands measured, the same figure everywhere; and the README stays short."""

import json
import re

import pytest
from body_from_image.training.__main__ import COMMANDS
from body_from_image.training.measure import pages
from body_from_image.training.measure.figures import DOCS, FOLDER, keep

README = DOCS.parent / "README.md"
MOST_WORDS = 900
INDEX = pages.read_index()
FILLED = {str(file.relative_to(DOCS.parent)): (text, filled) for file, text, filled in pages.pages(INDEX)}


def test_the_readme_is_one_screen_for_a_user():
    assert len(README.read_text().split()) <= MOST_WORDS


@pytest.mark.parametrize("page", FILLED)
def test_tables_tell_what_commands_measured(page):
    """If not, `python -m body_from_image.training pages` fills them anew."""
    text, filled = FILLED[page]
    assert text == filled


@pytest.mark.parametrize("page", ["README.md", "docs/accuracy.md", "docs/speed.md"])
def test_a_figure_changed_on_a_page_alone_is_seen(page):
    text, lines = FILLED[page][0], FILLED[page][0].splitlines()
    tied = [cell for cell in pages.cells_of(text) if pages.figures_of(page, cell, INDEX)]
    assert len(tied) >= 12
    for cell in tied:
        parts = lines[cell.line].split("|")
        parts[cell.place + 1] = pages.NUMBER.sub(lambda match: _another(match[0]), parts[cell.place + 1])
        lines[cell.line] = "|".join(parts)
    assert pages.filled(page, "\n".join(lines), INDEX) == text


def test_all_figures_of_the_readme_and_of_the_main_tables_are_tied():
    tied = {"README.md": {"How good, how fast"}, "docs/accuracy.md": {"What is seen in a photo", "The body", "Films"}}
    for page, titles in tied.items():
        cells = [cell for cell in pages.cells_of(FILLED[page][0]) if cell.title in titles]
        assert {cell.title for cell in cells} == titles
        for cell in cells:
            assert cell.column in ("before", "aim") or pages.figures_of(page, cell, INDEX), cell


def test_a_figure_measured_anew_is_seen(monkeypatch):
    readme = (DOCS.parent / "README.md").read_text()
    told = re.search(r"sports photos, person found by itself.*?\*\*(0\.\d+)", readme)[1]

    def anew(name: str) -> dict:
        return json.loads((FOLDER / f"{name}.json").read_text().replace(told, "0.612"))["figures"]

    monkeypatch.setattr(pages, "kept", anew)
    changed = {str(file.relative_to(DOCS.parent)) for file, text, filled in pages.pages(INDEX) if text != filled}
    assert changed == {"README.md", "docs/accuracy.md", "docs/training/human2d_figures.md"}


def test_a_number_that_nobody_measured_is_named():
    page = "# How good, how fast\n\n| | Body from Image |\n| --- | ---: |\n| somebody's favourite figure | 0.99 |\n"
    with pytest.raises(ValueError, match="somebody's favourite figure"):
        pages.filled("README.md", page, INDEX)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_figures_say_what_measured_them(file):
    source = json.loads(file.read_text())["source"]
    assert source["command"].split()[3] in COMMANDS and source["date"] and source["read from"]


def test_a_command_keeps_its_figures(tmp_path, monkeypatch):
    keep(None, "benchmark", [], {"ms": 2.0})
    keep(tmp_path / "quick.json", "benchmark", ["--image", str(tmp_path / "photo.jpg")], {"ms": 1.0})
    command = json.loads((tmp_path / "quick.json").read_text())["source"]["command"]
    assert command == "python -m body_from_image.training benchmark --image photo.jpg"
    monkeypatch.setattr("body_from_image.training.measure.figures.FOLDER", tmp_path)
    assert pages.kept("quick") == {"ms": 1.0}
    assert [file.name for file in tmp_path.iterdir()] == ["quick.json"]


def test_tables_are_read_by_heading_row_and_column():
    head = "## A\n\n| x | | found | found |\n| --- | --- | ---: | ---: |\n"
    found = pages.tables_of(head + "| still | raw | 1.5 (3) | – |\n| 2 | raw | 1 | .5 |\n")
    assert found == {"A": {"still · raw": {"found": [1.5, 3]}, "2 · raw": {"found": 1, "found (2)": 0.5}}}


def _another(number: str) -> str:
    """With the same digits before and behind its point."""
    return number.translate(str.maketrans("0123456789", "1234567890"))
