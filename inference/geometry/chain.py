"""Least squares along a chain: unknowns of each frame that meet those of the next, and a few that all frames share.

The normal equations are block-tridiagonal with a border, and cost as much a frame however long the clip is.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Jacobians:
    """Derivatives of residuals (..., N) by a frame's unknowns (..., N, P), by the next one's, and by the shared
    (..., N, S)."""

    before: np.ndarray
    after: np.ndarray
    shared: np.ndarray | None = None


class NormalEquations:
    """Gradient and Gauss-Newton Hessian of a sum of ½ w r² over F frames of P unknowns each and S that all share, where
    a residual knows one frame, or one and the next, and the shared: block-tridiagonal with a border.

    `diagonal` (F, P, P); `beside` (F - 1, P, P), rows of a frame and columns of the next; `border` (F, P, S); `corner`
    (S, S); `gradient` (F, P) and `shared_gradient` (S,).
    """

    def __init__(self, frames: int, unknowns: int, shared: int):
        self.gradient, self.shared_gradient = np.zeros((frames, unknowns)), np.zeros(shared)
        self.diagonal = np.zeros((frames, unknowns, unknowns))
        self.beside = np.zeros((frames - 1, unknowns, unknowns))
        self.border, self.corner = np.zeros((frames, unknowns, shared)), np.zeros((shared, shared))

    def add_frame(self, frame: int, gradient: np.ndarray, hessian: np.ndarray, own: np.ndarray, shared: np.ndarray):
        """Add what one frame's energy says; `own` and `shared` are the places of its unknowns there."""
        self.gradient[frame] += gradient[own]
        self.shared_gradient += gradient[shared]
        self.diagonal[frame] += hessian[np.ix_(own, own)]
        self.border[frame] += hessian[np.ix_(own, shared)]
        self.corner += hessian[np.ix_(shared, shared)]

    def add_frames(
        self, residual: np.ndarray, own: np.ndarray, weight: np.ndarray | float, shared: np.ndarray | None = None
    ) -> None:
        """Add ½ Σ w r² of residuals (F, N) that each know one frame, by its unknowns `own` (F, N, P) and the `shared`
        (F, N, S), of `weight` (F, N)."""
        weighted = np.broadcast_to(weight, residual.shape)[..., None] * own
        self.gradient += np.einsum("fnp,fn->fp", weighted, residual)
        self.diagonal += weighted.swapaxes(1, 2) @ own
        if shared is not None:
            self.border += weighted.swapaxes(1, 2) @ shared
            self._add_shared(residual, shared, weight)

    def add_pairs(self, residual: np.ndarray, jacobians: Jacobians, weight: np.ndarray | float = 1.0) -> None:
        """Add ½ Σ w r² of residuals (F - 1, N) between each frame and the next, of `weight` (F - 1, N)."""
        weight = np.broadcast_to(weight, residual.shape)
        before, after = weight[..., None] * jacobians.before, weight[..., None] * jacobians.after
        self.gradient[:-1] += np.einsum("fnp,fn->fp", before, residual)
        self.gradient[1:] += np.einsum("fnp,fn->fp", after, residual)
        self.diagonal[:-1] += before.swapaxes(1, 2) @ jacobians.before
        self.diagonal[1:] += after.swapaxes(1, 2) @ jacobians.after
        self.beside += before.swapaxes(1, 2) @ jacobians.after
        if jacobians.shared is not None:
            self.border[:-1] += before.swapaxes(1, 2) @ jacobians.shared
            self.border[1:] += after.swapaxes(1, 2) @ jacobians.shared
            self._add_shared(residual, jacobians.shared, weight)

    def _add_shared(self, residual: np.ndarray, shared: np.ndarray, weight: np.ndarray | float) -> None:
        weighted = np.broadcast_to(weight, residual.shape)[..., None] * shared
        self.shared_gradient += np.einsum("fns,fn->s", weighted, residual)
        self.corner += np.einsum("fns,fnt->st", weighted, shared)

    def flat_gradient(self) -> np.ndarray:
        """(F · P + S)."""
        return np.concatenate([self.gradient.ravel(), self.shared_gradient])


def chain_step(chain: NormalEquations, gradient: np.ndarray, damping: float) -> np.ndarray:
    """Marquardt's step (F · P + S): elimination along the chain, then the border (Schur complement)."""
    count, size, shape = chain.border.shape
    right = np.concatenate([-gradient[: count * size].reshape(count, size, 1), chain.border], -1)
    raised = np.einsum("fpp->fp", chain.diagonal)
    raised = damping * raised + 1e-9 * raised.max()
    pivots, eliminated = [], right.copy()
    for number in range(count):
        pivot = chain.diagonal[number] + np.diag(raised[number])
        if number:
            carried = np.linalg.solve(pivots[-1], np.concatenate([chain.beside[number - 1], eliminated[number - 1]], 1))
            pivot = pivot - chain.beside[number - 1].T @ carried[:, :size]
            eliminated[number] -= chain.beside[number - 1].T @ carried[:, size:]
        pivots.append(pivot)
    solution = np.empty_like(eliminated)
    for number in reversed(range(count)):
        rest = eliminated[number]
        if number + 1 < count:
            rest = rest - chain.beside[number] @ solution[number + 1]
        solution[number] = np.linalg.solve(pivots[number], rest)
    corner = chain.corner + damping * np.diag(np.diag(chain.corner)) + 1e-9 * np.eye(shape)
    schur = corner - np.einsum("fps,fpt->st", chain.border, solution[..., 1:])
    towards = -gradient[count * size :] - np.einsum("fps,fp->s", chain.border, solution[..., 0])
    betas = np.linalg.solve(schur, towards)
    return np.concatenate([(solution[..., 0] - solution[..., 1:] @ betas).ravel(), betas])
