"""A photo to a posed, rigged character in the scene: `bpy.ops.body_from_image.estimate(filepath=…)`."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.errors import UserError
from ..rig.character import Character, build_character
from .active_character import write_record
from .all_or_nothing import all_or_nothing
from .estimation import Estimated, Estimation, load_body_model
from .preferences import body_model_file, engine_settings
from .run_state import run_state
from .worker_client import Failure, Progress

TICK = 0.05
"""Seconds between two looks at what the worker says."""


class BODY_FROM_IMAGE_OT_estimate(bpy.types.Operator):
    bl_idname = "body_from_image.estimate"
    bl_label = "Estimate Body from Image"
    bl_description = "Find the person in a photo and build a rigged character in the same pose"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(
        name="Image", subtype="FILE_PATH", options={"SKIP_SAVE"}, description="PNG, JPEG, WebP, TIFF or BMP"
    )
    box: bpy.props.FloatVectorProperty(
        name="Person Box",
        size=4,
        min=0,
        options={"SKIP_SAVE"},
        description="Where the person is: left, top, width and height in pixels. All 0: found by itself",
    )
    field_of_view: bpy.props.FloatProperty(
        name="Field of View",
        min=0,
        max=170,
        description="Degrees across the photo's longer side. 0: what the photo's file says, or a usual lens",
    )
    stand_on_ground: bpy.props.BoolProperty(
        name="Stand on Ground", default=True, description="Raise character and camera so that the body touches z = 0"
    )
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    from_window: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("An estimation is running")
        return not run_state(context).running

    def invoke(self, context, event):
        """A person clicked: the window stays alive while the worker works."""
        self.from_window = not bpy.app.background
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        """A script called, or a person chose the file: wait for the character here, or in `modal`."""
        run_state(context).error = ""
        try:
            estimation = self._ask(context)
        except UserError as error:
            return self._fail(context, str(error))
        if self.from_window:
            return self._watch(context, estimation)
        try:
            return self._build(context, estimation.wait())
        except UserError as error:
            return self._fail(context, str(error))
        finally:
            estimation.close()

    def modal(self, context, event):
        try:
            if run_state(context).cancel_requested or (event.type == "ESC" and event.value == "PRESS"):
                self._stop_watching(context)
                self.report({"INFO"}, "Cancelled")
                return {"CANCELLED"}
            return self._look(context) if event.type == "TIMER" else {"PASS_THROUGH"}
        except BaseException:
            self.cancel(context)
            raise

    def cancel(self, context):
        """Whatever still runs is ended; Blender calls it when another file is opened or the window closed."""
        if run_state(context).running:
            self._stop_watching(context)

    def _ask(self, context) -> Estimation:
        if not self.filepath:
            raise UserError("Choose an image first.")
        box = tuple(self.box) if any(self.box) else None
        settings = engine_settings(context, self.field_of_view)
        return Estimation(Path(bpy.path.abspath(self.filepath)), box, settings)

    def _watch(self, context, estimation: Estimation) -> set[str]:
        self.from_window = False  # a change of the settings afterwards runs `execute` again, and waits for it
        self._estimation = estimation
        self._timer = context.window_manager.event_timer_add(TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        _show(context, Progress(0.0, "Starting"))
        return {"RUNNING_MODAL"}

    def _look(self, context) -> set[str]:
        while (message := self._estimation.poll()) is not None:
            if isinstance(message, Progress):
                _show(context, message)
                continue
            try:
                if isinstance(message, Failure):
                    return self._fail(context, message.sentence)
                return self._build(context, message)
            except UserError as error:
                return self._fail(context, str(error))
            finally:
                self._stop_watching(context)
        return {"PASS_THROUGH"}

    def _stop_watching(self, context) -> None:
        self._estimation.close()
        context.window_manager.event_timer_remove(self._timer)
        _show(context, None)

    def _build(self, context, estimated: Estimated) -> set[str]:
        model = load_body_model(body_model_file(context))
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        name = Path(bpy.path.abspath(self.filepath)).stem
        with all_or_nothing(context.scene):
            character = build_character(
                estimated.estimate, model, photo=estimated.photo, name=name, stand_on_ground=self.stand_on_ground
            )
            if estimated.photo_is_copy:
                _keep_photo(character)
            write_record(character, estimated.estimate, estimated.remarks)
        _make_active(context, character)
        run_state(context).provider = estimated.provider
        score = f"{name}: score {estimated.estimate.score[0]:.2f}."
        self.report({"WARNING" if estimated.remarks else "INFO"}, " ".join([score, *estimated.remarks]))
        return {"FINISHED"}

    def _fail(self, context, sentence: str) -> set[str]:
        run_state(context).error = sentence
        self.report({"ERROR"}, sentence)
        return {"CANCELLED"}


def _keep_photo(character: Character) -> None:
    """Put a copy that is about to be deleted into the .blend."""
    image = character.camera.data.background_images[0].image
    image.pack()
    image.filepath_raw = f"//{Path(image.filepath_raw).name}"


def _make_active(context, character: Character) -> None:
    for item in context.selected_objects:
        item.select_set(False)
    character.armature.select_set(True)
    context.view_layer.objects.active = character.armature


def _show(context, progress: Progress | None) -> None:
    """Show how far it is in the status bar and the panel; None when it is over."""
    state = run_state(context)
    state.running, state.cancel_requested = progress is not None, False
    state.share, state.stage = (progress.share, progress.stage) if progress else (0.0, "")
    context.workspace.status_text_set(f"{progress.stage} …  Esc: cancel" if progress else None)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
