"""An energy of a body of which only some unknowns move, and the others stay as they are."""

import numpy as np

from ..geometry.least_squares import Problem
from .parametric_body import JOINTS, Parameters


class SomeUnknowns:
    """The `whole` energy, a `least_squares.Problem` over the unknowns that `free` counts, of a step's 72 + S + 3."""

    def __init__(self, whole: Problem[Parameters], free: np.ndarray):
        self.whole, self.free = whole, free

    def energy(self, parameters: Parameters) -> float:
        return self.whole.energy(parameters)

    def linearise(self, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
        gradient, hessian = self.whole.linearise(parameters)
        return gradient[self.free], hessian[np.ix_(self.free, self.free)]

    def moved(self, parameters: Parameters, step: np.ndarray) -> Parameters:
        whole = np.zeros(parameters.size)
        whole[self.free] = step
        return parameters.moved(whole)


def joints_and_place(parameters: Parameters, joints: np.ndarray, place: bool) -> np.ndarray:
    """The unknowns of some `joints` (N,) and, if wanted, of the body's place."""
    free = (3 * joints[:, None] + np.arange(3)).ravel()
    return np.concatenate([free, parameters.size - 3 + np.arange(3)]) if place else free


ALL_JOINTS = np.arange(JOINTS)
