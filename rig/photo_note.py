"""What the photo showed of a character, kept on its armature, so that it can be refined later without the photo.

Keypoints, camera and silhouette of one picture are some hundred bytes: small enough for a custom property, which undo,
appending and the file keep by themselves.
"""

import zlib

import bpy
import numpy as np

from ..inference.body.body_estimate import BodyEstimate
from ..inference.body.correction import corrections_from_json, corrections_to_json
from ..inference.errors import UserError
from ..inference.geometry.camera import Camera
from ..inference.refinement.outline import Outline
from ..inference.refinement.refine import Evidence
from .linked import set_property

NOTE = "body_from_image_photo"
"""Custom property of the armature."""
CORRECTIONS = "body_from_image_corrections"
"""Custom property of the armature: what a person put right, a JSON list (correction_note.py)."""


def write_photo_note(armature: bpy.types.Object, estimate: BodyEstimate) -> None:
    """Keep what a single picture showed."""
    note = {
        "keypoints": estimate.keypoints_2d[0].astype(float).ravel().tolist(),
        "focal": float(estimate.focal),
        "camera_center": [float(value) for value in estimate.camera_center],
        "image_size": [int(side) for side in estimate.image_size],
    }
    if estimate.joint_uncertainty is not None:
        note["joint_uncertainty"] = estimate.joint_uncertainty[0].astype(float).tolist()
    if estimate.silhouette is not None:
        note["silhouette"] = zlib.compress(np.ascontiguousarray(estimate.silhouette, np.uint8).tobytes())
        note["silhouette_shape"] = list(estimate.silhouette.shape)
        note["silhouette_window"] = [float(value) for value in estimate.silhouette_window]
    armature[NOTE] = note
    set_property(armature, CORRECTIONS, corrections_to_json(estimate.corrections))


def has_photo_note(armature: bpy.types.Object) -> bool:
    """Whether the armature knows what its photo showed."""
    return NOTE in armature


def read_photo_note(armature: bpy.types.Object) -> Evidence:
    """What the photo showed, and what a person put right of it. Raises UserError as `seen_in_photo`."""
    seen = seen_in_photo(armature)
    return seen.corrected(corrections_from_json(armature.get(CORRECTIONS, "[]"), armature.name))


def seen_in_photo(armature: bpy.types.Object) -> Evidence:
    """What the photo showed to the networks. Raises UserError for a character that was made from no single picture."""
    if not has_photo_note(armature):
        raise UserError(f"{armature.name} was not made from a photo, so there is nothing to refine it by.")
    note = armature[NOTE]
    size = tuple(int(side) for side in note["image_size"])
    camera = Camera(float(note["focal"]), np.array(note["camera_center"], np.float64), size)
    outline = None
    if "silhouette" in note:
        shown = np.frombuffer(zlib.decompress(note["silhouette"]), np.uint8).reshape(tuple(note["silhouette_shape"]))
        *origin, cell = (float(value) for value in note["silhouette_window"])
        outline = Outline.of(shown / 255, np.array(origin), cell, size)
    return Evidence(np.array(note["keypoints"], np.float64).reshape(-1, 3), camera, outline)


def read_uncertainty(armature: bpy.types.Object) -> np.ndarray | None:
    """Degrees (24,) by which each joint's rotation is likely to be off; None where that was not noted."""
    degrees = armature[NOTE].get("joint_uncertainty") if has_photo_note(armature) else None
    return None if degrees is None else np.array(degrees, np.float64)
