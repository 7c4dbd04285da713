"""The active character to an FBX file: `bpy.ops.body_from_image.export_fbx(filepath=…, bone_names=…)`."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.bone_names import PRESETS
from ..rig.export import export
from .active_character import active_armature, active_character

_DESCRIPTIONS = {
    "smpl": ("SMPL", "The names of SMPL's joints"),
    "unreal": ("Unreal", "The names of Unreal's mannequin"),
    "mixamo": ("Mixamo, Unity", "Mixamo's names, which Unity's humanoid mapping knows"),
}
BONE_NAMES = tuple((name, *_DESCRIPTIONS[name]) for name in PRESETS)
"""The naming schemes as items of an enumeration."""


class BODY_FROM_IMAGE_OT_export_fbx(bpy.types.Operator):
    bl_idname = "body_from_image.export_fbx"
    bl_label = "Export FBX"
    bl_description = "Write the active character as game engines want it: metres, rest pose, one clip"
    bl_options: ClassVar = {"REGISTER"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    bone_names: bpy.props.EnumProperty(
        name="Bone Names", items=BONE_NAMES, description="What the bones are called in the file"
    )
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
    filter_glob: bpy.props.StringProperty(default="*.fbx", options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select a character that was made from an image first")
        return active_armature(context) is not None

    def invoke(self, context, event):
        if not self.filepath:
            self.filepath = f"{active_armature(context).name}.fbx"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        try:
            if not self.filepath:
                raise UserError("Choose a file to write to first.")
            path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".fbx"))
            export(active_character(context), path, "fbx", self.bone_names)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {path}")
        return {"FINISHED"}
