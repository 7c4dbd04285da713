"""What the panel's fields hold; saved with the scene."""

import math

import bpy

from ..operators.exporting import BONE_NAMES
from . import thumbnail

FULL_FRAME = 36.0
"""Millimetres of the longer side that focal lengths of photographers refer to."""


def _other_picture(settings, context) -> None:
    """A box belongs to the picture that it was drawn on."""
    settings.use_box = False
    thumbnail.forget()


def _focal_length(settings) -> float:
    if not settings.field_of_view:
        return 0.0
    return FULL_FRAME / 2 / math.tan(math.radians(settings.field_of_view) / 2)


def _set_focal_length(settings, millimetres: float) -> None:
    settings.field_of_view = math.degrees(2 * math.atan(FULL_FRAME / 2 / millimetres)) if millimetres else 0.0


class BodyFromImageSettings(bpy.types.PropertyGroup):
    source: bpy.props.EnumProperty(
        name="Source",
        items=(
            ("FILE", "File", "A photo on disk"),
            ("IMAGE", "In Blender", "An image that is in this .blend: opened, packed, painted or rendered"),
        ),
        update=_other_picture,
    )
    filepath: bpy.props.StringProperty(
        name="Image",
        subtype="FILE_PATH",
        update=_other_picture,
        description="A photo of a person: PNG, JPEG, WebP, TIFF or BMP",
    )
    image: bpy.props.PointerProperty(
        name="Image", type=bpy.types.Image, update=_other_picture, description="An image of a person"
    )
    use_box: bpy.props.BoolProperty(
        name="In a Box", description="Look for the person in the box that was drawn; off: find the person by itself"
    )
    box: bpy.props.FloatVectorProperty(
        name="Person Box", size=4, min=0, description="Left, top, width and height in the photo's pixels"
    )
    field_of_view: bpy.props.FloatProperty(
        name="Field of View",
        min=0,
        max=170,
        precision=1,
        description="Degrees across the photo's longer side. 0: what the photo's file says, or a usual lens",
    )
    focal_length: bpy.props.FloatProperty(
        name="Focal Length",
        min=0,
        max=1000,
        precision=0,
        get=_focal_length,
        set=_set_focal_length,
        description="The lens in millimetres of a full-frame camera; the same as the field of view. 0: automatic",
    )
    height: bpy.props.FloatProperty(
        name="Height",
        min=0,
        max=3,
        subtype="DISTANCE",
        unit="LENGTH",
        description="How tall the person is without shoes. 0: an average stature for the build that the photo shows",
    )
    stand_on_ground: bpy.props.BoolProperty(
        name="Stand on Ground", default=True, description="Raise character and camera so that the body touches z = 0"
    )
    bone_names: bpy.props.EnumProperty(
        name="Bone Names", items=BONE_NAMES, description="What the bones are called in the exported file"
    )
