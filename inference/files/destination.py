"""Where a file goes: written beside its place first, so that a fault never leaves half a file behind."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    Raises UserError, in a sentence that names `path`, when the file cannot be written there.
    """
    # A name of its own, so that two programs that write one file do not write into each other's.
    unfinished = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.unfinished{path.suffix}")
    try:
        if path.is_dir():
            raise UserError(f"Could not write {path}: there is a folder of that name.")
        unfinished.touch()  # Asks the system whether it may be written, in the system's own words.
        unfinished.unlink()
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(f"Could not write {path}: {error.strerror or error}.") from error
    except RuntimeError as error:
        reason = _reason(str(error))
        if reason is None:
            raise
        raise UserError(f"Could not write {path}: {reason}.") from error
    finally:
        _remove(unfinished)


def remove_unfinished(folder: Path, stem: str) -> None:
    """Remove what a program that was killed had begun to write to `folder`, to files whose stems match the regular
    expression `stem`."""
    unfinished = re.compile(rf"\.{stem}\.[0-9a-f]{{8}}\.unfinished(\.\w+)?")
    with suppress(OSError):
        for path in folder.iterdir():
            if unfinished.fullmatch(path.name):
                _remove(path)


def _reason(report: str) -> str | None:
    """What the system said, out of the report of an exporter that failed; None when it is not about the file."""
    if "Traceback" not in report:
        return report.strip().removeprefix("Error: ").rstrip(".")
    said = re.search(r"\[Errno \d+\] ([^:'\n]+)", report)
    return said[1].strip() if said else None


def _remove(path: Path) -> None:
    with suppress(OSError):  # It could not be made, or its folder is gone: nothing is left behind.
        path.unlink(missing_ok=True)
