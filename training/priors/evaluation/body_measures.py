"""What a tailor would measure on a body at rest: girths and limb lengths, in centimetres.

Girths are those of a tape: the convex hull of a level slice through the trunk. The waist is the narrowest level between
hips and ribs, the hips the widest below, the chest the widest under the armpits. Limbs are measured along their joints.
"""

import cv2
import numpy as np

from ....inference.body.body_model import BodyModel
from ....inference.geometry.joints import JOINT_INDEX

TRUNK = ("pelvis", "spine1", "spine2", "spine3", "left_hip", "right_hip")
LEVELS = {"chest": (np.max, 0.62, 0.74), "waist": (np.min, 0.22, 0.50), "hips": (np.max, -0.25, 0.12)}
"""Girth → which level counts, and where it is sought, in shares of the way from the hip joints to the neck."""
SLICES = 7
MEASURED_LIMBS = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}
MEASURES = ("stature", *LEVELS, *MEASURED_LIMBS)


class Tailor:
    """Measures the bodies of one model."""

    def __init__(self, model: BodyModel):
        self.model = model
        on_trunk = np.isin(model.lbs_weights.argmax(1), [JOINT_INDEX[name] for name in TRUNK])
        faces = model.faces[on_trunk[model.faces].all(1)]
        self.edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1), axis=0)

    def measure(self, betas: np.ndarray, stature: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Centimetres (B,) of each of `MEASURES` for betas (B, S); bodies are scaled to `stature` (B,), in metres, when
        it is known."""
        vertices, joints = self.model.rest_vertices(betas), self.model.rest_joints(betas)
        tall = np.ptp(vertices[..., 1], axis=1)
        scale = 100 * (np.ones_like(tall) if stature is None else stature / tall)
        measures = {"stature": tall * scale}
        for name, (which, low, high) in LEVELS.items():
            girths = [
                which([self.girth(body, level) for level in self._levels(own, low, high)])
                for body, own in zip(vertices, joints, strict=True)
            ]
            measures[name] = np.array(girths) * scale
        for name, chain in MEASURED_LIMBS.items():
            measures[name] = _length(joints, chain) * scale
        return measures

    def girth(self, vertices: np.ndarray, height: float) -> float:
        """Metres round the hull of the trunk's slice at `height`, of one body's vertices (V, 3)."""
        ends = vertices[self.edges]
        above = ends[..., 1] > height
        ends = ends[above[:, 0] != above[:, 1]]
        share = (height - ends[:, 0, 1]) / (ends[:, 1, 1] - ends[:, 0, 1])
        points = ends[:, 0] + share[:, None] * (ends[:, 1] - ends[:, 0])
        hull = cv2.convexHull(np.ascontiguousarray(points[:, [0, 2]], np.float32))
        return cv2.arcLength(hull, closed=True)

    def _levels(self, joints: np.ndarray, low: float, high: float) -> np.ndarray:
        hips = joints[[JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]], 1].mean()
        return hips + np.linspace(low, high, SLICES) * (joints[JOINT_INDEX["neck"], 1] - hips)


def _length(joints: np.ndarray, chain: tuple[str, ...]) -> np.ndarray:
    """Metres (B,) along a limb, the mean of both sides, for joints (B, 24, 3)."""
    sides = [
        np.linalg.norm(np.diff(joints[:, [JOINT_INDEX[f"{side}_{name}"] for name in chain]], axis=1), axis=-1).sum(1)
        for side in ("left", "right")
    ]
    return np.mean(sides, 0)
