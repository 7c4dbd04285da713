"""Where the data packs are. One setting says it: the environment variable BODY_FROM_IMAGE_DATA."""

import os
from pathlib import Path

SETTING = "BODY_FROM_IMAGE_DATA"


class PackMissing(Exception):
    """A data pack is not there; `str(error)` says which one and how to name its place."""


def pack(name: str) -> Path:
    """The folder of one pack, such as `photos2d`. Raises PackMissing."""
    root = os.environ.get(SETTING)
    if not root:
        raise PackMissing(f"Set {SETTING} to the folder that holds the data packs (it should contain {name}/).")
    folder = Path(root) / name
    if not folder.is_dir():
        raise PackMissing(f"There is no {name} in {root}, the folder that {SETTING} names.")
    return folder
