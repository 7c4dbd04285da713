"""Bones that follow the shape sliders while somebody drags them.

The skin follows by drivers. Bones can be placed in edit mode only, which no handler may enter; so handlers notice that
a shape changed, and a timer places the bones a moment later, between two events. Nothing is remembered: the armature
itself says which shape its bones were placed for, so undo, redo and other files cannot confuse this, and bones that a
person moved by hand stay there until the shape is changed.
"""

from contextlib import suppress

import bpy
from bpy.app.handlers import persistent

from ..inference.errors import UserError
from ..rig.armature import PLACED_PROPERTY, place_bones
from ..rig.character import bones_fit_shape
from ..rig.shape_keys import betas_of, has_shape, shape_is_animated

SOON = 0.01
BUSY = 0.5
"""Seconds until the next try while the user edits something, or an animation plays."""


@persistent
def _after_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    changed = (update.id.original for update in depsgraph.updates if isinstance(update.id, bpy.types.Object))
    if any(_is_stale(item) for item in changed):
        _place_soon()


@persistent
def _after_undo(*_) -> None:
    if any(_is_stale(item) for item in bpy.context.scene.objects):
        _place_soon()


HANDLERS = {"depsgraph_update_post": _after_update, "undo_post": _after_undo, "redo_post": _after_undo}


def register() -> None:
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    if bpy.app.timers.is_registered(_place):
        bpy.app.timers.unregister(_place)


def _place_soon() -> None:
    # Without a window there is no loop that would run the timer; there, exports and `fit_bones` see to it.
    if not bpy.app.background and not bpy.app.timers.is_registered(_place):
        bpy.app.timers.register(_place, first_interval=SOON)


def _place() -> float | None:
    """Place what is stale; returns when to come again, None for not at all."""
    for window in bpy.context.window_manager.windows:
        with bpy.context.temp_override(window=window):
            stale = [item for item in bpy.context.view_layer.objects if _is_stale(item)]
            if stale and (bpy.context.mode not in ("OBJECT", "POSE") or window.screen.is_animation_playing):
                return BUSY
            for armature in stale:
                with suppress(UserError):  # hidden: its bones are placed when it is shown and touched again
                    place_bones(armature, betas_of(armature))
    return None


def _is_stale(item: bpy.types.Object) -> bool:
    """Whether the bones of this object are ours to place, and elsewhere than its shape says.

    A shape that is animated is left alone, as rest bones cannot move; so are bones that several objects share, each
    with a shape of its own, and those that another file holds.
    """
    if not has_shape(item) or item.data.users > 1 or item.library or item.data.library:
        return False
    return PLACED_PROPERTY in item.data and not bones_fit_shape(item) and not shape_is_animated(item)
