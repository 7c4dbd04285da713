"""SMPL's rotations and translation as what Blender's pose bones hold."""

import numpy as np

from ..inference.geometry.rotations import continuous_quaternions, matrix_to_quaternion, quaternion_to_matrix
from .axes import points_to_blender, points_to_smpl, rotations_to_blender, rotations_to_smpl


def bone_channels(
    rest_rotations: np.ndarray, rotations: np.ndarray, transl: np.ndarray, units: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Quaternions (F, 24, 4), sign-continuous, and the root bone's location (F, 3).

    `rest_rotations` (24, 3, 3) are the bones' axes P in SMPL's rest pose; `rotations` (F, 24, 3, 3) and `transl` (F, 3)
    are SMPL's. A bone's channels are written in its own rest axes: Pᵀ R P, and Pᵀ t for the root. SMPL turns the root
    about the rest pelvis and then adds `transl`, and so does Blender, `units` to the metre.
    """
    turned = rotations_to_blender(np.asarray(rotations, np.float64))
    basis = np.einsum("jba,fjbc,jcd->fjad", rest_rotations, turned, rest_rotations)
    location = units * points_to_blender(np.asarray(transl, np.float64)) @ rest_rotations[0]
    return continuous_quaternions(matrix_to_quaternion(basis)), location


def motion_of_channels(
    rest_rotations: np.ndarray, quaternions: np.ndarray, location: np.ndarray, units: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """The way back: rotations (F, 24, 3, 3) and transl (F, 3) of unit quaternions and locations."""
    basis = quaternion_to_matrix(quaternions)
    turned = np.einsum("jab,fjbc,jdc->fjad", rest_rotations, basis, rest_rotations)
    return rotations_to_smpl(turned), points_to_smpl(location @ rest_rotations[0].T / units)
