"""One character in one frame, and what a person puts right of it: for the operator and for the mode alike.

It runs in Blender's own process: the solver needs numpy alone, so nothing waits for the worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.body.correction import Correction, check_corrections, with_correction
from ..inference.correction.correct import Corrected, Drag, correct
from ..inference.correction.local import projected
from ..inference.correction.spread import fading, spread
from ..inference.geometry.rotations import matrix_to_axis_angle
from ..inference.refinement.parametric_body import Parameters
from ..rig.character import Character
from ..rig.correction_note import (
    corrections_at,
    frame_in_clip,
    mark_frames,
    read_corrections,
    require_correctable,
    seen_in_frame,
    write_corrections,
)
from ..rig.key_snapshot import KeySnapshot
from ..rig.motion_note import first_frame, has_note, last_frame
from ..rig.reduced_keys import restore_keys
from ..rig.seen_pose import move_bones, note_shown, seen_pose
from .on_character import body_model_of

MOVED = 1e-4
"""Radians from which a joint counts as turned by a correction."""


class Correcting:
    """The active character in the frame that is shown. Raises UserError where nobody knows what its picture showed, and
    where corrections would not last."""

    def __init__(self, context: bpy.types.Context, character: Character):
        require_correctable(character.armature)
        context.view_layer.update()
        self.character, self.model = character, body_model_of(context, character)
        self.frame = context.scene.frame_current
        self.seen = seen_in_frame(character.armature, self.frame)
        self.number = frame_in_clip(character.armature, self.frame)
        self.pose = seen_pose(character)

    @property
    def said(self) -> tuple[Correction, ...]:
        """What was put right in this frame so far."""
        return corrections_at(self.character.armature, self.frame)

    def said_of(self, keypoint: str) -> Correction:
        """What was said of one keypoint; a correction that says nothing, when nothing was."""
        return next((one for one in self.said if one.keypoint == keypoint), Correction(keypoint, frame=self.number))

    def pixels(self) -> np.ndarray:
        """Where the body's keypoints (25, 2) lie in the photo."""
        return projected(self.model, self.pose, self.seen)

    def drag(self, keypoint: str) -> Drag:
        return Drag(self.model, self.pose, self.seen, self.said, keypoint)

    def follow(self, drag: Drag, place: tuple[float, float]) -> None:
        """Let the body follow a keypoint that is dragged, without keys."""
        before, self.pose = self.pose, drag.to(place)
        move_bones(self.character, self.pose, _turned(before, self.pose), None)

    def show(self, pose: Parameters) -> None:
        """Show a pose without keys."""
        move_bones(self.character, pose, range(len(pose.rotations)), None)
        self.pose = pose

    def let_go(self, drag: Drag, place: tuple[float, float], reach: int) -> tuple[str, ...]:
        """Key the body where a drag ends, and keep what it said. Returns sentences for the user."""
        now = with_correction(self.said, drag.correction(place, self.number))
        check_corrections(now, self.seen.camera.size, self.number + 1)
        return self._take(drag.before, drag.release(place, self.number), reach)

    def heed(self, now: Sequence[Correction], reach: int) -> tuple[str, ...]:
        """Move the body to what is said `now` of this frame, with keys, and keep that. Returns sentences for the user.
        Raises UserError."""
        check_corrections(now, self.seen.camera.size, self.number + 1)
        before = self.pose
        return self._take(before, correct(self.model, before, self.seen, self.said, now), reach)

    def _take(self, before: Parameters, found: Corrected, reach: int) -> tuple[str, ...]:
        turned = _turned(before, found.parameters)
        if has_note(self.character.armature):
            restore_keys(self.character.armature)  # one key more in a curve of few would move its neighbours
        move_bones(self.character, found.parameters, turned, self.frame)
        self.pose = found.parameters
        self._keep(found.corrections)
        if has_note(self.character.armature) and reach:
            self._spread(before, turned, reach)
        return found.remarks

    def _keep(self, said: Sequence[Correction]) -> None:
        armature = self.character.armature
        others = tuple(one for one in read_corrections(armature) if one.frame != self.number)
        write_corrections(armature, (*others, *said))
        mark_frames(bpy.context.scene, armature)

    def _spread(self, before: Parameters, turned: list[int], reach: int) -> None:
        """Carry the change of this frame to its neighbours in the film."""
        scene, armature = bpy.context.scene, self.character.armature
        first, last = first_frame(armature), last_frame(armature)
        corrected = {one.frame for one in read_corrections(armature)} - {self.number}
        shares = fading(last - first + 1, self.number, reach, sorted(corrected))
        for number in np.flatnonzero((shares > 0) & (shares < 1)):
            scene.frame_set(first + int(number))
            own = seen_pose(self.character)
            moved = spread(
                np.stack([self.pose.rotations, own.rotations]), np.stack([self.pose.transl, own.transl]),
                (before.rotations, before.transl), 0, np.array([1.0, shares[number]]),
            )  # fmt: skip
            move_bones(self.character, Parameters(moved[0][1], own.betas, moved[1][1]), turned, first + int(number))
        scene.frame_set(self.frame)


@dataclass(frozen=True)
class Before:
    """What changes are taken back to: keys, corrections, and the pose that was shown, keyed or not."""

    keys: KeySnapshot
    said: tuple[Correction, ...]
    pose: Parameters
    frame: int

    @classmethod
    def of(cls, correcting: Correcting, pose: Parameters) -> "Before":
        """As it is now, but for the `pose` that is shown."""
        armature = correcting.character.armature
        return cls(KeySnapshot.of(armature), read_corrections(armature), pose, correcting.frame)

    def restore(self, correcting: Correcting) -> None:
        """Let all be as it was, and go to the frame where that was."""
        armature, scene = correcting.character.armature, bpy.context.scene
        self.keys.restore()
        write_corrections(armature, self.said)
        mark_frames(scene, armature)
        scene.frame_set(self.frame)
        correcting.show(self.pose)
        note_shown(armature)


def _turned(before: Parameters, after: Parameters) -> list[int]:
    """Joints that are turned differently, and the root where the body stands elsewhere."""
    apart = np.abs(matrix_to_axis_angle(before.rotations.transpose(0, 2, 1) @ after.rotations)).max(1) > MOVED
    apart[0] |= not np.array_equal(before.transl, after.transl)
    return np.flatnonzero(apart).tolist()
