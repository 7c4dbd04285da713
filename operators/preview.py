"""The preview of a film: the body that the worker tells of, and handlers that keep it out of files and of undo."""

from pathlib import Path

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ..inference.body.assembly import Motion, Observed, build_estimate
from ..inference.body.body_estimate import BodyEstimate
from ..inference.geometry.camera import Camera
from ..inference.geometry.joints import KEYPOINT_NAMES
from ..rig.preview import remove_preview
from .body_file import load_body_model
from .run_state import run_state

UNSEEN = Observed(np.zeros((1, len(KEYPOINT_NAMES), 3)), np.zeros((1, 4)), np.zeros(1), Path())


def body_of_preview(told: dict) -> BodyEstimate:
    """A single picture's estimate of what `inference.preview.Preview.take` tells, without keypoints.

    It is the bundled body's, for a user's own file may take seconds to read: of the mean shape, if the betas are of
    another body.
    """
    model = load_body_model(None)
    betas = np.array(told["betas"] if told["body_model"] == model.hash else np.zeros(model.shapedirs.shape[2]))
    trans = np.array(told["pelvis"]) - model.rest_joints(betas[None])[0, 0]
    camera = Camera(told["focal"], np.array(told["camera_center"]), tuple(told["image_size"]))
    return build_estimate(model, Motion(np.array([told["poses"]]), betas, trans[None]), camera, UNSEEN)


@persistent
def _when_file_changes(*_) -> None:
    """No file shall hold a preview; while a film is read, the next frame brings a new one."""
    remove_preview()


@persistent
def _after_undo(*_) -> None:
    """What a person did while a film was read may be undone later, and would bring its preview back."""
    if not run_state(bpy.context).running:
        remove_preview()


HANDLERS = {
    "save_pre": _when_file_changes, "load_post": _when_file_changes,
    "undo_post": _after_undo, "redo_post": _after_undo,
}  # fmt: skip


def register() -> None:
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    remove_preview()
