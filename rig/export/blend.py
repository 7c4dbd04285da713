"""Blender's own file: everything that is open, saved as a copy, so that the open file stays what it was."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import bpy

from ..character import Character
from .exporter import quiet
from .options import ExportOptions
from .renaming import renamed_bones


def write_blend(characters: Sequence[Character], path: Path, options: ExportOptions) -> None:
    """Write the open file with the characters' bones called as `options` says."""
    with ExitStack() as renamed, quiet():
        for character in characters:
            renamed.enter_context(renamed_bones(character.armature, options.names.bones))
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
