"""`J_regressor`: each joint as a weighted mean of a few vertices near it."""

import numpy as np
from scipy.optimize import nnls

from ...inference.geometry.joints import JOINT_MIRROR, JOINT_NAMES, JOINT_PARENTS

TRUNK = ("pelvis", "spine1", "spine2", "spine3")
CENTRAL = (*TRUNK, "neck", "head")
MAX_CANDIDATES = 300
FITTED_PEOPLE = 160
SUM_TO_ONE = 20.0
"""How much the row that says "the weights sum to one" outweighs one that places a joint, which is in metres."""


def fit_regressor(
    vertices: np.ndarray, joints: np.ndarray, training: int, weights: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """A regressor (24, V), non-negative, rows summing to one, the right side the mirror image of the left.

    Fitted by non-negative least squares (which by itself leaves most weights zero) on 160 of the first `training`
    bodies (N, V, 3) and their joints (N, 24, 3).
    """
    people = np.linspace(0, training - 1, FITTED_PEOPLE).astype(int)
    mean, mean_joints = vertices.mean(0, dtype=np.float64), joints.mean(0)
    regressor = np.zeros((len(JOINT_NAMES), len(mean)))
    for joint, name in enumerate(JOINT_NAMES):
        if name.startswith("right"):
            continue
        chosen = candidates(joint, mean, mean_joints[joint], weights)
        if name in CENTRAL:
            chosen = np.unique(np.concatenate([chosen, mirror[chosen]]))
        coordinates = vertices[people][:, chosen].transpose(0, 2, 1).reshape(-1, len(chosen)).astype(np.float64)
        system = np.concatenate([coordinates, np.full((1, len(chosen)), SUM_TO_ONE)])
        wanted = np.concatenate([joints[people, joint].reshape(-1), [SUM_TO_ONE]])
        solution, _ = nnls(system, wanted, maxiter=30 * len(chosen))
        regressor[joint, chosen] = solution / solution.sum()
        if name in CENTRAL:
            regressor[joint] = (regressor[joint] + regressor[joint][mirror]) / 2
    for joint, name in enumerate(JOINT_NAMES):
        if name.startswith("right"):
            regressor[joint] = regressor[JOINT_MIRROR[joint]][mirror]
    return regressor


def candidates(joint: int, mean: np.ndarray, position: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Up to 300 vertices on the parts that meet at a joint and near it: for the trunk a slice, else a ball."""
    name, parent = JOINT_NAMES[joint], JOINT_PARENTS[joint]
    children = np.flatnonzero(np.equal(JOINT_PARENTS, joint))
    influence = weights[:, [joint, *children, *([parent] if parent >= 0 else [])]].sum(1)
    if name in TRUNK:
        influence = influence + weights[:, [JOINT_NAMES.index(part) for part in TRUNK]].sum(1)
    distance = np.linalg.norm(mean - position, axis=1)
    chosen = np.flatnonzero(influence > 0.3)
    chosen = chosen[np.argsort(distance[chosen])]
    if name in TRUNK:
        chosen = chosen[np.abs(mean[chosen, 1] - position[1]) < 0.08]
    else:
        chosen = chosen[distance[chosen] < max(distance[chosen[0]] * 3, 0.11)]
    if len(chosen) > MAX_CANDIDATES:
        chosen = np.random.default_rng(0).choice(chosen, MAX_CANDIDATES, replace=False)
    return chosen
