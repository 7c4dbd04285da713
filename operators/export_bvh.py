"""The active character's motion to a BVH file: `bpy.ops.body_from_image.export_bvh(filepath=…, bone_names=…)`."""

import bpy

from .exporting import ExportsCharacter, HasClip, NamesBones


class BODY_FROM_IMAGE_OT_export_bvh(ExportsCharacter, NamesBones, HasClip, bpy.types.Operator):
    bl_idname = "body_from_image.export_bvh"
    bl_label = "Export BVH"
    bl_description = "Write the active character's skeleton and motion as text: y up, metres"
    format = "bvh"

    filter_glob: bpy.props.StringProperty(default="*.bvh", options={"HIDDEN"})
