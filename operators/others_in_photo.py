"""Who else is in the photo that was estimated last, for the panel to offer. Kept with the window, not in the file."""

from collections.abc import Sequence
from pathlib import Path

import bpy

from ..rig.character import Character
from .estimation import Other
from .run_state import run_state


def remember_others(context: bpy.types.Context, picture: str, character: Character, others: Sequence[Other]) -> None:
    """Offer `others`, who are in `picture` beside the one who became `character`."""
    state = run_state(context)
    state.others.clear()
    state.others_of = picture
    for number, other in enumerate(others):
        # Blender clears its folder of temporary files away when it ends.
        file = Path(bpy.app.tempdir) / f"body_from_image_person_{number}.png"
        try:
            file.write_bytes(other.picture)
        except OSError:
            file = Path()
        item = state.others.add()
        item.box, item.thumbnail, item.beside = other.box, str(file), character.armature.name


def took_up(context: bpy.types.Context, box: Sequence[float]) -> None:
    """The one in this box is a character now."""
    for other in run_state(context).others:
        if max(abs(a - b) for a, b in zip(other.box, box, strict=True)) < 1:
            other.done = True
