"""What another file holds can be read and exported here, but changed only there: linked objects, and overrides of them.

A library override is an object of this file, which can be posed and keyed; its armature's bones and its mesh usually
stay in the other file. Of what is changed of an override's custom properties, Blender saves only those that the other
file lets be overridden, and no groups of several values.
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


def part_here(part: bpy.types.Object, owner: bpy.types.Object) -> bpy.types.Object:
    """The override of a linked `part` that was made together with that of its `owner`; the part itself where there is
    none. What is noted of an override names the other file's objects again once the file was opened anew."""
    if not part.library or not owner.override_library:
        return part
    for item in bpy.data.objects:
        override = item.override_library
        if override and override.reference == part and override.hierarchy_root == owner.override_library.hierarchy_root:
            return item
    return part


def set_property(item: bpy.types.Object, name: str, value: object) -> None:
    """Set a custom property of an object of this file, so that overrides of it can have others that last."""
    keep_edits(item)
    item[name] = value
    if not item.override_library:
        item.property_overridable_library_set(_path(name), True)


def require_property(item: bpy.types.Object, name: str) -> None:
    """Raise UserError when what is set of a custom property would not last: the object is linked, or an override of a
    file that does not let it be overridden."""
    require_own_object(item)
    override = item.override_library
    if override and not (name in item and item.is_property_overridable_library(_path(name))):
        raise UserError(
            f"{item.name} is an override of {override.reference.library.name}, which an earlier version wrote: what is "
            "put right here would be lost on saving. Put it right in that file, or make the object local first "
            "(Object ▸ Relations ▸ Make Local)."
        )


def _path(name: str) -> str:
    return f'["{bpy.utils.escape_identifier(name)}"]'


def keep_edits(item: bpy.types.Object) -> None:
    """Let what is changed of an override last: those that Blender made by itself, as parts of a hierarchy, are put
    back to what the other file says when that changes."""
    if item.override_library and item.override_library.is_system_override:
        item.override_library.is_system_override = False
