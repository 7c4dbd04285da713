"""The rivals on photos3d: from the keypoints that people labelled, and from what Human2D sees."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...inference.engine import Engine
from ...inference.errors import NoPersonError
from ...inference.files.images import Photo
from ...inference.geometry.camera import Camera
from ...inference.geometry.joints import KEYPOINT_INDEX
from ..measure.metrics import pa_mpjpe
from ..measure.photos3d import LIMB_NAMES, MeasuredPhoto, load_photos3d
from ..priors.bones import rest_keypoints
from .frames import COUNT, mean_bone
from .ordinal import ALIKE, no_order, order_features, order_of, relations
from .rivals import Rival

LIMBS = np.array([KEYPOINT_INDEX[name] for name in LIMB_NAMES])


@dataclass(frozen=True)
class SeenPhoto:
    """A measured photo, its camera, what Human2D found in it (25, 3; None when it found nobody), and the
    `order_features` (1, 50) of the measured limbs and of Human2D's depths."""

    photo: MeasuredPhoto
    camera: Camera
    found: np.ndarray | None
    true_order: np.ndarray
    seen_order: np.ndarray

    def error(self, rival: Rival, keypoints: np.ndarray, betas: np.ndarray, order: np.ndarray) -> float:
        """PA-MPJPE of the twelve limb joints, millimetres."""
        points = rival(keypoints[None], self.camera, betas[None], order)[:, LIMBS]
        return float(pa_mpjpe(points.astype(float), self.photo.limbs[None])[0])


def look_at_photos(engine: Engine, every: int = 1) -> list[SeenPhoto]:
    """All of photos3d, or `every` such photo of it, each seen once. Raises PackMissing."""
    seen = []
    for photo in load_photos3d()[::every]:
        camera = engine.camera(photo.image.shape[1::-1])
        found, order = None, no_order(1)
        try:
            detection = engine.detect(Photo(photo.image, None, None)).detection
            found = detection.keypoints
            order = order_of_seen(found, detection.depth, mean_bone(rest_keypoints(engine.body)[None])[0])
        except NoPersonError:
            pass
        seen.append(SeenPhoto(photo, camera, found, measured_order(photo, camera), order))
    return seen


def order_of_seen(keypoints: np.ndarray, depth: np.ndarray, bone: float) -> np.ndarray:
    """`order_features` (1, 50) of Human2D's keypoints (25, 3) and depths (25,), all in pixels; `bone` is a mean bone in
    metres, which says how many pixels are a metre."""
    pixels = mean_bone(np.column_stack([keypoints[:, :2], depth])[None])[0] / bone
    known = keypoints[None, :, 2] > 0
    return order_features(relations(depth[None] / pixels, known, ALIKE), known)


def measured_depths(photo: MeasuredPhoto, camera: Camera) -> np.ndarray:
    """Depths (12,) in metres of the measured limbs, once they have been put before the camera so that they lie on the
    labels (iterative PnP, from EPnP's answer)."""
    matrix = np.array([[camera.focal, 0, camera.center[0]], [0, camera.focal, camera.center[1]], [0, 0, 1]])
    limbs, labels = (np.ascontiguousarray(points, float) for points in (photo.limbs, photo.keypoints[LIMBS, :2]))
    _, turn, shift = cv2.solvePnP(limbs, labels, matrix, None, flags=cv2.SOLVEPNP_EPNP)
    turn, shift = cv2.solvePnPRefineLM(limbs, labels, matrix, None, turn, shift)
    return (limbs @ cv2.Rodrigues(turn)[0].T + shift.T)[:, 2]


def measured_order(photo: MeasuredPhoto, camera: Camera) -> np.ndarray:
    """`order_features` (1, 50) of the measured limbs."""
    depth, known = np.zeros((1, COUNT)), np.zeros((1, COUNT), bool)
    depth[0, LIMBS] = measured_depths(photo, camera)
    known[0, LIMBS] = True
    return order_of(depth, known)


def photo_figures(seen: list[SeenPhoto], rival: Rival, betas: np.ndarray, order: str) -> dict[str, float]:
    """Mean PA-MPJPE from labels and from what was found (photos where nobody was found are left out), given the
    `true_order` or `seen_order`."""
    labelled = [one.error(rival, one.photo.keypoints, betas, getattr(one, order)) for one in seen]
    detected = [one.error(rival, one.found, betas, getattr(one, order)) for one in seen if one.found is not None]
    return {"photos3d, labels": float(np.mean(labelled)), "photos3d, Human2D": float(np.mean(detected))}
