"""A photo to a posed, rigged character in the scene: `bpy.ops.body_from_image.estimate(filepath=…)`."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.character import Character, build_beside, build_character, build_people
from .active_character import (
    armature_called,
    before_the_same_camera,
    character_of,
    make_active,
    write_record,
)
from .all_or_nothing import all_or_nothing
from .body_file import load_body_model
from .estimation import (
    Estimated,
    EstimatedPeople,
    Estimation,
    PeopleEstimation,
    Request,
)
from .kept_corrections import digest_of, keep_photo_corrections
from .others_in_photo import remember_others, took_up
from .photo_properties import FIELD_OF_VIEW, HEIGHT, STAND_ON_GROUND
from .preferences import body_model_file, engine_settings
from .run_state import run_state
from .scene_choice import SetsUpScene
from .source_image import file_of, find_image
from .watching import WatchesWorker


class BODY_FROM_IMAGE_OT_estimate(SetsUpScene, WatchesWorker, bpy.types.Operator):
    bl_idname = "body_from_image.estimate"
    bl_label = "Estimate Body from Image"
    bl_description = "Find the person in a photo and build a rigged character in the same pose"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(
        name="Image", subtype="FILE_PATH", options={"SKIP_SAVE"}, description="PNG, JPEG, WebP, TIFF or BMP"
    )
    image: bpy.props.StringProperty(
        name="Image in Blender",
        options={"SKIP_SAVE"},
        description="Name of an image that Blender has loaded, instead of a file",
    )
    box: bpy.props.FloatVectorProperty(
        name="Person Box",
        size=4,
        options={"SKIP_SAVE"},
        description="Where the person is: left, top, width and height in pixels. All 0: found automatically",
    )
    people: bpy.props.IntProperty(
        name="People",
        default=1,
        min=0,
        soft_max=10,
        description="How many people of the photo become characters, the most prominent first. 0: everybody",
    )
    beside: bpy.props.StringProperty(
        name="Beside",
        options={"SKIP_SAVE"},
        description="Name of a character's armature: the person in the box joins it before its camera",
    )
    field_of_view: FIELD_OF_VIEW
    height: HEIGHT
    refine: bpy.props.BoolProperty(
        name="Refine",
        default=True,
        description="Fit the body to the photo. Off: the pose is the networks' answer",
    )
    stand_on_ground: STAND_ON_GROUND
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        """A person clicked: the window stays alive while the worker works."""
        self.from_window = not bpy.app.background
        if self.filepath or self.image:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def _ask(self, context) -> Request:
        if not self.filepath and not self.image:
            raise UserError("Choose an image first.")
        self._file = file_of(find_image(self.image)) if self.image else Path(bpy.path.abspath(self.filepath))
        box = tuple(self.box) if any(self.box) else None
        settings = engine_settings(context, self.field_of_view, self.height, self.refine)
        if box is None and self.people != 1:
            return PeopleEstimation(self._file, self.people or None, settings)
        return Estimation(self._file, box, settings)

    def _finish(self, context, estimated: Estimated | EstimatedPeople) -> set[str]:
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        name = Path(self.image).stem if self.image else self._file.stem
        if isinstance(estimated, EstimatedPeople):
            return self._finish_people(context, estimated, name)
        model = load_body_model(body_model_file(context))
        first = character_of(armature_called(context, self.beside)) if self.beside else None
        set_up, picture = self.may_set_up(context), digest_of(estimated.photo)
        estimate, kept = keep_photo_corrections(context, model, estimated.estimate, picture)
        with all_or_nothing(context.scene):
            if first:
                number = len(before_the_same_camera(context, first))
                name = f"{first.armature.name}.{number + 1}"
                character = build_beside(estimate, model, first, name=name, number=number)
            else:
                character = build_character(
                    estimate, model, photo=estimated.photo, name=name, stand_on_ground=self.stand_on_ground,
                    set_up=set_up,
                )  # fmt: skip
                self._keep_photo(character, estimated)
            write_record(character, estimate, estimated.remarks, picture)
        make_active(context, character)
        run_state(context).provider = estimated.provider
        if first:
            took_up(context, self.box)
        elif not any(self.box):
            remember_others(context, self.image or self.filepath, character, estimated.others)
        score = f"{name}: score {estimated.estimate.score[0]:.2f}."
        remarks = (*estimated.remarks, *kept, *(() if first else self.kept_remark(set_up)))
        self.report({"WARNING" if estimated.remarks else "INFO"}, " ".join([score, *remarks]))
        return {"FINISHED"}

    def _finish_people(self, context, estimated: EstimatedPeople, name: str) -> set[str]:
        model, people = load_body_model(body_model_file(context)), estimated.people
        set_up, picture = self.may_set_up(context), digest_of(people[0].photo)
        estimates, kept = [], []
        for one in people:
            estimate, told = keep_photo_corrections(context, model, one.estimate, picture)
            estimates.append(estimate)
            kept += [remark for remark in told if remark not in kept]
        with all_or_nothing(context.scene):
            characters = build_people(
                estimates, model, photo=people[0].photo, name=name,
                stand_on_ground=self.stand_on_ground, set_up=set_up,
            )  # fmt: skip
            self._keep_photo(characters[0], people[0])
            for character, estimate, one in zip(characters, estimates, people, strict=True):
                write_record(character, estimate, one.remarks, picture)
        make_active(context, characters[0])
        run_state(context).provider = people[0].provider
        scores = ", ".join(f"{one.estimate.score[0]:.2f}" for one in people)
        count = "1 person" if len(people) == 1 else f"{len(people)} people"
        remarks = (*estimated.remarks, *kept, *self.kept_remark(set_up))
        self.report({"INFO"}, " ".join([f"{name}: {count}, scores {scores}.", *remarks]))
        return {"FINISHED"}

    def _keep_photo(self, character: Character, estimated: Estimated) -> None:
        """Show the user's own image behind the character where it will do; put a copy that is about to be deleted into
        the .blend."""
        background = character.camera.data.background_images[0]
        loaded, own = background.image, bpy.data.images.get(self.image)
        if own is not None and estimated.photo == self._file:
            background.image = own
            if loaded != own:
                bpy.data.images.remove(loaded)
        elif self.image or estimated.photo_is_copy:
            loaded.pack()
            loaded.filepath_raw = f"//{Path(loaded.filepath_raw).name}"
