"""The raw estimate of a motion, kept in the .blend beside its character, so that it can be smoothed anew.

It is a text datablock that holds the npz as base64, and the armature's custom property points at it. Why a text: it is
saved, undone, appended and copied as Blender does with any datablock, on every version; the pointer makes it a user, so
that purging leaves it alone while the character lives, and removes it afterwards. Bytes in a custom property are as
safe, but the properties editor draws them at every redraw; a mesh's attributes would need a format of their own; and a
packed file needs an image or a sound to belong to.
"""

import base64
import binascii
import io
from collections.abc import Sequence

import bpy
import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.errors import UserError
from ..inference.geometry.joints import KEYPOINT_NAMES
from .character import Character, key_pose
from .rest_frame import units_per_metre

NOTE = "body_from_image_motion"
"""Custom property of the armature: the text, the action with the keys, and how these were made. `place` is what was
added to the estimate's translations, metres of Blender's axes, after `turn` (nine numbers, SMPL's frame) levelled the
floor; `on_ground`: so that the floor, or the lowest point, is at z = 0."""
HEADING = "What each frame of a film showed, for Body from Image's Smooth Motion: an npz as base64."
LINE = 120


def write_note(
    character: Character, raw: bytes, strength: float, keep_feet: bool, on_ground: bool, turn: np.ndarray,
    reduce_keys: float = 0.0, tilt_known: bool = False,
) -> None:  # fmt: skip
    """Keep the npz of a raw estimate with its character, which was just built, and how the motion was smoothed, turned
    (3, 3) and keyed (see `note_choices`)."""
    armature = character.armature
    text = bpy.data.texts.new(f"{armature.name}.motion")
    text.use_fake_user = False
    encoded = base64.b64encode(raw).decode("ascii")
    lines = [encoded[start : start + LINE] for start in range(0, len(encoded), LINE)]
    text.from_string("\n".join([HEADING, *lines]))
    # The camera stands where the estimate has its origin, so its place is what the motion was moved by.
    place = np.array(character.camera.location) / units_per_metre(bpy.context.scene)
    armature[NOTE] = {"raw": text, "action": armature.animation_data.action, "on_ground": on_ground}
    note_choices(armature, reduce_keys, tilt_known)
    note_smoothing(armature, strength, keep_feet, place, turn)


def note_smoothing(
    armature: bpy.types.Object, strength: float, keep_feet: bool, place: Sequence[float], turn: np.ndarray
) -> None:
    """Note how the motion was last smoothed, and where it was put."""
    note = armature[NOTE]
    note["turn"] = [float(x) for x in np.ravel(turn)]
    note["strength"], note["keep_feet"], note["place"] = float(strength), bool(keep_feet), [float(x) for x in place]


def note_choices(armature: bpy.types.Object, reduce_keys: float, tilt_known: bool) -> None:
    """Note how few keys were asked for: millimetres that joints may be off, 0 for a key in each frame; and whether
    somebody said how the camera is tilted."""
    armature[NOTE]["reduce_keys"], armature[NOTE]["tilt_known"] = float(reduce_keys), bool(tilt_known)


def has_note(armature: bpy.types.Object) -> bool:
    """Whether a raw estimate was kept with this armature, and is still there."""
    return NOTE in armature and armature[NOTE].get("raw") is not None


def read_note(armature: bpy.types.Object) -> BodyEstimate:
    """The raw estimate. Raises UserError when it is gone or was changed."""
    if not has_note(armature):
        raise UserError(
            f"{armature.name} has no motion from a film that could be smoothed. Estimate an image sequence first."
        )
    text = armature[NOTE]["raw"]
    try:
        raw = base64.b64decode("".join(text.as_string().splitlines()[1:]), validate=True)
        estimate = BodyEstimate.load(io.BytesIO(raw))
    except (binascii.Error, UserError) as error:
        raise UserError(f"The text {text.name}, which keeps the film's motion, was changed. Estimate anew.") from error
    if estimate.keypoints_2d.shape[1] != len(KEYPOINT_NAMES):
        raise UserError(f"The film of {armature.name} was estimated by an earlier version. Estimate anew.")
    return estimate


def first_frame(armature: bpy.types.Object) -> int:
    """The scene's frame in which the character's keys begin."""
    animation = armature.animation_data
    return round(animation.action.frame_range[0]) if animation and animation.action else bpy.context.scene.frame_start


def rekey_motion(armature: bpy.types.Object, rotations: np.ndarray, transl: np.ndarray) -> None:
    """Put keys of `rotations` (F, 24, 3, 3) and `transl` (F, 3), SMPL's frame, in the place of those that were made
    last. If another action is used now, it stays in the file."""
    note, animation = armature[NOTE], armature.animation_data_create()
    name, start, action = armature.name, first_frame(armature), animation.action
    if action is not None and action == note.get("action"):
        name = action.name
        animation.action = None
        note["action"] = None
        if action.users == int(action.use_fake_user):
            bpy.data.actions.remove(action)
    key_pose(armature, rotations, transl, name, start)
    note["action"] = armature.animation_data.action
