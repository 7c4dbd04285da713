"""Where the person is, drawn with the mouse: `bpy.ops.body_from_image.draw_box("INVOKE_DEFAULT")` in a 3D view."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.errors import UserError
from .box_overlay import BoxOverlay, fit_picture, load_texture
from .estimate_options import picture_of
from .look import Look, Picture
from .run_state import run_state
from .source_image import file_of
from .watching import TICK, show_progress
from .worker_client import Failure, Progress

SMALLEST = 8
"""Pixels on the screen; less is a click that slipped."""


class BODY_FROM_IMAGE_OT_draw_box(bpy.types.Operator):
    bl_idname = "body_from_image.draw_box"
    bl_label = "Draw Box"
    bl_description = "Show the picture in this 3D view, and drag a box around the person"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Choose a picture first, and wait until no estimation runs")
        chosen = picture_of(context.scene.body_from_image)
        return bool(chosen) and context.area is not None and not run_state(context).running

    def invoke(self, context, event):
        if context.area.type != "VIEW_3D":
            return self._fail(context, "Draw the box in a 3D view.")
        run_state(context).error = ""
        self._overlay = self._drawing = None
        self._area = context.area
        self._region = next(region for region in context.area.regions if region.type == "WINDOW")
        try:
            self._look = Look(_chosen_file(context))
        except UserError as error:
            return self._fail(context, str(error))
        self._timer = context.window_manager.event_timer_add(TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        show_progress(context, Progress(0.5, "Opening the picture"))
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        try:
            gave_up = event.type in ("ESC", "RIGHTMOUSE") and event.value == "PRESS"
            if gave_up or run_state(context).cancel_requested:
                self._clear(context)
                return {"CANCELLED"}
            if self._overlay is None:
                return self._wait_for_picture(context) if event.type == "TIMER" else {"PASS_THROUGH"}
            return self._drag(context, event)
        except BaseException:
            self._clear(context)
            raise

    def cancel(self, context):
        """Blender calls it when another file is opened or the window closed."""
        self._clear(context)

    def _wait_for_picture(self, context) -> set[str]:
        message = self._look.poll()
        if isinstance(message, Failure):
            self._clear(context)
            return self._fail(context, message.sentence)
        if isinstance(message, Picture):
            self._show(context, message)
        return {"RUNNING_MODAL"}

    def _show(self, context, picture: Picture) -> None:
        self._photo_size = picture.photo_size
        place = fit_picture(self._area, self._region, *picture.photo_size)
        self._overlay = BoxOverlay(self._region, load_texture(picture.file), place)
        self._look.close()
        self._drawing = bpy.types.SpaceView3D.draw_handler_add(self._overlay.draw, (), "WINDOW", "POST_PIXEL")
        show_progress(context, None)
        context.workspace.status_text_set("Drag a box around the person   ·   Esc: cancel")
        context.window.cursor_modal_set("CROSSHAIR")

    def _drag(self, context, event) -> set[str]:
        point = (event.mouse_x - self._region.x, event.mouse_y - self._region.y)
        corners = self._overlay.corners
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            if not _within(point, self._overlay.picture):
                return {"PASS_THROUGH"}
            corners[:] = [point, point]
        elif event.type == "MOUSEMOVE":
            if not corners:
                return {"PASS_THROUGH"}
            corners[1] = point
            self._region.tag_redraw()
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE" and corners:
            return self._take(context)
        return {"RUNNING_MODAL"}

    def _take(self, context) -> set[str]:
        left, bottom, right, top = self._overlay.rectangle
        if min(right - left, top - bottom) < SMALLEST:
            self._overlay.corners.clear()
            return {"RUNNING_MODAL"}
        settings = context.scene.body_from_image
        settings.box, settings.use_box = self._overlay.box_in_photo(self._photo_size), True
        settings.box_picture = picture_of(settings)
        self._clear(context)
        return {"FINISHED"}

    def _clear(self, context) -> None:
        """Leave the view as it was. Once the picture is here, the worker may be busy with other things."""
        if self._overlay is None:
            self._look.close()
        context.window_manager.event_timer_remove(self._timer)
        if self._drawing is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._drawing, "WINDOW")
            self._drawing = None
            context.window.cursor_modal_restore()
        show_progress(context, None)

    def _fail(self, context, sentence: str) -> set[str]:
        run_state(context).error = sentence
        self.report({"ERROR"}, sentence)
        return {"CANCELLED"}


def _chosen_file(context: bpy.types.Context) -> Path:
    settings = context.scene.body_from_image
    return file_of(settings.image) if settings.source == "IMAGE" else Path(bpy.path.abspath(settings.filepath))


def _within(point: tuple[float, float], rectangle: tuple[float, float, float, float]) -> bool:
    left, bottom, right, top = rectangle
    return left <= point[0] <= right and bottom <= point[1] <= top
