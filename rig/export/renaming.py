"""Bones under other names. Blender renames vertex groups, keys and constraints that refer to a bone along with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy

from ...inference.errors import UserError
from ..armature import joint_bones
from ..linked import require_own_data


@contextmanager
def renamed_bones(armature: bpy.types.Object, names: Sequence[str]) -> Iterator[None]:
    """The joints' bones called `names` (24) while the block runs."""
    before = joint_bones(armature)
    if list(names) != before:
        require_own_data(armature)  # the file would refer to the other one, where they are called as ever
    try:
        rename_bones(armature, names)
        yield
    finally:
        rename_bones(armature, before)


def rename_bones(armature: bpy.types.Object, names: Sequence[str]) -> None:
    """Call the joints' bones `names` (24). Raises UserError when another bone bears one of them."""
    bones = armature.data.bones
    for current, wanted in zip(joint_bones(armature), names, strict=True):
        if current == wanted:
            continue
        if wanted in bones:
            raise UserError(f"The armature already has another bone called {wanted!r}. Rename that bone first.")
        bones[current].name = wanted
