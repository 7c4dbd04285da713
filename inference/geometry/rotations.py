"""Rotations in numpy, batched over leading axes. Matrices act on column vectors; quaternions are (w, x, y, z)."""

import numpy as np


def skew(vectors: np.ndarray) -> np.ndarray:
    """Matrices (..., 3, 3) that take the cross product: skew(a) @ b = a × b for vectors (..., 3)."""
    x, y, z = np.moveaxis(np.asarray(vectors), -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*np.shape(vectors), 3)


def axis_angle_to_matrix(axis_angle: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: axis-angle (..., 3) in radians to rotation matrices (..., 3, 3)."""
    axis_angle = np.asarray(axis_angle)
    angle = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    safe = np.maximum(angle, 1e-8)
    cross = skew(axis_angle)
    # sin(a)/a and (1-cos(a))/a² tend to 1 and 1/2, which the clamp reproduces to rounding error.
    first = np.sin(safe) / safe
    second = 2 * (np.sin(safe / 2) / safe) ** 2
    return np.eye(3, dtype=axis_angle.dtype) + first * cross + second * (cross @ cross)


def matrix_to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) to unit quaternions (..., 4) with w ≥ 0.

    Each of the four outer-product rows is a multiple of the quaternion; the longest one is taken, which is stable for
    every angle (Shepperd's method).
    """
    m = np.asarray(matrix)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    ww = 1 + xx + yy + zz
    # One array filled in place: refinement turns thousands of small stacks of matrices.
    rows = np.empty((*m.shape[:-2], 4, 4), ww.dtype)
    for (row, column), value in {
        (0, 0): ww, (1, 1): 2 * (1 + xx) - ww, (2, 2): 2 * (1 + yy) - ww, (3, 3): 2 * (1 + zz) - ww,
        (0, 1): wx, (0, 2): wy, (0, 3): wz, (1, 2): xy, (1, 3): xz, (2, 3): yz,
    }.items():  # fmt: skip
        rows[..., row, column] = rows[..., column, row] = value
    every = rows.reshape(-1, 4, 4)
    best = every.diagonal(axis1=1, axis2=2).argmax(-1)
    quaternion = every[np.arange(len(every)), best]
    length = np.sqrt((quaternion * quaternion).sum(-1, keepdims=True))
    quaternion = quaternion / np.where(quaternion[:, :1] < 0, -length, length)
    return quaternion.reshape(*m.shape[:-2], 4)


def quaternion_to_axis_angle(quaternion: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) to axis-angle (..., 3), angle in [0, π]."""
    q = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    scale = np.where(sine > 1e-8, angle / np.maximum(sine, 1e-8), 2.0)
    return q[..., 1:] * scale


def matrix_to_axis_angle(matrix: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) to axis-angle (..., 3), angle in [0, π]."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def six_d_to_matrix(six_d: np.ndarray) -> np.ndarray:
    """Zhou et al. 2019: two 3-vectors (..., 6), the first two columns before Gram-Schmidt, to matrices (..., 3, 3)."""
    a, b = six_d[..., :3], six_d[..., 3:]
    x = a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-8)
    b = b - (x * b).sum(-1, keepdims=True) * x
    y = b / np.maximum(np.linalg.norm(b, axis=-1, keepdims=True), 1e-8)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def continuous_quaternions(quaternions: np.ndarray) -> np.ndarray:
    """Flip signs along the first axis of (F, ..., 4) so that neighbouring frames never jump between q and -q."""
    dots = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True)
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    return np.concatenate([quaternions[:1], quaternions[1:] * signs], axis=0)


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) to rotation matrices (..., 3, 3)."""
    w, x, y, z = np.moveaxis(np.asarray(quaternion), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def right_jacobian_inverse(axis_angle: np.ndarray) -> np.ndarray:
    """How the axis-angle (..., 3) of R changes when R becomes R · exp(δ): matrices (..., 3, 3), d axis_angle = J · δ.

    Valid up to a full turn; near one it grows without bound (Solà et al. 2018, "A micro Lie theory", equation 144).
    """
    axis_angle = np.asarray(axis_angle, np.float64)
    angle = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    small = angle < 1e-3
    safe = np.where(small, 1.0, angle)
    second = np.where(small, 1 / 12, 1 / safe**2 - (1 + np.cos(safe)) / (2 * safe * np.sin(safe) + 1e-300))
    matrix = skew(axis_angle)
    return np.eye(3) + matrix / 2 + second * (matrix @ matrix)


def turn_vector(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The shortest turn of directions (..., 3) to others, as axis-angle (..., 3); of one to its opposite, which has
    many, about some axis at right angles to it."""
    source, target = (side / np.linalg.norm(side, axis=-1, keepdims=True) for side in (source, target))
    axis, cosine = np.cross(source, target), (source * target).sum(-1, keepdims=True)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    across = np.cross(source, np.eye(3)[np.abs(source).argmin(-1)])
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    axis = np.where((sine < 1e-9) & (cosine < 0), across, axis / np.maximum(sine, 1e-12))
    return axis * np.arctan2(sine, cosine)


def shortest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The same turn as matrices (..., 3, 3)."""
    return axis_angle_to_matrix(turn_vector(source, target))
