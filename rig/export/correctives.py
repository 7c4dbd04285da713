"""Correctives in exported files: as few shape keys as one clip needs, with a weight for each frame.

207 shapes that are driven by bones cannot leave Blender. But what they add in one clip spans few dimensions: a single
pose needs one shape, F frames never more than F. The fewest are the first principal components of what is added.
"""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ..armature import joint_bones
from ..character import Character
from ..correctives import corrective_keys, entry_of
from .sampling import SampledClip, local_rotations

TOLERANCE = 5e-5
"""Metres: the root of the summed squares over all coordinates of the skin, so every vertex is closer than this."""


@dataclass(frozen=True)
class BakedCorrectives:
    """K shapes and how strong each is, F frames."""

    offsets: np.ndarray
    """(K, V, 3) metres, added at weight 1."""
    weights: np.ndarray
    """(F, K) between -1 and 1."""


def bake_correctives(character: Character, clip: SampledClip, placed: Matrix) -> BakedCorrectives | None:
    """What the character's correctives add in the clip to the mesh that is `placed` somewhere; None when it has none,
    or the clip does not move them."""
    keys = corrective_keys(character.mesh)
    if not keys:
        return None
    turns = local_rotations(clip) - np.eye(3)
    bones = [clip.bones.index(name) for name in joint_bones(character.armature)]
    entries = [entry_of(key) for key in keys]
    values = np.stack([turns[:, bones[joint], row, column] for joint, row, column in entries], axis=1)
    offsets = np.stack([_points(key) for key in keys]) - _points(character.mesh.data.shape_keys.key_blocks[0])
    offsets = offsets @ np.array(placed.to_3x3()).T
    shapes, weights = principal_components(offsets.reshape(len(keys), -1), values)
    return BakedCorrectives(shapes.reshape(len(shapes), -1, 3), weights) if len(shapes) else None


def principal_components(offsets: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fewest shapes (K, N) and weights (F, K) whose product is `values` (F, D) @ `offsets` (D, N) to `TOLERANCE` in
    each frame.

    Lengths in the space of the N coordinates are measured through their inner products (D, D), so that nothing of size
    F × N is ever made.
    """
    offsets = offsets.astype(np.float64)
    sizes, axes = np.linalg.eigh(offsets @ offsets.T)
    roots = np.sqrt(np.maximum(sizes, 0))
    inverse = np.divide(1, roots, out=np.zeros_like(roots), where=roots > 1e-9 * roots.max())
    left, strengths, right = np.linalg.svd(values @ axes * roots, full_matrices=False)
    weights = left * strengths
    # How much of each frame is left when only the first 0, 1, 2 … components are taken.
    rest = np.sqrt(np.cumsum((weights**2)[:, ::-1], axis=1)[:, ::-1]).max(0)
    count = int((rest > TOLERANCE).sum())
    strongest = np.take_along_axis(weights, np.abs(weights).argmax(0)[None], 0)[0, :count]
    shapes = (right[:count] * inverse @ axes.T) @ offsets
    return shapes * strongest[:, None], weights[:, :count] / strongest


def _points(key: bpy.types.ShapeKey) -> np.ndarray:
    points = np.empty(3 * len(key.data), np.float32)
    key.data.foreach_get("co", points)
    return points.reshape(-1, 3)
