"""What a person put right of a character, kept on its armature beside what its photo or film showed.

Corrections count frames from 0, the first in which the film shows the character; a photo has frame 0 alone.
"""

from collections.abc import Iterable
from dataclasses import replace

import bpy

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.correction import Correction, corrections_from_json, corrections_to_json, of_frame
from ..inference.errors import UserError
from ..inference.refinement.refine import Evidence, evidence_of
from .linked import require_property, set_property
from .motion_note import first_frame, has_note, read_note
from .photo_note import CORRECTIONS, has_photo_note, seen_in_photo

MARKER = "Corrected {}"
"""What the timeline's markers at frames that were corrected of a character are called."""


def write_corrections(armature: bpy.types.Object, corrections: Iterable[Correction]) -> None:
    """Keep these, in the place of all that were kept. Raises UserError as `require_correctable`."""
    require_correctable(armature)
    set_property(armature, CORRECTIONS, corrections_to_json(corrections))


def require_correctable(armature: bpy.types.Object) -> None:
    """Raise UserError where corrections would not last: of linked characters, and of some overrides."""
    require_property(armature, CORRECTIONS)


def read_corrections(armature: bpy.types.Object) -> tuple[Correction, ...]:
    """All that were kept. Raises UserError when the property was changed by hand to what is no such list."""
    return corrections_from_json(armature.get(CORRECTIONS, "[]"), f"The property {CORRECTIONS} of {armature.name}")


def can_be_corrected(armature: bpy.types.Object) -> bool:
    """Whether it is known what a photo or a film showed of this character."""
    return has_photo_note(armature) or has_note(armature)


def frame_in_clip(armature: bpy.types.Object, frame: int) -> int:
    """The clip's frame, from 0, that the scene's `frame` shows; always 0 for a photo."""
    if has_photo_note(armature):
        return 0
    return frame - first_frame(armature)


def seen_in_frame(armature: bpy.types.Object, frame: int) -> Evidence:
    """What the networks saw in the scene's `frame`, without corrections. Raises UserError where there was none."""
    if has_photo_note(armature):
        return seen_in_photo(armature)
    raw, number = read_note(armature), frame_in_clip(armature, frame)
    if not 0 <= number < raw.frame_count:
        raise UserError(f"The film of {armature.name} has no frame {frame}. Go to one of its frames first.")
    return evidence_of(raw, number)


def corrected_film(armature: bpy.types.Object) -> BodyEstimate:
    """What the networks saw in a film, and all corrections. Raises UserError for a character that is of no film."""
    return replace(read_note(armature), corrections=read_corrections(armature))


def mark_frames(scene: bpy.types.Scene, armature: bpy.types.Object) -> None:
    """Let the timeline's markers tell which frames of a film were corrected."""
    if not has_note(armature):
        return
    own = MARKER.format(armature.name)
    for marker in [marker for marker in scene.timeline_markers if marker.name == own]:
        scene.timeline_markers.remove(marker)
    start = first_frame(armature)
    for number in sorted({one.frame for one in read_corrections(armature)}):
        scene.timeline_markers.new(own, frame=start + number)


def corrections_at(armature: bpy.types.Object, frame: int) -> tuple[Correction, ...]:
    """Those of the scene's `frame`."""
    return of_frame(read_corrections(armature), frame_in_clip(armature, frame))
