"""What the panel's fields hold; saved with the scene."""

import bpy

from ..operators.export_fbx import BONE_NAMES


class BodyFromImageSettings(bpy.types.PropertyGroup):
    filepath: bpy.props.StringProperty(
        name="Image", subtype="FILE_PATH", description="A photo of a person: PNG, JPEG, WebP, TIFF or BMP"
    )
    field_of_view: bpy.props.FloatProperty(
        name="Field of View",
        min=0,
        max=170,
        precision=1,
        description="Degrees across the photo's longer side. 0: what the photo's file says, or a usual lens",
    )
    stand_on_ground: bpy.props.BoolProperty(
        name="Stand on Ground", default=True, description="Raise character and camera so that the body touches z = 0"
    )
    bone_names: bpy.props.EnumProperty(
        name="Bone Names", items=BONE_NAMES, description="What the bones are called in the exported file"
    )
