"""As few keys as the active character's motion needs: `bpy.ops.body_from_image.reduce_keys(tolerance=…)`."""

from typing import ClassVar

import bpy

from ..rig.character import Character
from ..rig.reduced_keys import reduce_action
from .on_character import OnCharacter, body_model_of


class BODY_FROM_IMAGE_OT_reduce_keys(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.reduce_keys"
    bl_label = "Reduce Keys"
    bl_description = (
        "Remove the keyframes that the motion does not need, with smooth curves between the others. Planted feet stay "
        "planted"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    wanted: ClassVar = "Select a character that moves"

    tolerance: bpy.props.FloatProperty(
        name="Tolerance",
        default=5,
        min=0.1,
        max=100,
        soft_max=20,
        precision=1,
        description="Millimetres that a joint, heel or toe may be off in any frame",
    )

    @staticmethod
    def fits(armature) -> bool:
        action = armature.animation_data and armature.animation_data.action
        return bool(action) and action.frame_range[1] > action.frame_range[0]

    def _apply(self, context, character: Character) -> None:
        armature = character.armature
        before, after = reduce_action(armature, body_model_of(context, character), self.tolerance / 1e3)
        self.report({"INFO"}, f"{armature.name}: {after} keys instead of {before}")
