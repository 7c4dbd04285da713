"""The ways to a body that are compared on the same photos, each from the same detection."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...inference.body.body_estimate import BodyEstimate
from ...inference.body.body_model import BodyModel
from ...inference.geometry.rasterizer import coverage, project, spans_of
from ...inference.refinement.parametric_body import JOINTS, Parameters
from ...inference.refinement.refine import Evidence, evidence_of, parameters_of, refine, sparse_body
from .vanilla import smplify


@dataclass(frozen=True)
class Fit:
    """One body in one photo. `keypoints` (25, 2) projected, pixels; `mask` (H, W) bool; `joints` (24, 3) camera frame,
    metres; `steps` of the solver."""

    keypoints: np.ndarray
    mask: np.ndarray
    joints: np.ndarray
    seconds: float
    steps: int
    accepted: bool = True


def _direct(body: BodyModel, prediction: Parameters, evidence: Evidence) -> tuple[Parameters, int, bool]:
    return prediction, 0, True


def _vanilla(body: BodyModel, prediction: Parameters, evidence: Evidence) -> tuple[Parameters, int, bool]:
    return *smplify(body, evidence), True


def _anchored(body: BodyModel, prediction: Parameters, evidence: Evidence) -> tuple[Parameters, int, bool]:
    refined = refine(body, prediction, evidence)
    return refined.parameters, refined.steps, refined.accepted


def _anchored_to_keypoints(body: BodyModel, prediction: Parameters, evidence: Evidence):
    return _anchored(body, prediction, replace(evidence, outline=None))


METHODS: dict[str, Callable] = {
    "direct prediction": _direct,
    "SMPLify": _vanilla,
    "SMPLify + anchor": _anchored_to_keypoints,
    "ours: + silhouette": _anchored,
}
"""The second and third are the rows of the paper's Table 5: keypoints alone. The last is what ships."""


def fit_all(body: BodyModel, estimate: BodyEstimate) -> dict[str, Fit]:
    """Every method's body for one estimate of a single picture."""
    return {name: fit(body, estimate, method) for name, method in METHODS.items()}


def fit(body: BodyModel, estimate: BodyEstimate, method: Callable = _direct) -> Fit:
    """One method's body for one estimate of a single picture; by default the prediction as it is."""
    prediction, evidence = parameters_of(body, estimate), evidence_of(estimate)
    # Processor time: what else runs on the machine does not change the ratio.
    began = time.process_time()
    parameters, steps, accepted = method(body, prediction, evidence)
    return _described(body, parameters, evidence, time.process_time() - began, steps, accepted)


def _described(body: BodyModel, parameters: Parameters, evidence: Evidence, seconds, steps, accepted) -> Fit:
    camera, sparse = evidence.camera, sparse_body(body)
    points = sparse.place(parameters).points
    vertices = body.pose(parameters.betas[None], parameters.rotations[None]).vertices[0] + parameters.transl
    triangles = project(vertices, camera.focal, camera.center)[body.faces]
    return Fit(
        camera.project(sparse.keypoints_from_points @ points),
        coverage(spans_of(triangles, *camera.size), *camera.size),
        points[:JOINTS],
        seconds,
        steps,
        accepted,
    )
