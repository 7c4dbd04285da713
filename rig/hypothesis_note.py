"""Bodies that may also be what a photo shows, kept on the armature, so that one can go through them.

A few hundred numbers: a custom property holds them, which undo and the file keep by themselves.
"""

from dataclasses import dataclass

import bpy
import numpy as np

NOTE = "body_from_image_hypotheses"
"""Custom property of the armature."""
SAME = 1e-3
"""Entries of rotations that differ by less are what was noted, through quaternions in float32."""


@dataclass(frozen=True)
class HypothesisNote:
    """`rotations` (N, J, 3, 3) of some joints in each of N hypotheses, their sentences, and which one is shown in
    `frame`."""

    rotations: np.ndarray
    sentences: tuple[str, ...]
    shown: int
    frame: int

    def is_shown(self, rotations: np.ndarray, frame: int) -> bool:
        """Whether these rotations (J, 3, 3) are the ones that were shown last, in the same frame."""
        return frame == self.frame and np.abs(self.rotations[self.shown] - rotations).max() < SAME


def write_hypotheses(armature: bpy.types.Object, note: HypothesisNote) -> None:
    """Note hypotheses, in the place of those noted before."""
    armature[NOTE] = {
        "rotations": note.rotations.ravel().tolist(),
        "sentences": "\n".join(note.sentences),
        "shown": note.shown,
        "frame": note.frame,
    }


def read_hypotheses(armature: bpy.types.Object) -> HypothesisNote | None:
    """What was noted last; None when nothing was."""
    if NOTE not in armature:
        return None
    note = armature[NOTE]
    sentences = tuple(note["sentences"].split("\n"))
    rotations = np.array(note["rotations"]).reshape(len(sentences), -1, 3, 3)
    return HypothesisNote(rotations, sentences, note["shown"], note["frame"])
