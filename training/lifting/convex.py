"""Sparse convex lifting: coefficients and rotations from 2D keypoints by convex optimisation, with no network and from
no first guess (Zhou, Leonardos, Hu, Daniilidis 2015, "3D Shape Estimation from 2D Landmarks: A Convex Relaxation
Approach"; Zhou, Zhu, Leonardos, Daniilidis 2016 in TPAMI; the seed's slides state the problem).

Wanted are c and R̄, the first two rows of a rotation, of

    min over c, R̄ of  ½‖W − R̄ Σ cᵢ Bᵢ‖_F² + α‖c‖₁,   R̄ R̄ᵀ = I

for keypoints W (2, K), centred. It is relaxed in two steps. (1) Each basis pose has a rotation of its own: with
Mᵢ = cᵢ R̄ᵢ (2, 3), W = Σ Mᵢ Bᵢ where Mᵢ Mᵢᵀ = cᵢ² I. (2) The convex hull of such M with |c| ≤ s is the matrices of
spectral norm ≤ s, so |cᵢ| becomes ‖Mᵢ‖₂:

    min over M of  ½‖(W − Σ Mᵢ Bᵢ) D‖_F² + α Σ ‖Mᵢ‖₂

where D² is diagonal: the keypoints' weights. ADMM solves it by splitting M from its copy Z (scaled form, Boyd et al.
2011, §3.1.1). c and R̄ are then read off M, and the first problem is minimised from there (`alternate`).
"""

from dataclasses import dataclass

import numpy as np

from ...inference.geometry.camera import Camera
from ...inference.networks.pose_features import pose_features
from .alternate import alternate
from .dictionary import PoseBasis
from .frames import split_features

SPARSITY = 0.001
"""The weight α, of keypoints whose places have a root mean square of 1 and weights a sum of 1; the best of five on
validation clips."""
STEPS = 150
PENALTY = 1.0
"""ADMM's ρ, over the mean square of the basis poses' coordinates: it decides how fast, not what."""
ENOUGH = 1e-4
"""M and Z are alike when they differ by less than this share of Z."""
SYNCHRONISING_STEPS = 10


def spectral_shrink(matrices: np.ndarray, amount: float) -> np.ndarray:
    """The proximal operator of `amount` ‖·‖₂ on matrices (..., 2, 3): argmin over X of ½‖X − M‖_F² + amount ‖X‖₂.

    By Moreau's decomposition, singular values σ become σ less their projection on the ℓ₁ ball of radius `amount`. For
    σ₁ ≥ σ₂ ≥ 0 this is (0, 0) when σ₁ + σ₂ ≤ amount; (σ₁ − amount, σ₂) when that keeps them in order; else both are
    (σ₁ + σ₂ − amount) / 2. The singular vectors are those of the 2 × 2 matrix M Mᵀ.
    """
    squares, vectors = np.linalg.eigh(matrices @ matrices.swapaxes(-1, -2))
    small, large = np.moveaxis(np.sqrt(np.maximum(squares, 0)), -1, 0)
    both = np.maximum((small + large - amount) / 2, 0)
    apart = large - small >= amount
    shrunk = np.stack([np.where(apart, small, both), np.where(apart, large - amount, both)], -1)
    share = shrunk / np.maximum(np.stack([small, large], -1), 1e-12)
    return (vectors * share[..., None, :]) @ vectors.swapaxes(-1, -2) @ matrices


def relaxed(places: np.ndarray, basis: np.ndarray, weights: np.ndarray, sparsity: float) -> np.ndarray:
    """M (k, 2, 3) of the relaxed problem, for places (2, K) and basis (k, 3, K), both centred, and weights (K,)."""
    count = len(basis)
    rows = basis.reshape(3 * count, -1)
    weighted = rows * weights
    penalty = PENALTY * (weighted * rows).sum() / len(rows)
    inverse = np.linalg.inv(weighted @ rows.T + penalty * np.eye(len(rows)))
    seen = places @ weighted.T
    split, dual = np.zeros((2, len(rows))), np.zeros((2, len(rows)))
    for _ in range(STEPS):
        whole = (seen + penalty * (split - dual)) @ inverse
        apart = (whole + dual).reshape(2, count, 3).swapaxes(0, 1)
        split = spectral_shrink(apart, sparsity / penalty).swapaxes(0, 1).reshape(2, -1)
        dual += whole - split
        if np.linalg.norm(whole - split) < ENOUGH * np.linalg.norm(whole):
            break
    return split.reshape(2, count, 3).swapaxes(0, 1)


def synchronised(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k,) and the one R̄ (2, 3) with R̄ R̄ᵀ = I that lie nearest to M (k, 2, 3): min Σ ‖Mᵢ − cᵢ R̄‖_F².

    For given R̄, cᵢ = ⟨Mᵢ, R̄⟩ / 2; for given c, R̄ is the polar factor of Σ cᵢ Mᵢ. They take turns, from the R̄ of the
    largest Mᵢ. Both may change sign together, which turns depth inside out: the largest coefficient is positive, as
    those are that the basis was learnt with.
    """
    rotation = polar(matrices[np.linalg.norm(matrices, axis=(1, 2)).argmax()])
    for _ in range(SYNCHRONISING_STEPS):
        coefficients = np.einsum("kij,ij->k", matrices, rotation) / 2
        rotation = polar(np.einsum("k,kij->ij", coefficients, matrices))
    coefficients = np.einsum("kij,ij->k", matrices, rotation) / 2
    sign = 1.0 if coefficients[np.abs(coefficients).argmax()] >= 0 else -1.0
    return sign * coefficients, sign * rotation


def polar(matrix: np.ndarray) -> np.ndarray:
    """The nearest (2, 3) matrix with orthonormal rows."""
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ right


def whole_rotation(rows: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) whose first two rows are `rows` (2, 3)."""
    return np.concatenate([rows, np.cross(rows[0], rows[1])[None]])


@dataclass(frozen=True)
class SparseLifting:
    """`sparsity` is α; `refine` minimises the first problem, too, from what the relaxed one gives."""

    basis: PoseBasis
    sparsity: float = SPARSITY
    refine: bool = True

    def lift(self, keypoints: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (B, 25, 3; pixels and confidence) → keypoints in space (B, 25, 3) in an unknown unit, and the turns
        (B, 3, 3) to the camera in whose frame they are (`frames.to_camera`). Perspective is neglected."""
        features, turn = pose_features(keypoints, camera)
        places, confidence = split_features(features.astype(np.float64))
        return np.stack([self._one(*pair) for pair in zip(places, confidence, strict=True)]), turn

    def _one(self, places: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        share = confidence / max(confidence.sum(), 1e-9)
        basis = self.basis.poses.transpose(0, 2, 1)
        centred = basis - (basis @ share)[..., None]
        seen = (places - share @ places).T
        matrices = relaxed(seen, centred, share, self.sparsity)
        coefficients, rows = synchronised(matrices)
        if self.refine:
            coefficients, rows = alternate(seen, centred, share, self.sparsity, coefficients, rows)
        return (whole_rotation(rows) @ np.einsum("k,kij->ij", coefficients, basis)).T
