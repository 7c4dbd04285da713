"""The active character's motion on another armature: `bpy.ops.body_from_image.retarget(target=…)`."""

from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.retarget import retarget
from .active_character import RECORD, active_armature, character_of

BONES = {f"{side}_{joint}": f"{side}_{bone}" for side in ("left", "right") for joint, bone in (
    ("hip", "thigh"), ("knee", "shin"), ("ankle", "foot"), ("foot", "toes"), ("collar", "collar bone"),
    ("shoulder", "upper arm"), ("elbow", "forearm"), ("wrist", "hand"),
)}  # fmt: skip
"""What the bones that turn about SMPL's joints are called everywhere else."""


class BODY_FROM_IMAGE_OT_retarget(bpy.types.Operator):
    bl_idname = "body_from_image.retarget"
    bl_label = "Retarget to Armature"
    bl_description = (
        "Key another armature so that it does what the character does: Mixamo, Unreal, Unity, Rigify's metarig, or "
        "any whose bones are named in a similar way"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    target: bpy.props.StringProperty(
        name="Target", options={"SKIP_SAVE"}, description="Name of the armature to key. Empty: the other selected one"
    )

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select an armature, then, with Shift, a character that was made from an image")
        return _source(context) is not None

    def execute(self, context):
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        try:
            done = retarget(character_of(_source(context)), self._target(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        missing = ", ".join(BONES.get(name, name).replace("_", " ") for name in done.bone_map.missing)
        scheme = "names guessed" if done.bone_map.scheme == "guessed" else f"{done.bone_map.scheme}'s names"
        sentence = f"{done.bone_count} bones ({scheme}) keyed; frames: {done.frame_count}."
        self.report(
            {"WARNING" if missing else "INFO"}, f"{sentence} No bone was found for: {missing}." if missing else sentence
        )
        return {"FINISHED"}

    def _target(self, context) -> bpy.types.Object:
        source = _source(context)
        if self.target:
            target = context.scene.objects.get(self.target)
            if target is None or target.type != "ARMATURE":
                raise UserError(f"There is no armature called {self.target} in this scene.")
            return target
        others = [item for item in context.selected_objects if item.type == "ARMATURE" and item != source]
        if len(others) != 1:
            raise UserError(
                "Select exactly one armature besides the character: click it first, then the character with Shift."
            )
        return others[0]


def _source(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active character, or, when the target is active, the selected one."""
    chosen = [item for item in context.selected_objects if RECORD in item]
    return active_armature(context) or (chosen[0] if len(chosen) == 1 else None)
