"""A limb of the active character mirrored in depth: `bpy.ops.body_from_image.flip_in_depth(part="LEFT_ARM")`.

One photo does not show whether an arm comes forward or goes back. What the camera sees stays as it is.
"""

from typing import ClassVar

import bpy
import numpy as np

from ..inference.errors import UserError
from ..inference.refinement.depth_hypotheses import FLIPS, bone_turn, flipped
from ..rig.character import Character
from ..rig.seen_pose import key_joints, seen_pose
from .on_character import OnCharacter, body_model_of

FLAT = np.deg2rad(5)
"""A flip that turns no bone by more shows nothing."""


class BODY_FROM_IMAGE_OT_flip_in_depth(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.flip_in_depth"
    bl_label = "Flip in Depth"
    bl_description = (
        "Let a limb that comes towards the camera go away from it, or the other way round: the photo does not tell. "
        "In an animation, only this frame is keyed. Left is the person's own left"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    part: bpy.props.EnumProperty(
        name="Limb", items=[(part.upper(), part.replace("_", " ").title(), "") for part in FLIPS]
    )

    def _apply(self, context, character: Character) -> None:
        model, part = body_model_of(context, character), self.part.lower()
        context.view_layer.update()
        before = seen_pose(character)
        after, name = flipped(model, before, part), part.replace("_", " ")
        if after is None:
            raise UserError(
                f"Flipped in depth, the {name} would bend as bodies do not bend. Choose another limb, or pose "
                "it by hand."
            )
        if bone_turn(model, before, after, part) < FLAT:
            raise UserError(
                f"The {name} lies flat in the picture, so it has no depth to flip. Choose another limb, or pose it by "
                "hand."
            )
        key_joints(character.armature, after.rotations, FLIPS[part][0].turned, context.scene.frame_current)
