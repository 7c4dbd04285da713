"""The next most plausible body for the active character's photo: `bpy.ops.body_from_image.next_hypothesis()`.

Begins from the pose that is shown, and comes back to it after the last.
"""

from dataclasses import replace
from typing import ClassVar

import bpy
import numpy as np

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from ..inference.refinement.depth_hypotheses import FLIPPED_LIMBS, hypotheses
from ..inference.refinement.parametric_body import Parameters
from ..rig.character import Character
from ..rig.hypothesis_note import HypothesisNote, read_hypotheses, write_hypotheses
from ..rig.photo_note import read_photo_note, read_uncertainty
from ..rig.seen_pose import key_joints, seen_pose
from .on_character import OnPhotoCharacter, body_model_of

JOINTS = [joint for limb in FLIPPED_LIMBS.values() for joint in limb.turned]


class BODY_FROM_IMAGE_OT_next_hypothesis(OnPhotoCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.next_hypothesis"
    bl_label = "Next Hypothesis"
    bl_description = (
        "Show the next most plausible pose that looks the same in the photo: limbs that may go back instead of "
        "forward. After the last comes the one you began with"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def _apply(self, context, character: Character) -> None:
        model, frame = body_model_of(context, character), context.scene.frame_current
        context.view_layer.update()
        pose = seen_pose(character)
        note = read_hypotheses(character.armature)
        if note is None or not note.is_shown(pose.rotations[JOINTS], frame):
            note = hypotheses_from(model, character, pose, frame)
        if len(note.sentences) < 2:
            raise UserError("No other pose of arms and legs looks the same in the photo: all lie flat in the picture.")
        note = replace(note, shown=(note.shown + 1) % len(note.sentences))
        rotations = pose.rotations.copy()
        rotations[JOINTS] = note.rotations[note.shown]
        key_joints(character.armature, rotations, JOINTS, frame)
        write_hypotheses(character.armature, note)
        self.report({"INFO"}, f"{note.shown + 1} of {len(note.sentences)}: {note.sentences[note.shown]}")


def hypotheses_from(model: BodyModel, character: Character, pose: Parameters, frame: int) -> HypothesisNote:
    """The pose, and then all others from the most plausible to the least."""
    evidence, uncertainty = read_photo_note(character.armature), read_uncertainty(character.armature)
    ranked = sorted(hypotheses(model, pose, evidence, uncertainty), key=lambda one: len(one.flips) > 0)
    sentences = tuple(one.sentence for one in ranked)
    return HypothesisNote(np.stack([one.parameters.rotations[JOINTS] for one in ranked]), sentences, 0, frame)
