"""The active character's motion to AMASS's npz: `bpy.ops.body_from_image.export_npz(filepath=…)`."""

import bpy

from .exporting import ExportsCharacter


class BODY_FROM_IMAGE_OT_export_npz(ExportsCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.export_npz"
    bl_label = "Export AMASS NPZ"
    bl_description = "Write the active character's shape and motion, with all corrections, as SMPL's parameters, z up"
    format = "npz"

    filter_glob: bpy.props.StringProperty(default="*.npz", options={"HIDDEN"})
