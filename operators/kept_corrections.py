"""A picture or a film that is estimated again keeps what a person put right of it.

Estimating builds a character of its own each time, so corrections come from those that are in the scene. Places are
pixels: they hold in the same picture only.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.body_model import BodyModel
from ..inference.body.correction import Correction
from ..inference.correction.correct import correct_estimate
from ..inference.correction.kept import same_person, same_person_in_film, shifted
from ..inference.correction.spread import correct_motion
from ..inference.errors import UserError
from ..inference.refinement.refine import Evidence
from ..rig.correction_note import read_corrections
from ..rig.motion_note import NOTE as MOTION_NOTE
from ..rig.motion_note import has_note, read_note
from ..rig.photo_note import has_photo_note, seen_in_photo
from .active_character import RECORD, active_armature, record_of
from .correction_properties import correction_reach


def digest_of(photo: Path) -> str:
    """What tells a picture from others of its name; empty where it cannot be read any more."""
    try:
        with open(photo, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def keep_photo_corrections(
    context: bpy.types.Context, model: BodyModel, estimate: BodyEstimate, picture: str
) -> tuple[BodyEstimate, tuple[str, ...]]:
    """An estimate of one picture, whose digest is `picture`, after what was put right of the same person in it before,
    and sentences for the user."""
    others = []
    for armature, said, seen in _corrected(context, has_photo_note, seen_in_photo):
        if not picture or record_of(armature)["picture"] != picture:
            others.append(armature)
            continue
        sizes_agree = seen.camera.size == tuple(estimate.image_size)
        if sizes_agree and same_person(seen.keypoints[None], estimate.keypoints_2d):
            estimate, told = correct_estimate(model, estimate, said)
            return estimate, (_kept(armature, len(said)), *told)
    return estimate, _of_another(context, others, estimate.source)


def keep_film_corrections(
    context: bpy.types.Context, model: BodyModel, estimate: BodyEstimate, first: int
) -> tuple[BodyEstimate, tuple[str, ...]]:
    """The same of a motion that begins in frame `first` of its film. A film is known by what the networks saw of the
    person in all its frames."""
    others = []
    for armature, said, raw in _corrected(context, has_note, read_note):
        shift = first - int(armature[MOTION_NOTE].get("first", 0))
        sizes_agree = tuple(raw.image_size) == tuple(estimate.image_size)
        if not sizes_agree or not same_person_in_film(raw.keypoints_2d, estimate.keypoints_2d, shift):
            others.append(armature)
            continue
        kept = shifted(said, shift, estimate.frame_count)
        estimate, told = correct_motion(model, estimate, kept, correction_reach(context))
        return estimate, (_kept(armature, len(kept)), *told)
    return estimate, _of_another(context, others, estimate.source)


def _corrected(
    context: bpy.types.Context, fits: Callable, read: Callable
) -> Iterator[tuple[bpy.types.Object, tuple[Correction, ...], Evidence | BodyEstimate]]:
    """Characters of the scene that `fits` and of which something was put right, with that and with what the networks
    saw, which `read` gives: the active one first, then those that came last."""
    active = active_armature(context)
    armatures = [item for item in reversed(context.scene.objects[:]) if RECORD in item and fits(item)]
    for armature in sorted(armatures, key=lambda item: item != active):
        try:
            said, seen = read_corrections(armature), read(armature)
        except UserError:  # changed by hand, or of an earlier version: whoever corrects that character is told
            continue
        if said:
            yield armature, said, seen


def _kept(armature: bpy.types.Object, count: int) -> str:
    what = "1 correction" if count == 1 else f"{count} corrections"
    return f"{what} of {armature.name} kept, as the picture is the same; Reset Correction forgets them."


def _of_another(context: bpy.types.Context, armatures: list[bpy.types.Object], source: str) -> tuple[str, ...]:
    """A sentence where somebody may expect corrections: of the active character, or of a picture of the same name."""
    active = active_armature(context)
    expected = [item for item in armatures if item == active or record_of(item)["source"] == source]
    return tuple(f"The corrections of {item.name} are of another picture and were not kept." for item in expected[:1])
