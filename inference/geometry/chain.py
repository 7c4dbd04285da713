"""Least squares along a chain: unknowns of each frame that meet those of the next, and a few that all frames share.

The normal equations are block-tridiagonal with a border, and cost as much a frame however long the clip is. Of a long
one they are made part by part, and what is behind is let go: what a frame says is forgotten exponentially along the
chain, so that its step is known as soon as those of the next `LAG` frames are eliminated (fixed-lag smoothing; Kalman
filter and smoother of Rauch, Tung and Striebel 1965).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

PART = 32
"""Frames whose normal equations are made at once."""
LAG = 64
"""Frames that must be eliminated beyond one before it is solved. Of a refined clip of 134 the joints are then where the
whole solve has them, to .004 mm."""


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


@dataclass(frozen=True)
class LongChain:
    """Normal equations of F frames that are made part by part. `part` (first, last) gives those of the frames from
    `first` to before `last` and, unless that is the clip's end, one frame more, of which they hold only the pair with
    the one before."""

    frames: int
    part: Callable[[int, int], NormalEquations]

    def __iter__(self) -> Iterator[NormalEquations]:
        return iter(self._whole) if self.frames <= PART + LAG else self._parts()

    def _parts(self) -> Iterator[NormalEquations]:
        return (self.part(first, min(first + PART, self.frames)) for first in range(0, self.frames, PART))

    @cached_property
    def _whole(self) -> list[NormalEquations]:
        # A step that fails is tried again with more damping, of the same equations.
        return list(self._parts())


def chain_step(chain: NormalEquations, gradient: np.ndarray, damping: float) -> np.ndarray:
    """Marquardt's step (F · P + S): elimination along the chain, then the border (Schur complement)."""
    count, size, _ = chain.border.shape
    own, shared = gradient[: count * size].reshape(count, size), gradient[count * size :]
    elimination = Elimination(damping)
    elimination.add(chain, own)
    return elimination.step(shared)


def long_chain_step(parts: Iterable[NormalEquations], damping: float) -> np.ndarray:
    """The same of a chain that comes in parts, as `LongChain` makes them, in as much memory as `PART` and `LAG` frames
    need, and the step itself."""
    elimination, shared_gradient = Elimination(damping), 0.0
    for part in parts:
        elimination.add(part, part.gradient)
        shared_gradient = shared_gradient + part.shared_gradient
    return elimination.step(shared_gradient)


@dataclass
class Elimination:
    """Elimination along a chain whose frames come one part after the other."""

    damping: float
    pivots: list[np.ndarray] = field(default_factory=list)
    """(P, P) of the frames that are eliminated and not yet solved; the lists beside it are theirs, too."""
    right: list[np.ndarray] = field(default_factory=list)
    """(P, 1 + S): minus the gradient, and the border, after elimination."""
    beside: list[np.ndarray] = field(default_factory=list)
    """(P, P) towards the next frame."""
    solved: list[np.ndarray] = field(default_factory=list)
    """(P, 1 + S) of the frames before them: the step, and how it follows the shared."""
    corner: np.ndarray | float = 0.0
    complement: np.ndarray | float = 0.0
    """(1 + S, 1 + S), what eliminated frames take from the corner."""
    waiting: tuple[np.ndarray, np.ndarray] | None = None
    """Hessian (P, P) and right side of the next frame, as far as the parts before it know."""

    def add(self, chain: NormalEquations, gradient: np.ndarray) -> None:
        """Eliminate a part's frames, with the `gradient` (F, P), but its last one: the next part may know more."""
        rights = np.concatenate([-gradient[..., None], chain.border], -1)
        own = [(chain.diagonal[number], rights[number]) for number in range(len(rights))]
        if self.waiting is not None:
            own[0] = tuple(a + b for a, b in zip(own[0], self.waiting, strict=True))
        for (hessian, right), beside in zip(own[:-1], chain.beside, strict=True):
            self._eliminate(hessian, right, beside)
            if len(self.pivots) >= PART + LAG:
                self.solved += self._solve()[:PART]
                self.pivots, self.right, self.beside = self.pivots[PART:], self.right[PART:], self.beside[PART:]
        self.waiting = own[-1]
        self.corner = self.corner + chain.corner

    def step(self, shared_gradient: np.ndarray) -> np.ndarray:
        """The step (F · P + S), once all parts are added, of which `shared_gradient` (S,) is."""
        self._eliminate(*self.waiting, None)
        self.complement = self.complement + self.right[-1].T @ np.linalg.solve(self.pivots[-1], self.right[-1])
        solution = np.stack([*self.solved, *self._solve()])
        corner = self.corner + self.damping * np.diag(np.diag(self.corner)) + 1e-9 * np.eye(len(shared_gradient))
        towards = -shared_gradient - self.complement[1:, 0]
        shared = np.linalg.solve(corner - self.complement[1:, 1:], towards)
        return np.concatenate([(solution[..., 0] - solution[..., 1:] @ shared).ravel(), shared])

    def _eliminate(self, hessian: np.ndarray, right: np.ndarray, beside: np.ndarray | None) -> None:
        own = np.diag(hessian)
        pivot = hessian + np.diag(self.damping * own + 1e-9 * own.max())
        if self.pivots:
            before = self.beside[-1]
            carried = np.linalg.solve(self.pivots[-1], np.concatenate([before, self.right[-1]], 1))
            self.complement = self.complement + self.right[-1].T @ carried[:, len(own) :]
            pivot, right = pivot - before.T @ carried[:, : len(own)], right - before.T @ carried[:, len(own) :]
        self.pivots.append(pivot)
        self.right.append(right)
        self.beside.append(beside)

    def _solve(self) -> list[np.ndarray]:
        """(P, 1 + S) of each frame that is not solved yet, as if the last were the chain's end."""
        solution: list[np.ndarray] = []
        for pivot, right, beside in zip(self.pivots[::-1], self.right[::-1], self.beside[::-1], strict=True):
            rest = right if not solution else right - beside @ solution[-1]
            solution.append(np.linalg.solve(pivot, rest))
        return solution[::-1]
