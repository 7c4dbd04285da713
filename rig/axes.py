"""The only axis conversion: SMPL's frame (y up, the body faces +z) to Blender's (z up, the body faces -y), both metres.

SMPL's camera sits at the origin and looks along -z; in Blender's frame it looks along +y, as a front view does.
"""

import numpy as np

BLENDER_FROM_SMPL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""+90° about x. Also the rotation of a Blender camera that stands where SMPL's camera stands."""


def points_to_blender(points: np.ndarray) -> np.ndarray:
    """Points or directions (..., 3) of SMPL's frame in Blender's."""
    return points @ BLENDER_FROM_SMPL.T.astype(points.dtype)


def points_to_smpl(points: np.ndarray) -> np.ndarray:
    """Points or directions (..., 3) of Blender's frame in SMPL's, which FBX, glTF, BVH and OBJ share (y up)."""
    return points @ BLENDER_FROM_SMPL.astype(points.dtype)


def rotations_to_blender(rotations: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) that act on SMPL's frame, as they act on Blender's."""
    return BLENDER_FROM_SMPL @ rotations @ BLENDER_FROM_SMPL.T


def rotations_to_smpl(rotations: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) that act on Blender's frame, as they act on SMPL's."""
    return BLENDER_FROM_SMPL.T @ rotations @ BLENDER_FROM_SMPL
