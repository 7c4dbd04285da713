"""What the panel's fields mean to the operators that estimate."""

import math

import bpy

FULL_FRAME = 36.0
"""Millimetres of the longer side that photographers' focal lengths refer to."""


def estimate_options(context: bpy.types.Context) -> dict[str, object]:
    """The properties of `body_from_image.estimate` as the panel is filled in."""
    settings = context.scene.body_from_image
    in_file = settings.source == "FILE"
    return {
        "filepath": settings.filepath if in_file else "",
        "image": "" if in_file else picture_of(settings),
        "box": tuple(settings.box) if box_is_used(settings) else (0, 0, 0, 0),
        "field_of_view": _field_of_view(settings),
        "height": settings.height,
        "stand_on_ground": settings.stand_on_ground,
    }


def picture_of(settings: bpy.types.PropertyGroup) -> str:
    """The chosen file, or the name of the chosen image; empty when there is none."""
    if settings.source == "FILE":
        return settings.filepath
    return settings.image.name if settings.image else ""


def has_box(settings: bpy.types.PropertyGroup) -> bool:
    """Whether a box was drawn on the chosen picture."""
    return bool(settings.box_picture) and settings.box_picture == picture_of(settings)


def box_is_used(settings: bpy.types.PropertyGroup) -> bool:
    """Whether the person is to be looked for in the box that was drawn."""
    return settings.use_box and has_box(settings)


def _field_of_view(settings: bpy.types.PropertyGroup) -> float:
    """Degrees across the longer side; 0 when nothing is known."""
    if settings.lens == "AUTO":
        return 0.0
    if settings.lens == "ANGLE":
        return settings.field_of_view
    return math.degrees(2 * math.atan(FULL_FRAME / 2 / settings.focal_length))
