"""3D metrics, each defined once, in millimetres for inputs in metres."""

import numpy as np


def mpjpe(found: np.ndarray, truth: np.ndarray, root: int = 0) -> np.ndarray:
    """Mean distance (B,) of points (B, N, 3) after both have their `root` point moved to the origin. With vertices
    this is the per-vertex error, pelvis-aligned, when pelvis positions are subtracted beforehand."""
    difference = (found - found[:, root : root + 1]) - (truth - truth[:, root : root + 1])
    return 1e3 * np.linalg.norm(difference, axis=-1).mean(1)


def similarity_aligned(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """`found` (B, N, 3) rotated, scaled and moved to lie as close to `truth` as it can (Umeyama 1991)."""
    found_mean, truth_mean = found.mean(1, keepdims=True), truth.mean(1, keepdims=True)
    a, b = found - found_mean, truth - truth_mean
    u, singular, vt = np.linalg.svd(np.einsum("bni,bnj->bij", b, a))
    sign = np.ones((len(found), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = (singular * sign).sum(1) / (a**2).sum((1, 2))
    return scale[:, None, None] * np.einsum("bij,bnj->bni", rotation, a) + truth_mean


def pa_mpjpe(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance (B,) of points (B, N, 3) after the best similarity transform."""
    return 1e3 * np.linalg.norm(similarity_aligned(found, truth) - truth, axis=-1).mean(1)


def scale_corrected(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance (B,) of T-pose vertices (B, V, 3) after the best scale and shift: PVE-T-SC, since a picture does
    not show how large a body is."""
    a, b = found - found.mean(1, keepdims=True), truth - truth.mean(1, keepdims=True)
    scale = (a * b).sum((1, 2), keepdims=True) / (a**2).sum((1, 2), keepdims=True)
    return 1e3 * np.linalg.norm(scale * a - b, axis=-1).mean(1)
