"""The active character's motion smoothed anew, from what its frames showed: no inference, so it takes a blink.
`bpy.ops.body_from_image.smooth_motion(strength=…, keep_feet=…, reduce_keys=…)`."""

from dataclasses import dataclass, replace
from typing import ClassVar

import bpy
import numpy as np
from mathutils import Matrix

from ..inference.body.assembly import turned_motion
from ..inference.body.body_estimate import BodyEstimate, rotations_of
from ..inference.correction.spread import correct_motion
from ..inference.errors import UserError
from ..inference.motion.smooth_motion import MOST_TILTED, smooth_motion, tilt_of
from ..rig.armature import rest_frame
from ..rig.axes import BLENDER_FROM_SMPL, points_to_smpl
from ..rig.camera import key_camera
from ..rig.character import Character
from ..rig.correction_note import mark_frames, read_corrections
from ..rig.ground import lowest_points, upright_turn
from ..rig.linked import keep_edits, require_own_object
from ..rig.motion_note import (
    NOTE,
    first_frame,
    has_note,
    note_choices,
    note_smoothing,
    read_note,
    read_smoothing,
    rekey_motion,
    require_smoothable,
)
from ..rig.reduced_keys import reduce_action
from ..rig.shape_keys import betas_of
from .active_character import active_armature
from .correction_properties import correction_reach
from .on_character import OnCharacter, body_model_of
from .smoothing_properties import SmoothingProperties


class BODY_FROM_IMAGE_OT_smooth_motion(SmoothingProperties, OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.smooth_motion"
    bl_label = "Smooth Motion"
    bl_description = (
        "Key the character again from what was seen in each frame of its film and from your corrections. Other "
        "manual changes are lost"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    wanted: ClassVar = "Select a character that was made from a film or an image sequence"
    fits = staticmethod(has_note)

    def invoke(self, context, event):
        """Begin with how it is smoothed now."""
        try:
            made = read_smoothing(active_armature(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.strength, self.keep_feet = made.strength, made.keep_feet
        self.reduce_keys, self.tilt_known = made.reduce_keys, made.tilt_known
        # A tilt that nobody knew is set from where the estimate has it.
        self.camera_pitch, self.camera_roll = np.clip(tilt_of(made.rotation[1]), -MOST_TILTED, MOST_TILTED)
        return self.execute(context)

    def draw(self, context):
        self.layout.use_property_split = True
        self.draw_smoothing(self.layout)

    def _apply(self, context, character: Character) -> None:
        smooth(context, character, self.strength, self.keep_feet, self.camera_tilt)
        note_choices(character.armature, self.reduce_keys, self.tilt_known)
        if self.reduce_keys:
            reduce_action(character.armature, body_model_of(context, character), self.reduce_keys / 1e3)
        mark_frames(context.scene, character.armature)


def smooth(
    context: bpy.types.Context, character: Character, strength: float, keep_feet: bool,
    camera_tilt: tuple[float, float] | None,
) -> None:  # fmt: skip
    """Key the character anew, from where its film begins now. Raises UserError when its raw motion is gone, or
    of another body model."""
    armature, model = character.armature, body_model_of(context, character)
    require_smoothable(armature)
    raw = read_note(armature)
    raw = replace(raw, betas=betas_of(armature).astype(np.float32))  # the user may have changed the shape since
    motion = smooth_motion(raw, model, strength, keep_feet, camera_tilt)
    motion, _ = correct_motion(model, motion, read_corrections(armature), correction_reach(context))
    made, on_ground = read_smoothing(armature), armature[NOTE]["on_ground"]
    before = _Placing(made.rotation, np.array(made.place))
    placed = replace(before, turn=upright_turn(motion)) if on_ground else before
    rotations, trans = rotations_of(motion.poses.astype(np.float64)), motion.trans.astype(np.float64)
    rotations, trans = turned_motion(model, motion.betas, rotations, trans, placed.turn)
    if on_ground:
        lowest = lowest_points(model, motion.betas, rotations, trans).min() if motion.floor is None else motion.floor[3]
        placed = replace(placed, place=np.array([*before.place[:2], -float(lowest)]))
        _keep_photo_matched(character, motion, before, placed)
    rekey_motion(armature, rotations, trans + points_to_smpl(placed.place))
    note_smoothing(armature, strength, keep_feet, placed.place, placed.turn)
    context.scene.frame_set(context.scene.frame_current)


@dataclass(frozen=True)
class _Placing:
    """How an estimate lies in the scene: turned by `turn` (3, 3; SMPL's frame), moved by `place` (3,; Blender's)."""

    turn: np.ndarray
    place: np.ndarray

    @property
    def matrix(self) -> Matrix:
        matrix = Matrix(BLENDER_FROM_SMPL @ self.turn).to_4x4()
        matrix.translation = self.place
        return matrix


def _keep_photo_matched(character: Character, motion: BodyEstimate, before: _Placing, after: _Placing) -> None:
    """The camera goes where the body goes."""
    camera = character.camera
    if camera is None:
        return
    require_own_object(camera)
    keep_edits(camera)
    units = rest_frame(character.armature).scale * character.armature.matrix_world.median_scale
    if motion.camera_rotations is not None:
        start = first_frame(character.armature)
        key_camera(camera, motion, after.turn, points_to_smpl(after.place), start, units)
    else:
        moved = after.matrix @ before.matrix.inverted()
        moved.translation *= units
        camera.matrix_basis = moved @ camera.matrix_basis
