"""Blender's own file: everything that is open, saved as a copy, so that the open file stays what it was."""

from pathlib import Path

import bpy

from ..bone_names import BoneNames
from ..character import Character
from .exporter import quiet
from .renaming import renamed_bones


def write_blend(character: Character, path: Path, names: BoneNames) -> None:
    """Write the open file with the character's bones called as `names` says."""
    with renamed_bones(character.armature, names.bones), quiet():
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
