"""Skirts: a tube about the hips that follows both thighs."""

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX
from .skinning import Skinned

AROUND, DOWN = 48, 12
_TURN = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)


def _grid_faces() -> np.ndarray:
    ring, spoke = np.meshgrid(np.arange(DOWN - 1), np.arange(AROUND), indexing="ij")
    a, b = ring * AROUND + spoke, ring * AROUND + (spoke + 1) % AROUND
    c, d = a + AROUND, b + AROUND
    return np.stack([np.stack([a, d, b], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3).astype(np.int32)


FACES = _grid_faces()


def _grid_uvs() -> np.ndarray:
    """(T, 3, 2): around and down, each length a metre as on other cloth; the seam runs on past 1."""
    corner = FACES.reshape(-1)
    u, v = corner % AROUND / AROUND * 1.2, corner // AROUND / DOWN * 0.6
    u, v = u.reshape(-1, 3), v.reshape(-1, 3)
    u = np.where(u.max(1, keepdims=True) - u > 0.6, u + 1.2, u)
    return np.stack([u, v], -1).astype(np.float32)


UVS = _grid_uvs()


def sew(rest: np.ndarray, joints: np.ndarray, waist: float, length: float, flare: float, folds: int) -> Skinned:
    """A skirt for a body in T-pose, `rest` (V, 3) and `joints` (24, 3) of its own shape.

    It begins at `waist` (height, metres) and goes `length` metres down to a hem `flare` metres wider than the body,
    with `folds` round it. It has no shape directions of its own.
    """
    down = np.linspace(0, 1, DOWN)
    heights = waist - length * down
    trunk = rest[(np.abs(rest[:, 0]) < 0.3) & (rest[:, 1] < waist + 0.1)]
    band = np.abs(trunk[None, :, 1] - heights[:, None]) < 0.04
    wide = np.array([np.abs(trunk[row, 0]).max(initial=0) for row in band])
    front = np.array([trunk[row, 2].max(initial=-1) for row in band])
    back = np.array([trunk[row, 2].min(initial=1) for row in band])
    wide, front, back = np.maximum.accumulate(wide), np.maximum.accumulate(front), np.minimum.accumulate(back)
    waves = 1 + 0.05 * down[:, None] * np.sin(folds * _TURN)
    margin = 0.008 + flare * down
    middle, deep = (front + back) / 2, (front - back) / 2
    x = (wide + margin)[:, None] * np.sin(_TURN) * waves
    z = middle[:, None] + (deep + margin)[:, None] * np.cos(_TURN) * waves
    y = np.broadcast_to(heights[:, None], x.shape)
    template = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    return Skinned.of(template, np.zeros((len(template), 3, 1), np.float32), _weights(template, joints))


def _weights(template: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(N, 24): pelvis at the waist, thighs below, shins from the knees on; left and right melt into each other."""
    hip, knee = joints[JOINT_INDEX["left_hip"], 1], joints[JOINT_INDEX["left_knee"], 1]
    thigh = 0.85 * np.clip((hip + 0.08 - template[:, 1]) / 0.25, 0, 1)
    shin = 0.7 * np.clip((knee - template[:, 1]) / 0.15, 0, 1)
    left = np.clip(template[:, 0] / 0.3 + 0.5, 0, 1)
    weights = np.zeros((len(template), 24))
    weights[:, JOINT_INDEX["pelvis"]] = 1 - thigh
    for side, share in (("left_", left), ("right_", 1 - left)):
        weights[:, JOINT_INDEX[side + "hip"]] = share * thigh * (1 - shin)
        weights[:, JOINT_INDEX[side + "knee"]] = share * thigh * shin
    return weights
