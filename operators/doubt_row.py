"""A row at the foot of timeline and dope sheet: how doubtful each frame of the active character's film is."""

import functools

import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..inference.correction.spread import doubts
from ..inference.errors import UserError
from ..rig.correction_note import corrected_film
from ..rig.motion_note import NOTE, first_frame, has_note
from ..rig.photo_note import CORRECTIONS
from .active_character import active_armature

HEIGHT = 6
"""Pixels of the screen, at a scale of 1."""
DOUBTFUL, WORST = 0.3, 0.7
"""Doubts up to which a frame is green, and from which it is red; yellow lies half way."""
CORRECTED = (0.2, 0.75, 1.0, 0.9)

Color = tuple[float, float, float, float]

_drawing: list = []


def register() -> None:
    if not bpy.app.background:
        _drawing.append(bpy.types.SpaceDopeSheetEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _drawing:
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_drawing.pop(), "WINDOW")
    _colors_of.cache_clear()


def color_of(doubt: float) -> Color:
    """Green, over yellow, to red."""
    share = min(max((doubt - DOUBTFUL) / (WORST - DOUBTFUL), 0.0), 1.0)
    return min(2 * share, 1.0), min(2 - 2 * share, 1.0) * 0.8, 0.1, 0.9


def _draw() -> None:
    context = bpy.context
    armature = active_armature(context)
    if armature is None or not has_note(armature):
        return
    colors = _colors_of(armature.name, armature[NOTE]["raw"].name, armature.get(CORRECTIONS, "[]"))
    view, height = context.region.view2d, HEIGHT * context.preferences.system.ui_scale
    places, shades = [], []
    for number, color in enumerate(colors, first_frame(armature)):
        left, right = (view.view_to_region(edge, 0, clip=False)[0] for edge in (number - 0.5, number + 0.5))
        if right < 0 or left > context.region.width:
            continue
        places += [(left, 0), (right, 0), (right, height), (left, 0), (right, height), (left, height)]
        shades += [color] * 6
    if places:
        gpu.state.blend_set("ALPHA")
        shader = gpu.shader.from_builtin("FLAT_COLOR")
        batch_for_shader(shader, "TRIS", {"pos": [(x, y, 0.0) for x, y in places], "color": shades}).draw(shader)
        gpu.state.blend_set("NONE")


@functools.lru_cache(maxsize=8)
def _colors_of(armature: str, raw: str, corrections: str) -> tuple[Color, ...]:
    """A colour for each frame of the film of an armature of this name; none where what it showed was lost. `raw` and
    `corrections` are only what the answer depends on: reading a film's note takes too long to be done at each drawing,
    and objects themselves do not outlive undo."""
    try:
        film = corrected_film(bpy.data.objects[armature])
    except UserError:
        return ()
    corrected = {one.frame for one in film.corrections}
    return tuple(CORRECTED if number in corrected else color_of(doubt) for number, doubt in enumerate(doubts(film)))
