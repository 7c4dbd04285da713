"""A motion, of another program too, or an estimate: `bpy.ops.body_from_image.import_npz(filepath=…, person=…)`."""

from pathlib import Path
from typing import ClassVar

import bpy
import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from ..inference.files.amass import Motion, is_estimate, read_motion
from ..inference.geometry.resample import resampled
from ..rig.character import build_character, build_moving_character, key_pose, reshape
from ..rig.ground import move_to_ground
from ..rig.scene_setup import set_time
from ..rig.shape_keys import betas_of
from .active_character import active_character, make_active, record_of, write_motion_record, write_record
from .all_or_nothing import all_or_nothing
from .body_file import load_body_model
from .preferences import body_model_file
from .scene_choice import SetsUpScene

OTHER_BODY = (
    "The file's shape coefficients belong to another body model than the one in use, so they are left out. "
    "Choose that model in the extension's preferences to have them."
)


class BODY_FROM_IMAGE_OT_import_npz(SetsUpScene, bpy.types.Operator):
    bl_idname = "body_from_image.import_npz"
    bl_label = "Import Body Motion"
    bl_description = "Import a motion of AMASS, SMPL, WHAM, GVHMR or 4D-Humans, or a saved estimate, as a character"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    apply_to_active: bpy.props.BoolProperty(
        name="Apply to Active Character", description="Key the active character instead of building a new one"
    )
    up: bpy.props.EnumProperty(
        name="Up",
        items=(
            ("auto", "Automatic", "What the file says, else the axis along which the person is upright"),
            ("z", "Z", "AMASS"),
            ("y", "Y", "SMPL and our own estimates"),
            ("-y", "-Y", "A camera's frame, whose y points down: programs that look at pictures"),
        ),
        description="Which axis of the file points up",
    )
    person: bpy.props.IntProperty(
        name="Person",
        default=1,
        min=1,
        options={"SKIP_SAVE"},
        description="Which person to import from a file of several; 1 is the one seen longest",
    )
    stand_on_ground: bpy.props.BoolProperty(
        name="Stand on Ground",
        default=True,
        description="Move the motion so that its lowest point is at z = 0 and it begins above the origin",
    )
    keep_frame_rate: bpy.props.BoolProperty(
        name="Keep Frame Rate",
        description="Resample the motion to the scene's frame rate, instead of giving the scene the motion's",
    )
    start_frame: bpy.props.IntProperty(name="Start Frame", default=1, description="Frame of the first keyframe")
    filter_glob: bpy.props.StringProperty(default="*.npz;*.pkl;*.pickle;*.pt;*.pth", options={"HIDDEN"})

    def invoke(self, context, event):
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        try:
            if not self.filepath:
                raise UserError("Choose a motion file first.")
            path = Path(bpy.path.abspath(self.filepath))
            model = load_body_model(body_model_file(context))
            if context.mode != "OBJECT":
                bpy.ops.object.mode_set(mode="OBJECT")
            self._set_up = self.may_set_up(context)
            with all_or_nothing(context.scene):
                name, frame_count, remarks = self._import(context, path, model)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        sentence = f"{name}: {frame_count} {'frame' if frame_count == 1 else 'frames'}."
        told = (*remarks, *self.kept_remark(self._set_up))
        self.report({"WARNING" if remarks else "INFO"}, " ".join([sentence, *told]))
        return {"FINISHED"}

    def _import(self, context, path: Path, model: BodyModel) -> tuple[str, int, tuple[str, ...]]:
        """The armature's name, how many frames it got, and what to tell the user."""
        if not self.apply_to_active and not self.keep_frame_rate and is_estimate(path):
            return self._build_with_camera(context, path, model)
        motion = read_motion(path, self.up, self.person)
        betas = motion.betas if _is_of(motion, model, context) else None
        remarks = motion.remarks if betas is not None or motion.betas is None else (*motion.remarks, OTHER_BODY)
        if self.apply_to_active:
            armature = self._apply(context, motion, betas, model, path.stem)
        else:
            armature = self._build(context, motion, betas, model, path, remarks)
        first, last = armature.animation_data.action.frame_range
        return armature.name, round(last - first) + 1, remarks

    def _build_with_camera(self, context, path: Path, model: BodyModel) -> tuple[str, int, tuple[str, ...]]:
        estimate = BodyEstimate.load(path)
        character = build_character(
            estimate, model, photo=None, name=path.stem, stand_on_ground=self.stand_on_ground,
            start_frame=self.start_frame, set_up=self._set_up,
        )  # fmt: skip
        write_record(character, estimate, ())
        make_active(context, character)
        return character.armature.name, estimate.frame_count, ()

    def _build(
        self, context, motion: Motion, betas: np.ndarray | None, model: BodyModel, path: Path, remarks: tuple[str, ...]
    ) -> bpy.types.Object:
        betas = np.zeros(model.shapedirs.shape[2], np.float32) if betas is None else betas
        rotations, transl, rate = self._placed(context, motion, betas, model)
        character = build_moving_character(
            model, betas, rotations, transl, name=path.stem, start_frame=self.start_frame, frame_rate=rate,
            set_up=self._set_up,
        )  # fmt: skip
        write_motion_record(character, path.name, model.hash, remarks)
        make_active(context, character)
        return character.armature

    def _apply(
        self, context, motion: Motion, betas: np.ndarray | None, model: BodyModel, name: str
    ) -> bpy.types.Object:
        character = active_character(context)
        armature = character.armature
        if record_of(armature)["body_model"] != model.hash:
            raise UserError(
                f"{armature.name} was made with another body model than the one in the extension's preferences. "
                "Choose the model that it was made with, or import the motion onto a new character."
            )
        if betas is not None:
            reshape(character, betas)
        rotations, transl, rate = self._placed(context, motion, betas_of(armature), model)
        key_pose(armature, rotations, transl, name, self.start_frame)
        if self._set_up:
            set_time(self.start_frame, len(rotations), rate)
        return armature

    def _placed(
        self, context, motion: Motion, betas: np.ndarray, model: BodyModel
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Rotations (F, 24, 3, 3), translations (F, 3), and the rate that the scene is to run at; 0 to leave it."""
        rotations, transl = motion.upright(model.rest_joints(betas[None])[0, 0])
        rate = motion.frame_rate
        if self.keep_frame_rate and rate > 0:
            render = context.scene.render
            rotations, transl = resampled(rotations, transl, rate, render.fps / render.fps_base)
            rate = 0.0
        if self.stand_on_ground:
            transl = transl + move_to_ground(model, betas, rotations, transl)
        return rotations, transl, rate


def _is_of(motion: Motion, model: BodyModel, context: bpy.types.Context) -> bool:
    """Whether the motion's shape coefficients mean something to `model`. AMASS's are those of a licensed SMPL file."""
    return motion.body_model == model.hash or (not motion.body_model and body_model_file(context) is not None)
