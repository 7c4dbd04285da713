"""Compiled linear blend skinning and normals, for a body and for everything that hangs on it.

`Skinned` is what body, garments, hair and shells have in common: a rest shape that follows the betas, and weights on
the 24 joints. The equations are `inference.body_model`'s; a vertex has few influences, and here only those are summed.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

INFLUENCES = 6


@dataclass(frozen=True, eq=False)
class Skinned:
    """N vertices that follow betas and joints. float32, metres, T-pose."""

    template: np.ndarray
    """(N, 3)"""
    shapedirs: np.ndarray
    """(N, 3, S)"""
    joint: np.ndarray
    """(N, INFLUENCES) int32"""
    weight: np.ndarray
    """(N, INFLUENCES), rows sum to 1"""

    @classmethod
    def of(cls, template: np.ndarray, shapedirs: np.ndarray, weights: np.ndarray) -> "Skinned":
        """From dense weights (N, 24), of which the largest few are kept."""
        joint = np.argsort(-weights, axis=1)[:, :INFLUENCES].astype(np.int32)
        weight = np.take_along_axis(weights, joint, 1)
        weight = weight / weight.sum(1, keepdims=True)
        return cls(*(np.ascontiguousarray(part, np.float32) for part in (template, shapedirs)), joint,
                   np.ascontiguousarray(weight, np.float32))  # fmt: skip

    def rest(self, betas: np.ndarray) -> np.ndarray:
        """Vertices (N, 3) in T-pose for betas (S,)."""
        return self.template + (self.shapedirs.reshape(-1, self.shapedirs.shape[2]) @ betas).reshape(-1, 3)

    def posed(self, rest: np.ndarray, transforms: np.ndarray) -> np.ndarray:
        """Rest vertices (N, 3) moved by bone transforms (24, 3, 4)."""
        return skin(rest, self.joint, self.weight, transforms)


def bone_transforms(rest_joints: np.ndarray, joints: np.ndarray, world: np.ndarray) -> np.ndarray:
    """(24, 3, 4) float32 from rest joints (24, 3), posed joints (24, 3) and world rotations (24, 3, 3)."""
    offsets = joints - np.einsum("jkl,jl->jk", world, rest_joints)
    return np.concatenate([world, offsets[..., None]], -1).astype(np.float32)


@njit(cache=True, fastmath=True)
def skin(rest, joint, weight, transforms):
    """Vertices (N, 3) moved by the blend of their bones' transforms (24, 3, 4)."""
    moved = np.empty_like(rest)
    blended = np.empty((3, 4), np.float32)
    for vertex in range(len(rest)):
        blended[:] = 0
        for k in range(joint.shape[1]):
            share = weight[vertex, k]
            if share > 0:
                bone = transforms[joint[vertex, k]]
                for row in range(3):
                    for column in range(4):
                        blended[row, column] += share * bone[row, column]
        x, y, z = rest[vertex]
        for row in range(3):
            moved[vertex, row] = blended[row, 0] * x + blended[row, 1] * y + blended[row, 2] * z + blended[row, 3]
    return moved


@njit(cache=True, fastmath=True)
def vertex_normals(vertices, faces):
    """Unit normals (V, 3), outward for counter-clockwise faces, each triangle weighing by its area."""
    normals = np.zeros_like(vertices)
    for triangle in range(len(faces)):
        a, b, c = faces[triangle]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += x
            normals[corner, 1] += y
            normals[corner, 2] += z
    for vertex in range(len(normals)):
        x, y, z = normals[vertex]
        length = np.sqrt(x * x + y * y + z * z) + 1e-12
        normals[vertex, 0] = x / length
        normals[vertex, 1] = y / length
        normals[vertex, 2] = z / length
    return normals
