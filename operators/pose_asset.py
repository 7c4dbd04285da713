"""The active character's pose into the pose library: `bpy.ops.body_from_image.mark_pose_asset(name=…)`."""

from typing import ClassVar

import bpy

from ..rig.character import Character
from ..rig.pose_asset import mark_pose_asset
from .on_character import OnCharacter


class BODY_FROM_IMAGE_OT_mark_pose_asset(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.mark_pose_asset"
    bl_label = "Create Pose Asset"
    bl_description = "Save the current pose as a pose asset in this file, for any character"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    name: bpy.props.StringProperty(
        name="Name", options={"SKIP_SAVE"}, description="Name of the pose asset. Empty: the character's name"
    )

    def _apply(self, context, character: Character) -> None:
        action = mark_pose_asset(character, self.name or character.armature.name)
        self.report({"INFO"}, f"{action.name} is in this file's pose library.")
