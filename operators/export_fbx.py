"""The active character to an FBX file: `bpy.ops.body_from_image.export_fbx(filepath=…, bone_names=…)`."""

import bpy

from .exporting import ExportsCharacter, HasClip, HasMesh, NamesBones


class BODY_FROM_IMAGE_OT_export_fbx(ExportsCharacter, NamesBones, HasMesh, HasClip, bpy.types.Operator):
    bl_idname = "body_from_image.export_fbx"
    bl_label = "Export FBX"
    bl_description = "Write the active character for game engines: metres, rest pose, one clip"
    format = "fbx"

    filter_glob: bpy.props.StringProperty(default="*.fbx", options={"HIDDEN"})
