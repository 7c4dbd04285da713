"""Clothes that are no files: parts of the body's own skin, smoothed, lifted off, and cut along lines drawn in T-pose.

A cut is a number for each vertex, positive where there is cloth; the rasteriser draws down to its zero, so that hems
are straight lines and need no mesh of their own. Numbers are metres of the mean body's template, whatever the betas.
"""

import numpy as np
from scipy.sparse import coo_matrix, diags

from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import JOINT_INDEX
from .skinning import Skinned, vertex_normals

FOLDS = 200
"""Patterns of folds to choose from."""
SMOOTHING = 12
"""Rounds of averaging with the neighbours: toes, navel and muscles vanish under cloth."""


class Tailor:
    """Cuts shells from one body model. All fields are of its template."""

    def __init__(self, model: BodyModel):
        self.model = model
        self.x, self.y, self.z = (np.ascontiguousarray(axis) for axis in model.v_template.T)
        self.out = np.abs(self.x)
        self.joints = model.rest_joints(np.zeros((1, model.shapedirs.shape[2])))[0]
        self.smooth = self._smoothed()
        normals = vertex_normals(self.smooth.template, model.faces)
        sunk = ((model.v_template - self.smooth.template) * normals).sum(1)
        self.sunk = np.maximum(sunk, 0).astype(np.float32)
        rng = np.random.default_rng(0)
        self.stock = np.stack([self._ripples(rng) for _ in range(FOLDS)])
        self.flat_uvs = np.ascontiguousarray(model.v_template[model.faces][..., :2])

    def _smoothed(self) -> Skinned:
        faces, count = self.model.faces, len(self.model.v_template)
        pairs = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count)).tocsr()
        graph = graph.maximum(graph.T)
        average = diags(1 / np.asarray(graph.sum(1)).ravel()) @ graph
        shape = np.concatenate([self.model.v_template[..., None], self.model.shapedirs], -1).reshape(count, -1)
        for _ in range(SMOOTHING):
            shape = 0.5 * shape + 0.5 * (average @ shape)
        shape = shape.reshape(count, 3, -1)
        return Skinned.of(shape[..., 0], shape[..., 1:], self.model.lbs_weights)

    def height_of(self, joint: str) -> float:
        return float(self.joints[JOINT_INDEX[joint], 1])

    def lifted(self, rest: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Smoothed rest vertices (V, 3) moved along their normals to where they stand `offset` (V,) off the skin."""
        return rest + vertex_normals(rest, self.model.faces) * (offset + self.sunk)[:, None]

    # Cuts: positive inside.

    def neckline(self, height: float, vee: float = 0.0) -> np.ndarray:
        """Below a collar at `height` above the neck joint, lower in front; `vee` metres deep."""
        edge = self.height_of("neck") + height - 0.75 * (self.z - 0.03)
        notch = vee * np.clip(1 - self.out / 0.07, 0, 1) * (self.z > 0.03)
        return edge - notch - self.y

    def sleeves(self, length: float) -> np.ndarray:
        """Up to `length` of the arm: 0 at the shoulder, 1 at the wrist."""
        shoulder, wrist = self.joints[JOINT_INDEX["left_shoulder"], 0], self.joints[JOINT_INDEX["left_wrist"], 0]
        return shoulder + length * (wrist - shoulder) - self.out

    def above(self, height: float) -> np.ndarray:
        return self.y - height

    def below(self, height: float) -> np.ndarray:
        return height - self.y

    def briefs(self, crotch: float, slope: float) -> np.ndarray:
        """Above a line that rises from the crotch to the hips."""
        return self.y - (crotch + slope * self.out)

    def legs(self, length: float) -> np.ndarray:
        """Down to `length` of the leg: 0 at the hip, .5 at the knee, 1 at the ankle."""
        hip, knee, ankle = (self.height_of(f"left_{joint}") for joint in ("hip", "knee", "ankle"))
        end = hip + (knee - hip) * 2 * length if length < 0.5 else knee + (ankle - knee) * (2 * length - 1)
        return self.y - end

    def open_front(self, width: float) -> np.ndarray:
        """Away from a strip down the front, as an open jacket."""
        return np.where(self.z > 0.02, self.out - width, 0.05)

    def scalp(self, front: float, back: float) -> np.ndarray:
        """Hair's or a cap's share of the head: above a plane from forehead to nape."""
        head = self.height_of("head")
        return self.y - (head + back + (front - back) * (self.z + 0.06) / 0.22)

    def ripples(self, rng: np.random.Generator) -> np.ndarray:
        """Smooth noise (V,) of mean 0 and deviation about 1, out of a stock."""
        return self.stock[rng.integers(len(self.stock))]

    def _ripples(self, rng: np.random.Generator) -> np.ndarray:
        """Waves from 5 to 20 cm long, from all sides."""
        waves = rng.normal(0, 2 * np.pi / rng.uniform(0.05, 0.2), (5, 3))
        phase = waves @ self.model.v_template.T + rng.uniform(0, 2 * np.pi, (5, 1))
        return (np.sin(phase).sum(0) * np.sqrt(2 / 5)).astype(np.float32)
