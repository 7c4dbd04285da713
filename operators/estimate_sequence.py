"""Many pictures or a film to one animated character, or to a character for each picture:
`bpy.ops.body_from_image.estimate_sequence(directory=…, files=…)`."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import bpy
import numpy as np

from ..inference.errors import UserError
from ..rig.character import Character, build_character, build_people
from ..rig.contact_sheet import lay_out
from ..rig.correction_note import mark_frames
from ..rig.ground import upright_turn
from ..rig.motion_note import write_note
from ..rig.pose_asset import mark_pose_asset
from ..rig.preview import show_preview
from ..rig.reduced_keys import reduce_action
from .active_character import make_active, write_record
from .all_or_nothing import all_or_nothing
from .body_file import load_body_model
from .estimation import (
    Estimated,
    EstimatedMotion,
    EstimatedPictures,
    MotionEstimation,
    PicturesEstimation,
    Request,
)
from .kept_corrections import digest_of, keep_film_corrections, keep_photo_corrections
from .photo_properties import FIELD_OF_VIEW, HEIGHT, STAND_ON_GROUND
from .preferences import body_model_file, engine_settings
from .preview import body_of_preview
from .run_state import run_state
from .scene_choice import SetsUpScene
from .smoothing_properties import SmoothingProperties
from .watching import WatchesWorker

MOST_TOLD = 3
"""Faults of single pictures that are told one by one."""


class BODY_FROM_IMAGE_OT_estimate_sequence(SetsUpScene, SmoothingProperties, WatchesWorker, bpy.types.Operator):
    bl_idname = "body_from_image.estimate_sequence"
    bl_label = "Estimate Sequence"
    bl_description = (
        "Animated characters from a film, numbered pictures or a folder of them; or a character for each picture"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(
        name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"}, description="Where the files are. Alone: all pictures"
    )
    files: bpy.props.CollectionProperty(
        name="Files", type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )
    filepath: bpy.props.StringProperty(
        name="File",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
        description="A film, or a picture of a numbered sequence, instead of a folder and files",
    )
    result: bpy.props.EnumProperty(
        name="Result",
        items=(
            ("MOTION", "Animated Character", "One moving person: a character with a keyframe on every frame"),
            ("CHARACTERS", "Character per Picture", "Unrelated pictures: a character for each, side by side"),
        ),
        description="What to make of the pictures",
    )
    pose_assets: bpy.props.BoolProperty(
        name="Pose Assets", description="Also save the pose of each picture as a pose asset"
    )
    box: bpy.props.FloatVectorProperty(
        name="Person Box",
        size=4,
        options={"SKIP_SAVE"},
        description="Where the person is when they first appear: left, top, width and height in pixels. All 0: found "
        "automatically",
    )
    people: bpy.props.IntProperty(
        name="People",
        default=1,
        min=0,
        soft_max=10,
        options={"SKIP_SAVE"},
        description="How many people of the film become characters, those who are seen longest first. 0: everybody",
    )
    field_of_view: FIELD_OF_VIEW
    height: HEIGHT
    stand_on_ground: STAND_ON_GROUND
    start_frame: bpy.props.IntProperty(name="Start Frame", default=1, description="Frame of the first keyframe")
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        """A person clicked: the window stays alive while the worker works."""
        self.from_window = not bpy.app.background
        if self.filepath or self.directory:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "result")
        if self.result == "MOTION":
            self.draw_smoothing(layout)
            layout.prop(self, "start_frame")
            layout.prop(self, "people")
        else:
            layout.prop(self, "pose_assets")
        for name in ("field_of_view", "height", "stand_on_ground", "scene_setup"):
            layout.prop(self, name)

    def _ask(self, context) -> Request:
        paths, settings = self._paths(), engine_settings(context, self.field_of_view, self.height)
        if self.result == "CHARACTERS":
            return PicturesEstimation(paths, settings)
        render = context.scene.render
        box = tuple(self.box) if any(self.box) else None
        rate = render.fps / render.fps_base
        options = {
            "frame_rate": rate, "strength": self.strength, "keep_feet": self.keep_feet, "camera_tilt": self.camera_tilt,
        }  # fmt: skip
        return MotionEstimation(paths, box, 1 if box else self.people or None, settings, options)

    def _paths(self) -> list[Path]:
        """What was chosen. Blender's file browser fills in all three properties, and names the folder as a file when
        none was chosen."""
        folder = Path(bpy.path.abspath(self.directory)) if self.directory else None
        names = [item.name for item in self.files if item.name]
        if names and folder:
            return [folder / name for name in names]
        if self.filepath and Path(bpy.path.abspath(self.filepath)) != folder:
            return [Path(bpy.path.abspath(self.filepath))]
        if folder:
            return [folder]
        raise UserError("Choose a film, pictures or a folder first.")

    def _show_preview(self, context, preview: dict) -> None:
        show_preview(body_of_preview(preview), _name_of(self._paths()), self.stand_on_ground)

    def _finish(self, context, estimated: EstimatedMotion | EstimatedPictures) -> set[str]:
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        self._set_up = self.may_set_up(context)
        if isinstance(estimated, EstimatedPictures):
            characters, told = self._build_characters(context, estimated)
        else:
            characters, told = self._build_moving(context, estimated)
        make_active(context, characters[0] if isinstance(estimated, EstimatedMotion) else characters[-1])
        told += self.kept_remark(self._set_up)
        self._tell(context, estimated, characters, told)
        return {"FINISHED"}

    def _build_moving(self, context, estimated: EstimatedMotion) -> tuple[list[Character], list[str]]:
        model = load_body_model(body_model_file(context))
        kept = [keep_film_corrections(context, model, one.estimate, one.first) for one in estimated.people]
        corrected = [replace(one, estimate=own) for one, (own, _) in zip(estimated.people, kept, strict=True)]
        estimated = replace(estimated, people=tuple(corrected))
        sentences = dict.fromkeys(sentence for _, remarks in kept for sentence in remarks)
        told = [*sentences, *estimated.remarks, *_remarks_on_each(estimated)]
        try:
            return self._build_motions(context, estimated, estimated.behind), told
        except UserError as error:
            if not estimated.behind:
                raise
            # Blender does not read every film that the engine reads; the motion is worth more than the view behind it.
            told.append(f"Nothing is shown behind the character: {error}")
            return self._build_motions(context, estimated, ()), told

    def _build_motions(self, context, estimated: EstimatedMotion, behind: tuple[Path, ...]) -> list[Character]:
        people, model = estimated.people, load_body_model(body_model_file(context))
        shared = {
            "photo": behind, "name": _name_of(self._paths()), "stand_on_ground": self.stand_on_ground,
            "start_frame": self.start_frame, "set_up": self._set_up,
        }  # fmt: skip
        # Several share a floor and a camera, which smoothing one of them anew must not move.
        on_ground = self.stand_on_ground and len(people) == 1
        turn = upright_turn(people[0].estimate) if self.stand_on_ground else np.eye(3)
        with all_or_nothing(context.scene):
            if len(people) == 1:
                characters = [build_character(people[0].estimate, model, **shared)]
            else:
                estimates, firsts = [one.estimate for one in people], [one.first for one in people]
                characters = build_people(estimates, model, firsts=firsts, **shared)
            for character, one in zip(characters, people, strict=True):
                write_record(character, one.estimate, (*estimated.remarks, *one.remarks))
                how = (self.strength, self.keep_feet, on_ground, turn, one.first)
                write_note(character, one.raw, *how, self.reduce_keys, self.tilt_known)
                if self.reduce_keys:
                    reduce_action(character.armature, model, self.reduce_keys / 1e3)
                mark_frames(context.scene, character.armature)
        return characters

    def _build_characters(self, context, estimated: EstimatedPictures) -> tuple[list[Character], list[str]]:
        model, told = load_body_model(body_model_file(context)), {}
        with all_or_nothing(context.scene):
            characters = []
            for name, body in estimated.bodies:
                picture = digest_of(body.photo)
                estimate, kept = keep_photo_corrections(context, model, body.estimate, picture)
                characters.append(self._build_one(name, replace(body, estimate=estimate), model, picture))
                told |= dict.fromkeys(kept)
            lay_out(characters)
        return characters, [*told, *estimated.errors]

    def _build_one(self, name: str, body: Estimated, model, picture: str) -> Character:
        character = build_character(
            body.estimate, model, photo=body.photo, name=name, stand_on_ground=self.stand_on_ground,
            set_up=self._set_up,
        )  # fmt: skip
        if body.photo_is_copy:
            image = character.camera.data.background_images[0].image
            image.pack()
            image.filepath_raw = f"//{Path(image.filepath_raw).name}"
        write_record(character, body.estimate, body.remarks, picture)
        if self.pose_assets:
            mark_pose_asset(character, f"{name} pose")
        return character

    def _tell(self, context, estimated, characters: list[Character], told: list[str]) -> None:
        if isinstance(estimated, EstimatedMotion):
            run_state(context).provider = estimated.provider
            sentence = " ".join(
                f"{character.armature.name}: {one.estimate.frame_count} frames, score {one.estimate.score.mean():.2f}."
                for character, one in zip(characters, estimated.people, strict=True)
            )
        else:
            run_state(context).provider = estimated.bodies[0][1].provider
            sentence = f"{len(characters)} of {len(characters) + len(estimated.errors)} pictures gave a character."
        more = [f"And {len(told) - MOST_TOLD} more remarks."] if len(told) > MOST_TOLD else []
        self.report({"WARNING" if told else "INFO"}, " ".join([sentence, *told[:MOST_TOLD], *more]))


def _remarks_on_each(estimated: EstimatedMotion) -> list[str]:
    """Remarks on the motions, numbered where there are several."""
    several = len(estimated.people) > 1
    return [
        f"{number}: {remark}" if several else remark
        for number, one in enumerate(estimated.people, 1)
        for remark in one.remarks
    ]


def _name_of(paths: list[Path]) -> str:
    """What the character is called: the folder, the film, or what is common to numbered pictures' names."""
    first = paths[0]
    return (first.name if first.is_dir() else first.stem.rstrip("0123456789").rstrip("_-. ")) or first.stem
