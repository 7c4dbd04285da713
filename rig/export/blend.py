"""Blender's own file: everything that is open, saved as a copy, so that the open file stays what it was."""

from pathlib import Path

import bpy

from ..character import Character
from .exporter import quiet
from .options import ExportOptions
from .renaming import renamed_bones


def write_blend(character: Character, path: Path, options: ExportOptions) -> None:
    """Write the open file with the character's bones called as `options` says."""
    with renamed_bones(character.armature, options.names.bones), quiet():
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
