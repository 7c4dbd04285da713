"""Robust non-linear least squares: Levenberg and Marquardt's method over steps on a manifold, in numpy.

The energy is ½ Σ w ρ(r), with ρ(r) = r² or Geman and McClure's r² / (1 + r²/s²) (1987), which levels
off at s²: an outlier costs no more than that, and pulls at nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

State = TypeVar("State")


@dataclass(frozen=True)
class Residuals:
    """M residuals of one kind. `jacobian` (M, P) is None where only the energy is asked for."""

    values: np.ndarray
    weights: np.ndarray | float
    jacobian: np.ndarray | None = None
    scale: float = np.inf
    """s of the robust function; infinite for plain squares."""
    constant: float = 0.0
    """Energy that does not depend on the step."""

    @property
    def energy(self) -> float:
        """½ Σ w ρ(r)."""
        squares = self.values**2
        return float(0.5 * np.sum(self.weights * squares / (1 + squares / self.scale**2))) + self.constant

    def normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (P,) and Gauss-Newton's Hessian (P, P), the robust function by its weights (dρ/dr² at the present
        residuals)."""
        weights = self.weights / (1 + self.values**2 / self.scale**2) ** 2
        weighted = self.jacobian * np.broadcast_to(weights, self.values.shape)[:, None]
        return weighted.T @ self.values, weighted.T @ self.jacobian


LEAST_DAMPING = 2e-3
"""Without it, a run of good steps is paid for by a run of bad ones, each a little less daring than the last."""


class Problem(Protocol[State]):
    """An energy over states that steps (P,) move."""

    def energy(self, state: State) -> float: ...

    def linearise(self, state: State) -> tuple[np.ndarray, np.ndarray]: ...

    def moved(self, state: State, step: np.ndarray) -> State: ...


def minimise(
    problem: Problem[State],
    state: State,
    iterations: int,
    tolerance: float = 2e-3,
    solve: Callable[[np.ndarray, np.ndarray, float], np.ndarray] | None = None,
) -> tuple[State, float, int]:
    """The state of least energy that `iterations` steps reach, its energy, and how many steps were tried.

    Ends early when two steps running lower the energy by less than `tolerance` of it. `solve` (hessian, gradient,
    damping) gives the step for problems whose Hessian is not a plain matrix.
    """
    solve = solve or damped_step
    energy, damping, slow, easier = problem.energy(state), 0.1, 0, 0.2
    gradient, hessian = problem.linearise(state)
    for count in range(1, iterations + 1):
        trial = problem.moved(state, solve(hessian, gradient, damping))
        trial_energy = problem.energy(trial)
        if not trial_energy < energy:
            damping, easier = damping * 10, 1.0
            if damping > 1e6:
                return state, energy, count
            continue
        slow = slow + 1 if energy - trial_energy < tolerance * energy else 0
        # After a failure the damping that worked is tried once more: halving it at once fails again, mostly.
        state, energy, damping, easier = trial, trial_energy, max(damping * easier, LEAST_DAMPING), 0.2
        if slow == 2 or count == iterations:
            return state, energy, count
        gradient, hessian = problem.linearise(state)
    return state, energy, iterations


def damped_step(hessian: np.ndarray, gradient: np.ndarray, damping: float) -> np.ndarray:
    """Marquardt's step (P,): the Hessian's own diagonal is raised, so that units do not matter."""
    diagonal = np.diag(hessian)
    return -np.linalg.solve(hessian + np.diag(damping * diagonal + 1e-9 * diagonal.max()), gradient)
