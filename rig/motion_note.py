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
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import bpy
import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.errors import UserError
from ..inference.geometry.joints import KEYPOINT_NAMES
from .action import curves_of
from .character import Character, key_pose
from .linked import require_property, set_property
from .photo_note import CORRECTIONS
from .rest_frame import units_per_metre

NOTE = "body_from_image_motion"
"""Custom property of the armature: the text, the action with the keys, in which frame of the film it begins (`first`),
the scene's frame of that (`start`), how many `frames` it has, and `on_ground`: whether the motion was moved so that the
floor, or the lowest point, is at z = 0."""
SMOOTHING = "body_from_image_smoothing"
"""Custom property of the armature: how the keys were made, a JSON object of `Smoothing`'s fields. A text of its own,
since overrides keep no changes of groups."""
HEADING = "What each frame of a film showed, for Body from Image's Smooth Motion: an npz as base64."
LINE = 120


@dataclass(frozen=True)
class Smoothing:
    """How a motion was smoothed, and where it was put: `turn` (nine numbers, SMPL's frame) levelled the floor, then
    `place` was added to the translations, metres of Blender's axes."""

    strength: float
    keep_feet: bool
    place: Sequence[float]
    turn: Sequence[float]
    reduce_keys: float = 0.0
    """Millimetres that joints may be off for fewer keys; 0: a key in each frame."""
    tilt_known: bool = False
    """Whether somebody said how the camera is tilted."""

    @property
    def rotation(self) -> np.ndarray:
        """`turn` as a matrix (3, 3)."""
        return np.reshape(self.turn, (3, 3))


def write_note(
    character: Character, raw: bytes, strength: float, keep_feet: bool, on_ground: bool, turn: np.ndarray,
    first: int = 0, reduce_keys: float = 0.0, tilt_known: bool = False,
) -> None:  # fmt: skip
    """Keep the npz of a raw estimate with its character, which was just built; how the motion was smoothed, turned
    (3, 3) and keyed (see `Smoothing`); and in which frame of the film, from 0, it begins."""
    armature = character.armature
    text = bpy.data.texts.new(f"{armature.name}.motion")
    text.use_fake_user = False
    encoded = base64.b64encode(raw).decode("ascii")
    lines = [encoded[start : start + LINE] for start in range(0, len(encoded), LINE)]
    text.from_string("\n".join([HEADING, *lines]))
    # The camera stands where the estimate has its origin, so its place is what the motion was moved by.
    place = np.array(character.camera.location) / units_per_metre(bpy.context.scene)
    action = armature.animation_data.action
    start, last = (round(frame) for frame in action.frame_range)
    armature[NOTE] = {
        "raw": text, "action": action, "on_ground": on_ground, "first": first, "start": start,
        "frames": last - start + 1,
    }  # fmt: skip
    note_smoothing(armature, strength, keep_feet, place, turn)
    note_choices(armature, reduce_keys, tilt_known)
    if CORRECTIONS not in armature:  # overrides can only have what the other file has
        set_property(armature, CORRECTIONS, "[]")


def note_smoothing(
    armature: bpy.types.Object, strength: float, keep_feet: bool, place: Sequence[float], turn: np.ndarray
) -> None:
    """Note how the motion was last smoothed, and where it was put. Raises UserError as `require_smoothable`."""
    made = Smoothing(float(strength), bool(keep_feet), np.array(place, float).tolist(), np.ravel(turn).tolist())
    set_property(armature, SMOOTHING, json.dumps(asdict(made)))


def require_smoothable(armature: bpy.types.Object) -> None:
    """Raise UserError where what is noted of a smoothing would not last: of linked characters and some overrides."""
    require_property(armature, SMOOTHING)


def read_smoothing(armature: bpy.types.Object) -> Smoothing:
    """How the motion was last smoothed. Raises UserError when that was changed by hand."""
    try:
        return Smoothing(**json.loads(armature[SMOOTHING]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"How the motion of {armature.name} was smoothed is not known any more. Estimate anew."
        ) from error


def note_choices(armature: bpy.types.Object, reduce_keys: float, tilt_known: bool) -> None:
    """Note what was chosen beside the smoothing (see `Smoothing`). Raises UserError as `require_smoothable`."""
    made = replace(read_smoothing(armature), reduce_keys=float(reduce_keys), tilt_known=bool(tilt_known))
    set_property(armature, SMOOTHING, json.dumps(asdict(made)))


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
    if estimate.keypoints_2d.shape[1] != len(KEYPOINT_NAMES) or "start" not in armature[NOTE]:
        raise UserError(f"The film of {armature.name} was estimated by an earlier version. Estimate anew.")
    return estimate


def first_frame(armature: bpy.types.Object) -> int:
    """The scene's frame that shows the film's first: where it was built, or where its keys were moved to since. Keys
    that somebody adds before them or behind them do not count."""
    note, curves = armature[NOTE], curves_of(armature)
    start, count = note.get("start", bpy.context.scene.frame_start), note.get("frames", 1)
    if not curves:
        return start
    keys = np.empty(2 * len(curves[0].keyframe_points), np.float32)
    curves[0].keyframe_points.foreach_get("co", keys)
    keyed = np.unique(np.floor(keys[::2] + 0.5).astype(int))  # halves all the same way
    # The film has a key on every frame, or, where keys were reduced, at its beginning and its end.
    begins = keyed[: max(len(keyed) - count + 1, 0)]
    whole = begins[keyed[count - 1 :] - begins == count - 1]
    found = whole if len(whole) else keyed[np.isin(keyed + count - 1, keyed)]
    return int(min(found, key=lambda frame: abs(frame - start), default=start))


def last_frame(armature: bpy.types.Object) -> int:
    """The scene's frame that shows the film's last."""
    return first_frame(armature) + armature[NOTE].get("frames", 1) - 1


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
