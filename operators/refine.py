"""The active character moved until it lies on its photo: `bpy.ops.body_from_image.refine()`.

Anchored SMPLify, in Blender's own process: it needs numpy alone and a tenth of a second. It starts from the pose that
is shown, and keeps what somebody posed by hand: the keypoints that they moved count as corrected. The height stays: no
photo shows it, and somebody may have typed it.
"""

from dataclasses import replace
from typing import ClassVar

import bpy

from ..inference.body.body_model import BodyModel
from ..inference.correction.by_hand import corrections_by_hand
from ..inference.refinement.refine import refine
from ..rig.character import Character
from ..rig.correction_note import corrections_at, write_corrections
from ..rig.photo_note import read_photo_note, seen_in_photo
from ..rig.seen_pose import note_shown, posed_by_hand, seen_pose, show_pose
from .on_character import OnPhotoCharacter, body_model_of


class BODY_FROM_IMAGE_OT_refine(OnPhotoCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.refine"
    bl_label = "Refine"
    bl_description = (
        "Fit pose, shape and location of the character to the keypoints and the silhouette of its photo, starting "
        "from the current pose"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}
    on_selection: ClassVar = True

    def _apply(self, context, character: Character) -> bool:
        accepted = refine_character(context, character)
        if not accepted:
            name = character.armature.name
            self.report({"INFO"}, f"{name} fits its photo already as well as it can and was not changed")
        return accepted


def refine_character(context: bpy.types.Context, character: Character) -> bool:
    """Refine a character; False when that was not accepted. Raises UserError."""
    model = body_model_of(context, character)
    context.view_layer.update()
    keep_posed_by_hand(model, character, context.scene.frame_current)
    # An override has the shape of its file.
    keep_shape = character.armature.data.library is not None
    evidence = replace(read_photo_note(character.armature), keep_height=True, keep_shape=keep_shape)
    refined = refine(model, seen_pose(character), evidence)
    if refined.accepted:
        show_pose(character, refined.parameters, context.scene.frame_current)
    return refined.accepted


def keep_posed_by_hand(model: BodyModel, character: Character, frame: int) -> None:
    """Note as corrections of a photo what somebody has posed since the character was last estimated, corrected or
    refined."""
    before, armature = posed_by_hand(character), character.armature
    if before is None:
        return
    seen, said = seen_in_photo(armature), corrections_at(armature, frame)
    write_corrections(armature, corrections_by_hand(model, before, seen_pose(character), seen, said))
    note_shown(armature)
