"""What the hypotheses about depth are worth: the network's own answer, the best of several, and the first in rank."""

from dataclasses import replace

import numpy as np

from ....inference.body.body_estimate import CAMERA_FROM_SMPL
from ....inference.engine import Engine
from ....inference.geometry.camera import Camera, solve_translation
from ....inference.refinement.depth_hypotheses import BEAM, NETWORK, Hypothesis, hypotheses
from ....inference.refinement.parametric_body import JOINTS, Parameters
from ....inference.refinement.refine import Evidence, sparse_body
from ...measure.metrics import mpjpe, pa_mpjpe
from ...measure.photos3d import load_photos3d
from ...people.instances import VIEW, Instances

MOST = 200
"""People whose hypotheses are tried: a tenth of a second each."""


def hypotheses_of(
    engine: Engine, keypoints: np.ndarray, camera: Camera, betas: np.ndarray, network: float = NETWORK
) -> list[Hypothesis]:
    """Hypotheses of one person, first the most plausible, for keypoints (25, 3) and a body of shape `betas` (S,)."""
    lifted = engine.lift(keypoints, camera)
    sparse, betas = sparse_body(engine.body), betas.astype(np.float64)
    start = Parameters(lifted.rotations.astype(np.float64), betas, np.zeros(3))
    points = sparse.keypoints_from_points @ sparse.place(start).points
    transl = solve_translation(points, keypoints[:, :2], keypoints[:, 2] ** 2, camera)
    evidence = Evidence(keypoints.astype(np.float64), camera)
    return hypotheses(engine.body, replace(start, transl=transl), evidence, lifted.uncertainty, network=network)


def figures_of(errors: list[tuple[float, list[float]]]) -> dict[str, float]:
    """Means over people of the errors (own answer, all hypotheses in the order of rank)."""
    own = np.array([one for one, _ in errors])
    first = np.array([ranked[0] for _, ranked in errors])
    best = np.array([min(ranked) for _, ranked in errors])
    changed = first != own
    return {
        "own answer": float(own.mean()),
        "first in rank": float(first.mean()),
        f"best of {BEAM}": float(best.mean()),
        "first is another, %": float(100 * changed.mean()),
        "and then better, %": float(100 * (first < own)[changed].mean()) if changed.any() else 0.0,
    }


def hypothesis_figures(
    engine: Engine, made: Instances, keypoints: np.ndarray, network: float = NETWORK
) -> dict[str, float]:
    """MPJPE and PA-MPJPE of synthetic people, with their true shapes."""
    sparse = sparse_body(engine.body)
    flip = CAMERA_FROM_SMPL.astype(np.float64)
    errors = {"MPJPE": [], "PA-MPJPE": []}
    for number in range(min(len(keypoints), MOST)):
        ranked = hypotheses_of(engine, keypoints[number], VIEW, made.betas[number], network)
        joints = np.stack([sparse.place(one.parameters).points[:JOINTS] for one in ranked])
        truth = np.repeat((made.joints[number] @ flip.T)[None], len(joints), 0)
        own = next(index for index, one in enumerate(ranked) if not one.flips)
        for name, metric in (("MPJPE", mpjpe), ("PA-MPJPE", pa_mpjpe)):
            all_errors = metric(joints, truth)
            errors[name].append((float(all_errors[own]), all_errors.tolist()))
    return {f"{metric} {name}": value for metric, rows in errors.items() for name, value in figures_of(rows).items()}


def label_hypothesis_figures(engine: Engine, network: float = NETWORK) -> dict[str, float]:
    """PA-MPJPE of the limbs of photos3d, from the keypoints that people labelled. Raises PackMissing."""
    sparse, errors = sparse_body(engine.body), []
    for photo in load_photos3d():
        camera = engine.camera(photo.image.shape[1::-1])
        ranked = hypotheses_of(engine, photo.keypoints, camera, engine.mean_betas, network)
        all_errors = [photo.error(sparse.place(one.parameters).points[:JOINTS]) for one in ranked]
        own = next(index for index, one in enumerate(ranked) if not one.flips)
        errors.append((all_errors[own], all_errors))
    return {f"PA-MPJPE limbs {name}": value for name, value in figures_of(errors).items()}
