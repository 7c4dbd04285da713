"""Characters side by side, as pictures on a contact sheet."""

import math
from collections.abc import Sequence

import bpy
from mathutils import Vector

from .character import Character
from .rest_frame import units_per_metre

APART = 2.0
"""Metres from one character to the next, and from one row to the next."""


def lay_out(characters: Sequence[Character]) -> None:
    """Put characters that stand at the origin in rows, the first at the front left. Each one's camera comes along, so
    that its photo matches."""
    apart = APART * units_per_metre(bpy.context.scene)
    columns = math.ceil(math.sqrt(len(characters)))
    for number, character in enumerate(characters):
        row, column = divmod(number, columns)
        for item in (character.armature, character.camera):
            item.location += Vector((column * apart, row * apart, 0))
