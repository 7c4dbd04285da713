"""The active character to a binary glTF file: `bpy.ops.body_from_image.export_glb(filepath=…, bone_names=…)`."""

import bpy

from .exporting import ExportsCharacter, HasClip, HasMesh, NamesBones


class BODY_FROM_IMAGE_OT_export_glb(ExportsCharacter, NamesBones, HasMesh, HasClip, bpy.types.Operator):
    bl_idname = "body_from_image.export_glb"
    bl_label = "Export GLB"
    bl_description = "Write the active character as one binary glTF file: skeleton, skin, one clip"
    format = "glb"

    filter_glob: bpy.props.StringProperty(default="*.glb", options={"HIDDEN"})
