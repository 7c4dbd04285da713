"""What another file holds can be read and exported here, but changed only there: linked objects, and overrides of them.

A library override is an object of this file, which can be posed and keyed; its armature's bones and its mesh usually
stay in the other file.
"""

import bpy

from ..inference.errors import UserError


def require_own_object(item: bpy.types.Object) -> None:
    """Raise UserError when an object's pose, place and properties belong to another file."""
    if item.library:
        raise UserError(
            f"{item.name} is linked from another file ({item.library.name}), where it can be changed. Make an override "
            "of it (Object ▸ Library Override ▸ Make) to pose it here, or make it local."
        )


def require_own_data(item: bpy.types.Object) -> None:
    """Raise UserError when an object's bones, or its mesh, belong to another file, also as an override does."""
    require_own_object(item)
    if item.data.library:
        what = "bones of {} are" if item.type == "ARMATURE" else "mesh of {} is"
        raise UserError(
            f"The {what.format(item.name)} linked from another file ({item.data.library.name}) and can be changed "
            "there only. Open that file, or make the object local with its data (Object ▸ Relations ▸ Make Local)."
        )


def keep_edits(item: bpy.types.Object) -> None:
    """Let what is changed of an override last: those that Blender made by itself, as parts of a hierarchy, are put
    back to what the other file says when that changes."""
    if item.override_library and item.override_library.is_system_override:
        item.override_library.is_system_override = False
