"""A licensed SMPL file's pose correctives on the active character: `bpy.ops.body_from_image.pose_correctives()`."""

from typing import ClassVar

import bpy

from ..rig.character import Character
from ..rig.correctives import add_correctives, remove_correctives
from .body_file import load_body_model
from .on_character import OnCharacter
from .preferences import body_model_file


class BODY_FROM_IMAGE_OT_pose_correctives(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.pose_correctives"
    bl_label = "Pose Correctives"
    bl_description = (
        "Add the pose correctives of an official SMPL file: the skin bulges and folds as joints bend, also in exports"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    enable: bpy.props.BoolProperty(
        name="Enable", default=True, description="Add the correctives. Off: remove them"
    )

    def _apply(self, context, character: Character) -> None:
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        if self.enable:
            add_correctives(character, load_body_model(body_model_file(context)))
        else:
            remove_correctives(character)
