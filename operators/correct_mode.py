"""Keypoints dragged over the photo, and the body follows: `bpy.ops.body_from_image.correct_mode("INVOKE_DEFAULT")`.

Each change is kept at once, as a step of undo of its own; Esc takes all of them back.
"""

from typing import ClassVar

import bpy
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector

from ..inference.body.correction import Correction, with_correction
from ..inference.correction.correct import Drag
from ..inference.errors import UserError
from ..inference.geometry.camera import Camera
from ..inference.geometry.joints import KEYPOINT_NAMES
from ..rig.correction_note import can_be_corrected
from .active_character import active_armature, active_character
from .correct import WANTED
from .correct_overlay import CorrectOverlay
from .correct_screen import (
    HINT,
    WITHOUT_KEYPOINT,
    Action,
    PhotoOnScreen,
    action_of,
    corrected_by,
    look_of,
    navigates,
    picked,
    told,
)
from .correcting import Before, Correcting
from .correction_properties import correction_reach
from .run_state import run_state
from .show_photo import look_through, photo_is_shown

FAR = 10.0
"""Metres before the camera of the points by which the photo is found on the screen."""
SEE_THROUGH = 0.45
"""How opaque the body is meanwhile."""
SLIPPED = 3
"""Pixels on the screen; less is a click and no drag."""


class BODY_FROM_IMAGE_OT_correct_mode(bpy.types.Operator):
    bl_idname = "body_from_image.correct_mode"
    bl_label = "Correct"
    bl_description = (
        "Show the keypoints over the photo, to be dragged into place. The limb follows, and nothing else moves. Keys "
        "mark a keypoint as hidden, nearer or swapped"
    )
    bl_options: ClassVar = {"REGISTER"}

    @classmethod
    def poll(cls, context):
        cls.poll_message_set(f"{WANTED}, in a 3D view")
        armature = active_armature(context)
        in_view = context.area is not None and context.area.type == "VIEW_3D"
        return in_view and armature is not None and can_be_corrected(armature) and not run_state(context).running

    def invoke(self, context, event):
        try:
            if context.mode not in ("OBJECT", "POSE"):
                bpy.ops.object.mode_set(mode="OBJECT")
            self._correcting = Correcting(context, active_character(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        camera = self._correcting.character.camera
        if not photo_is_shown(context, camera):
            look_through(context, camera)
        self._area = context.area
        self._region = next(region for region in context.area.regions if region.type == "WINDOW")
        # The photo must be seen through the body. This is the window's, so undo does not bring it back.
        self._see_through(True)
        self._overlay = CorrectOverlay(self._region, scale=context.preferences.system.ui_scale)
        self._drag: Drag | None = None
        self._pressed, self._changes = (0.0, 0.0), [self._now()]
        self._drawing = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        context.workspace.status_text_set(HINT)
        context.window_manager.modal_handler_add(self)
        self._area.tag_redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        try:
            if context.scene.frame_current != self._correcting.frame and self._drag is None:
                self._correcting = Correcting(context, self._correcting.character)
            return self._heed(context, event)
        except UserError as error:
            self._say(str(error))
            return {"RUNNING_MODAL"}
        except ReferenceError:  # undone from a menu, or deleted by a script
            self._clear(context)
            return {"CANCELLED"}
        except BaseException:
            self._clear(context)
            raise

    def cancel(self, context):
        """Blender calls it when another file is opened or the window closed."""
        self._clear(context)

    def _heed(self, context, event) -> set[str]:
        mouse = (event.mouse_x - self._region.x, event.mouse_y - self._region.y)
        if self._drag is not None:
            return self._while_dragging(context, event, mouse)
        if event.type == "MOUSEMOVE":
            self._point_at(mouse)
            return {"PASS_THROUGH"}
        if event.value != "PRESS":
            return {"PASS_THROUGH"}
        if event.type == "LEFTMOUSE":
            return self._press(context, mouse)
        action = action_of(event.type, event.shift, event.ctrl or event.oskey)
        if action is not None and (self._overlay.picked is not None or action in WITHOUT_KEYPOINT):
            return self._act(context, action)
        # Blender's own undo would take away what the mode holds on to; and nothing is to be selected or deleted.
        if event.type != "Z" and (navigates(event.type) or not self._over_view(mouse)):
            return {"PASS_THROUGH"}
        return {"RUNNING_MODAL"}

    def _press(self, context, mouse: tuple[float, float]) -> set[str]:
        if not self._over_view(mouse):
            return {"PASS_THROUGH"}
        self._point_at(mouse)
        if self._overlay.picked is not None:
            # Something else may have moved the body since.
            self._correcting = Correcting(context, self._correcting.character)
            self._pressed = mouse
            self._drag = self._correcting.drag(KEYPOINT_NAMES[self._overlay.picked])
        return {"RUNNING_MODAL"}

    def _over_view(self, mouse: tuple[float, float]) -> bool:
        """Whether the mouse is over the view, and no sidebar, toolbar or header lies over it there."""
        if not (0 <= mouse[0] < self._region.width and 0 <= mouse[1] < self._region.height):
            return False
        x, y = mouse[0] + self._region.x, mouse[1] + self._region.y
        return not any(
            other.x <= x < other.x + other.width and other.y <= y < other.y + other.height
            for other in self._area.regions
            if other != self._region and other.width > 1 and other.height > 1
        )

    def _while_dragging(self, context, event, mouse: tuple[float, float]) -> set[str]:
        moved = np.hypot(mouse[0] - self._pressed[0], mouse[1] - self._pressed[1]) > SLIPPED
        place = self._photo().to_photo(mouse)
        if event.type == "MOUSEMOVE" and moved:
            self._correcting.follow(self._drag, place)
            self._area.tag_redraw()
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            drag, self._drag = self._drag, None
            if moved:
                self._changed(drag.keypoint, lambda reach: self._correcting.let_go(drag, place, reach), context)
        elif event.type in ("ESC", "RIGHTMOUSE") and event.value == "PRESS":
            # This drag alone is given up.
            pose, self._drag = self._drag.before, None
            self._correcting.show(pose)
            self._area.tag_redraw()
        return {"RUNNING_MODAL"}

    def _act(self, context, action: Action) -> set[str]:
        if action is Action.KEEP:
            self._clear(context)
            return {"FINISHED"}
        if action is Action.RESTORE:
            self._take_back(self._changes[0])
            if len(self._changes) > 1:
                bpy.ops.ed.undo_push(message="Cancel Correct")
            self._clear(context)
            return {"CANCELLED"}
        if action is Action.TAKE_BACK:
            if len(self._changes) > 1:
                self._take_back(self._changes.pop())
                bpy.ops.ed.undo_push(message="Take Back Correction")
            return {"RUNNING_MODAL"}
        correcting = self._correcting
        if action is Action.RESET_ALL:
            now, name = (), "reset all"
        else:
            whole = action is Action.EXCHANGE_ALL
            name = "pelvis" if whole else KEYPOINT_NAMES[self._overlay.picked]
            now = with_correction(correcting.said, corrected_by(action, correcting.said_of(name)))
        self._changed(name, lambda reach: correcting.heed(now, reach), context)
        return {"RUNNING_MODAL"}

    def _changed(self, name: str, change, context) -> None:
        """Make a change, which gives sentences, as one step of undo."""
        before = self._now()
        try:
            remarks = change(correction_reach(context))
        except UserError:
            self._take_back(before)
            raise
        self._changes.append(before)
        self._say(" ".join(remarks))
        bpy.ops.ed.undo_push(message=f"Correct {name.replace('_', ' ').title()}")

    def _now(self) -> Before:
        return Before.of(self._correcting, self._correcting.pose if self._drag is None else self._drag.before)

    def _take_back(self, before: Before) -> None:
        before.restore(self._correcting)
        self._correcting = Correcting(bpy.context, self._correcting.character)
        self._say("")

    def _say(self, message: str) -> None:
        self._overlay.message = message
        self._area.tag_redraw()

    def _point_at(self, mouse: tuple[float, float]) -> None:
        if len(self._overlay.points):
            found = picked(self._overlay.points, mouse, self._overlay.scale)
            if found != self._overlay.picked:
                self._overlay.picked = found
                self._area.tag_redraw()

    def _photo(self) -> PhotoOnScreen:
        space = self._area.spaces.active
        return photo_on_screen(
            self._region, space.region_3d, self._correcting.character.camera, self._correcting.seen.camera
        )

    def _draw(self) -> None:
        overlay, correcting = self._overlay, self._correcting
        if bpy.context.region != self._region or self._area.spaces.active.region_3d.view_perspective != "CAMERA":
            return
        photo = self._photo()
        overlay.points = photo.to_screen(correcting.pixels())
        # What is hidden with an ankle is no longer certain.
        confidence = correcting.seen.corrected(correcting.said).keypoints[:, 2]
        told_of = {one.keypoint: one for one in correcting.said}
        said = [told_of.get(name, Correction(name)) for name in KEYPOINT_NAMES]
        overlay.looks = [look_of(one, sure) for one, sure in zip(said, confidence, strict=True)]
        overlay.targets = {one.index: photo.to_screen(one.place) for one in said if one.place is not None}
        if overlay.picked is not None:
            overlay.label = told(said[overlay.picked], overlay.looks[overlay.picked])
        overlay.draw()

    def _see_through(self, on: bool) -> None:
        shading = self._area.spaces.active.shading
        if on:
            self._shading = shading.show_xray, shading.xray_alpha
        shading.show_xray, shading.xray_alpha = (True, SEE_THROUGH) if on else self._shading

    def _clear(self, context) -> None:
        if self._drawing is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._drawing, "WINDOW")
            self._drawing = None
            self._see_through(False)
        context.workspace.status_text_set(None)
        self._area.tag_redraw()


def photo_on_screen(
    region: bpy.types.Region, view: bpy.types.RegionView3D, viewer: bpy.types.Object, camera: Camera
) -> PhotoOnScreen:
    """Where the photo of `camera` lies in a region that looks through `viewer`, Blender's camera of it."""
    corners = []
    for pixel in (np.zeros(2), np.array(camera.size) - 1):
        x, y = camera.rays(pixel) * FAR
        corners.append(np.array(location_3d_to_region_2d(region, view, viewer.matrix_world @ Vector((x, -y, -FAR)))))
    return PhotoOnScreen.between(*corners, camera.size)
