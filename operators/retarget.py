"""The active character's motion on another armature: `bpy.ops.body_from_image.retarget(target=…, bone_map=…)`; and
which bones of that were taken for which joints, as a file: `save_bone_map(target=…, filepath=…)`."""

from pathlib import Path
from typing import ClassVar

import bpy
from bpy_extras.io_utils import ExportHelper

from ..inference.errors import UserError
from ..rig.bone_map_files import read_bone_map, write_bone_map
from ..rig.bone_maps import find_bones
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

    bone_map: bpy.props.StringProperty(
        name="Bone Map",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
        description="JSON file that says which bone is which joint, as Save Bone Map writes it. Empty: by their names",
    )

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select an armature, then, with Shift, a character that was made from an image")
        return _source(context) is not None

    def execute(self, context):
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        try:
            target = target_of(context, self.target)
            own = read_bone_map(Path(bpy.path.abspath(self.bone_map)), target) if self.bone_map else None
            done = retarget(character_of(_source(context)), target, own)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        missing = ", ".join(BONES.get(name, name).replace("_", " ") for name in done.bone_map.missing)
        scheme = "names guessed" if done.bone_map.scheme == "guessed" else f"as {done.bone_map.scheme} has them"
        sentence = f"{done.bone_count} bones ({scheme}) keyed; frames: {done.frame_count}."
        self.report(
            {"WARNING" if missing else "INFO"}, f"{sentence} No bone was found for: {missing}." if missing else sentence
        )
        return {"FINISHED"}


class BODY_FROM_IMAGE_OT_save_bone_map(ExportHelper, bpy.types.Operator):
    bl_idname = "body_from_image.save_bone_map"
    bl_label = "Save Bone Map"
    bl_description = (
        "Write which bones of the other selected armature Retarget takes for which joints, to be changed in a text "
        "editor, shared, and given to Retarget as Bone Map"
    )

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})
    target: bpy.props.StringProperty(
        name="Target", options={"SKIP_SAVE"}, description="Name of the armature. Empty: the other selected one"
    )

    def execute(self, context):
        try:
            bone_map = find_bones(target_of(context, self.target))
            write_bone_map(bone_map, Path(bpy.path.abspath(self.filepath)))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{len(bone_map.bones)} bones written to {self.filepath}.")
        return {"FINISHED"}


def target_of(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """The armature of that name, or the one that is selected besides the character. Raises UserError."""
    if name:
        target = context.scene.objects.get(name)
        if target is None or target.type != "ARMATURE":
            raise UserError(f"There is no armature called {name} in this scene.")
        return target
    source = _source(context)
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
