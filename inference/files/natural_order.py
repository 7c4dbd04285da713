"""Files as a person counts them: 2 before 10."""

import re
from pathlib import Path


def natural_order(path: Path) -> tuple[list, str]:
    """Numbers inside names by their value; text without regard to case."""
    pieces = re.split(r"(\d+)", path.stem)
    return [int(piece) if position % 2 else piece.casefold() for position, piece in enumerate(pieces)], path.name
