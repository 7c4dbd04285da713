"""Keypoints of the active character put where they are in its photo, and what else a person can put right:
`bpy.ops.body_from_image.correct(keypoint="left_wrist", x=…, y=…, nearer=1, seen=True)`.

Left is the person's own left; x and y are pixels of the upright photo, (0, 0) the centre of the first.
"""

from dataclasses import replace
from typing import ClassVar

import bpy

from ..inference.body.correction import Correction, with_correction
from ..inference.correction.spread import doubtful_frames
from ..inference.errors import UserError
from ..inference.geometry.joints import KEYPOINT_NAMES
from ..rig.character import Character
from ..rig.correction_note import can_be_corrected, corrected_film
from ..rig.motion_note import first_frame, has_note
from .correcting import Correcting
from .correction_properties import REACH_PROPERTY, correction_reach
from .on_character import OnCharacter

KEYPOINT = bpy.props.EnumProperty(
    name="Keypoint", items=[(name, name.replace("_", " ").title(), "") for name in KEYPOINT_NAMES]
)
WANTED = "Select a character that was made from a photo or a film"


class OnCorrectable(OnCharacter):
    """An operator on the active character and the frame that is shown, which says anew what was said of it:
    `_say(correcting)` gives the frame's corrections. One step of undo each."""

    wanted: ClassVar = WANTED
    fits = staticmethod(can_be_corrected)
    reach: REACH_PROPERTY

    def _apply(self, context, character: Character) -> None:
        correcting = Correcting(context, character)
        reach = self.reach if self.properties.is_property_set("reach") else correction_reach(context)
        remarks = correcting.heed(self._say(correcting), reach)
        if remarks:
            self.report({"WARNING"}, " ".join(remarks))


class BODY_FROM_IMAGE_OT_correct(OnCorrectable, bpy.types.Operator):
    bl_idname = "body_from_image.correct"
    bl_label = "Correct Keypoint"
    bl_description = "Move one keypoint to its place in the photo. Its limb follows, and nothing else moves"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    keypoint: KEYPOINT
    x: bpy.props.FloatProperty(name="X", options={"SKIP_SAVE"}, description="Pixels of the photo, to the right")
    y: bpy.props.FloatProperty(name="Y", options={"SKIP_SAVE"}, description="Pixels of the photo, down")
    nearer: bpy.props.IntProperty(
        name="Nearer",
        min=-1,
        max=1,
        options={"SKIP_SAVE"},
        description="1: nearer to the camera than its parent joint; -1: farther away; 0: unknown",
    )
    seen: bpy.props.BoolProperty(
        name="Seen", default=True, options={"SKIP_SAVE"}, description="Visible in the photo. Off: hidden there"
    )
    exchange: bpy.props.BoolProperty(
        name="Exchange", options={"SKIP_SAVE"}, description="Swap left and right of its limb"
    )
    flip: bpy.props.BoolProperty(
        name="Flip", options={"SKIP_SAVE"}, description="Mirror the bone that ends there in depth"
    )

    def _say(self, correcting: Correcting) -> tuple[Correction, ...]:
        given = self.properties.is_property_set
        if given("x") != given("y"):
            raise UserError("A place needs both x and y.")
        new = correcting.said_of(self.keypoint)
        if given("x"):
            new = replace(new, place=(self.x, self.y), seen=None)
        if given("nearer"):
            new = replace(new, nearer=self.nearer)
        if given("seen"):
            # A place that a person gave is seen anyhow.
            new = replace(new, seen=None if self.seen and new.place else self.seen)
        new = replace(new, exchange=new.exchange != self.exchange, flip=self.flip)
        return with_correction(correcting.said, new)


class BODY_FROM_IMAGE_OT_reset_correction(OnCorrectable, bpy.types.Operator):
    bl_idname = "body_from_image.reset_correction"
    bl_label = "Reset Correction"
    bl_description = (
        "Remove the correction of one keypoint in this frame, or of all. Limbs return to their estimated pose"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    keypoint: KEYPOINT
    every: bpy.props.BoolProperty(name="All", options={"SKIP_SAVE"}, description="All keypoints of this frame")

    def _say(self, correcting: Correcting) -> tuple[Correction, ...]:
        if self.every:
            return ()
        return with_correction(correcting.said, Correction(self.keypoint, frame=correcting.number))


class BODY_FROM_IMAGE_OT_next_doubtful_frame(OnCharacter, bpy.types.Operator):
    bl_idname = "body_from_image.next_doubtful_frame"
    bl_label = "Next Doubtful Frame"
    bl_description = "Go to the frame of the film whose limbs are least certain. Press again for the next one"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    wanted: ClassVar = "Select a character that was made from a film"
    fits = staticmethod(has_note)

    def _apply(self, context, character: Character) -> None:
        start = first_frame(character.armature)
        frames = [start + number for number in doubtful_frames(corrected_film(character.armature))]
        if not frames:
            raise UserError("No frame of this film is more doubtful than the others, or it was corrected.")
        here = context.scene.frame_current
        after = frames.index(here) + 1 if here in frames else 0
        context.scene.frame_set(frames[after % len(frames)])
        self.report({"INFO"}, f"Frame {frames[after % len(frames)]}: {after % len(frames) + 1} of {len(frames)}")
