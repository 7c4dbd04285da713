"""What the exporting operators share: asking for a file, writing the active character to it, and the other selected
ones where the format holds several, telling how it went."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.bone_names import PRESETS
from ..rig.export import ROOT_MOTIONS, TOGETHER, export, shows_unkeyed_pose
from .active_character import active_armature, active_character, selected_characters

_DESCRIPTIONS = {
    "smpl": ("SMPL", "The names of SMPL's joints"),
    "unreal": ("Unreal", "The names of Unreal's mannequin"),
    "unity": ("Unity", "The names of Unity's humanoid"),
    "mixamo": ("Mixamo", "Mixamo's names, which many programs know"),
}
BONE_NAMES = tuple((name, *_DESCRIPTIONS[name]) for name in PRESETS)
"""The naming schemes as items of an enumeration."""
_PATHS = {
    "pelvis": ("Pelvis", "The pelvis moves through the scene"),
    "in_place": ("In Place", "The body moves in place, without its path over the floor"),
    "root_bone": ("Root Bone", "A bone on the floor under the pelvis carries path and heading, for game engines"),
}
UNKEYED = (
    "The pose that is shown now was not keyed and is not in the file. "
    "Key it (in pose mode: A, then I) and export again."
)


class ExportsCharacter:
    """Mixed into an operator whose `format` is one of `rig.export.FORMATS`; properties of it that bear the name of an
    option of `rig.export.export` are that option."""

    format: ClassVar[str]
    bl_options: ClassVar = {"REGISTER"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select a character that was made from an image first")
        return active_armature(context) is not None

    def invoke(self, context, event):
        if not self.filepath:
            self.filepath = f"{bpy.path.clean_name(active_armature(context).name)}.{self.format}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        try:
            if not self.filepath:
                raise UserError("Choose a file to write to first.")
            path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), f".{self.format}"))
            characters = selected_characters(context) if self.format in TOGETHER else [active_character(context)]
            unkeyed = any(shows_unkeyed_pose(character.armature) for character in characters)
            names = ("bone_names", "mesh", "rest_frame", "root_motion")
            options = {name: getattr(self, name) for name in names if hasattr(self, name)}
            export(characters, path, self.format, **options)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"WARNING" if unkeyed else "INFO"}, f"Wrote {path}." + (f" {UNKEYED}" if unkeyed else ""))
        return {"FINISHED"}


class NamesBones:
    """The option of formats that have bones with names."""

    bone_names: bpy.props.EnumProperty(
        name="Bone Names", items=BONE_NAMES, description="What the bones are called in the file"
    )


class HasMesh:
    """The option of formats that can have a skin."""

    mesh: bpy.props.BoolProperty(name="Mesh", default=True, description="Write the skin, not only skeleton and clip")


class HasClip:
    """The options of formats that hold a clip of bones."""

    rest_frame: bpy.props.BoolProperty(
        name="Rest Pose at Frame 0", description="Begin the clip with one frame of the rest pose"
    )
    root_motion: bpy.props.EnumProperty(
        name="Root Motion",
        items=tuple((name, *_PATHS[name]) for name in ROOT_MOTIONS),
        description="Where the path over the floor is stored",
    )
