"""The problem that sparse lifting relaxes, minimised from the relaxed one's answer: coefficients and rotation in turn
(the classical alternation that Zhou et al. 2015 compare with; from their convex start it no longer depends on luck)."""

import numpy as np

from .dictionary import codes_of

ROUNDS = 8
ROTATION_STEPS = 3
CODE_STEPS = 20


def alternate(
    places: np.ndarray,
    basis: np.ndarray,
    weights: np.ndarray,
    sparsity: float,
    coefficients: np.ndarray,
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k,) ≥ 0 and R̄ (2, 3) near a minimum of ½‖(W − R̄ Σ cᵢ Bᵢ) D‖_F² + α Σ cᵢ, from those given, for
    places W (2, K) and basis B (k, 3, K), both centred, and weights D² (K,).

    Given R̄, the projected basis poses R̄ Bᵢ are the dictionary of a non-negative lasso. Given c, R̄ has no closed form on
    the Stiefel manifold; a majorising step does not increase the error: with S = Σ cᵢ Bᵢ and L the largest eigenvalue
    of S D² Sᵀ, R̄ becomes the polar factor of L R̄ + (W − R̄ S) D² Sᵀ.
    """
    codes = np.maximum(coefficients, 0)[None]
    seen = (places * weights).ravel()
    for _ in range(ROUNDS):
        flat = (rows @ basis).reshape(len(basis), -1)
        gram = (flat * np.tile(weights, 2)) @ flat.T
        codes = codes_of(gram, (flat @ seen)[None], sparsity, codes, CODE_STEPS)
        rows = _turned(rows, places, np.einsum("k,kij->ij", codes[0], basis), weights)
    return codes[0], rows


def _turned(rows: np.ndarray, places: np.ndarray, shape: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weighted = (shape * weights).T
    steepest = np.linalg.eigvalsh(shape @ weighted)[-1]
    for _ in range(ROTATION_STEPS):
        left, _, right = np.linalg.svd(steepest * rows + (places - rows @ shape) @ weighted, full_matrices=False)
        rows = left @ right
    return rows
