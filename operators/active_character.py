"""Which character the user means: written down on its armature, found again from whatever part of it is active."""

import bpy

from ..inference.body.body_estimate import BodyEstimate
from ..inference.errors import UserError
from ..inference.geometry.joints import KEYPOINT_NAMES
from ..rig.character import Character, bones_fit_shape, refit_armature
from ..rig.correction_note import write_corrections
from ..rig.linked import part_here
from ..rig.photo_note import write_photo_note
from ..rig.seen_pose import note_shown
from .limb_certainty import limb_certainty

RECORD = "body_from_image"
"""Custom property of a character's armature: its other objects, and what is known about the estimate."""
FIELDS = ("mesh", "camera", "score", "certainty", "remarks", "source", "picture", "body_model")


def write_record(character: Character, estimate: BodyEstimate, remarks: tuple[str, ...], picture: str = "") -> None:
    """Note on the armature what belongs to it and where it came from; `picture` is the photo's digest. The file keeps
    it, and undo knows it."""
    character.armature[RECORD] = {
        "mesh": character.mesh,
        "camera": character.camera,
        "score": float(estimate.score.mean()),
        "certainty": limb_certainty(estimate),
        "remarks": "\n".join(remarks),
        "source": estimate.source,
        "picture": picture,
        "body_model": estimate.body_model,
    }
    if estimate.frame_count == 1 and estimate.keypoints_2d.shape[1] == len(KEYPOINT_NAMES):
        write_photo_note(character.armature, estimate)
        note_shown(character.armature)
    elif estimate.corrections:
        write_corrections(character.armature, estimate.corrections)


def write_motion_record(character: Character, source: str, body_model: str, remarks: tuple[str, ...]) -> None:
    """The same for a character that no photo was seen of: it has no camera and no score."""
    character.armature[RECORD] = {
        "mesh": character.mesh,
        "remarks": "\n".join(remarks),
        "source": source,
        "body_model": body_model,
    }


def make_active(context: bpy.types.Context, character: Character) -> None:
    """Select the character's armature, and nothing else."""
    for item in context.selected_objects:
        item.select_set(False)
    character.armature.select_set(True)
    context.view_layer.objects.active = character.armature


def active_armature(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the character whose armature, mesh or camera is active; None when none is."""
    active = context.active_object
    if active is None:
        return None
    for candidate in (active, active.parent, active.find_armature()):
        if candidate is not None and RECORD in candidate:
            return candidate
    return next((item for item in context.scene.objects if RECORD in item and active in _parts(item)), None)


def active_character(context: bpy.types.Context) -> Character:
    """The active character, its bones where its shape says; its camera is None when that was deleted. Raises UserError
    when there is none, or only a skeleton."""
    armature = active_armature(context)
    if armature is None:
        raise UserError("Select a character that was made from an image first.")
    return character_of(armature)


def armature_called(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """The armature of the character of that name in the scene. Raises UserError when there is none."""
    armature = context.scene.objects.get(name)
    if armature is None or RECORD not in armature:
        raise UserError(f"There is no character called {name!r} in this scene.")
    return armature


def selected_characters(context: bpy.types.Context) -> list[Character]:
    """The active character, and those others of which an armature or mesh is selected. Raises UserError as
    `active_character`."""
    active = active_character(context)
    chosen = {item.parent if item.parent and RECORD in item.parent else item for item in context.selected_objects}
    others = sorted((item for item in chosen if RECORD in item and item != active.armature), key=lambda one: one.name)
    return [active, *(character_of(armature) for armature in others)]


def before_the_same_camera(context: bpy.types.Context, character: Character) -> list[bpy.types.Object]:
    """The armatures of all characters of this one's photo, itself among them."""
    if character.camera is None:
        return [character.armature]
    return [item for item in context.scene.objects if RECORD in item and record_of(item)["camera"] == character.camera]


def character_of(armature: bpy.types.Object) -> Character:
    """The character that an armature with a record is part of. Raises UserError when only a skeleton is left of it."""
    record = record_of(armature)
    if record["mesh"] is None:
        raise UserError(f"The body of {armature.name} was deleted. Undo that, or estimate the image again.")
    character = Character(armature, record["mesh"], record["camera"])
    if not bones_fit_shape(armature):
        refit_armature(character)
    return character


def _parts(armature: bpy.types.Object) -> tuple[bpy.types.Object | None, ...]:
    record = record_of(armature)
    return record["mesh"], record["camera"]


def record_of(armature: bpy.types.Object) -> dict:
    """What was noted. Objects that were deleted are None, and so is the score of what was not estimated."""
    record = {name: armature[RECORD].get(name) for name in FIELDS}
    for part in ("mesh", "camera"):
        if record[part] is not None:
            record[part] = part_here(record[part], armature)
        # Our own note keeps a deleted object from vanishing, but it is in no collection any more.
        if record[part] is not None and not record[part].users_collection:
            record[part] = None
    return record
