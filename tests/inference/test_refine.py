"""Refinement: derivatives are right, a body finds back to where it stood, and nothing is accepted that is worse."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.body.pose_density import MODELLED, PoseDensity
from body_from_image.inference.body.stature import height_of
from body_from_image.inference.drawing.overlay import body_mask
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.files.images import read_image
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.rasterizer import coverage, project, spans_of
from body_from_image.inference.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    right_jacobian_inverse,
)
from body_from_image.inference.refinement.outline import Outline
from body_from_image.inference.refinement.parametric_body import JOINTS, Parameters, SparseBody, even_vertices
from body_from_image.inference.refinement.refine import (
    Evidence,
    agrees,
    anchored_energy,
    evidence_of,
    parameters_of,
    refine,
    sparse_body,
    upright_of,
)
from body_from_image.inference.refinement.terms import Weights

from ..conftest import EXAMPLE

CAMERA = Camera(800.0, np.array([319.5, 239.5]), (640, 480))


@pytest.fixture(scope="module")
def estimate():
    return Engine(Settings(device="cpu", threads=1, refine=False)).estimate(read_image(EXAMPLE)).estimate


def standing(rng: np.random.Generator, deviation: float = 0.25) -> Parameters:
    """Somebody three metres away, seen whole."""
    rotations = axis_angle_to_matrix(rng.normal(0, deviation, (JOINTS, 3)))
    rotations[0] = np.diag([1.0, -1.0, -1.0]) @ axis_angle_to_matrix(rng.normal(0, 0.2, 3))
    return Parameters(rotations, rng.normal(0, 0.7, 10), np.array([0.05, 0.2, 4.0]))


def evidence_for(body: BodyModel, truth: Parameters, step: int = 4) -> Evidence:
    """Keypoints and silhouette as a perfect detector would give them, the silhouette by the rasteriser."""
    sparse = sparse_body(body)
    pixels = CAMERA.project(sparse.keypoints_from_points @ sparse.place(truth).points)
    vertices = body.pose(truth.betas[None], truth.rotations[None]).vertices[0] + truth.transl
    triangles = project(vertices, CAMERA.focal, CAMERA.center)[body.faces]
    drawn = coverage(spans_of(triangles, *CAMERA.size), *CAMERA.size).astype(np.float32)
    grid = cv2.resize(drawn, (CAMERA.size[0] // step, CAMERA.size[1] // step), interpolation=cv2.INTER_AREA)
    outline = Outline.of(grid, np.full(2, (step - 1) / 2), step, CAMERA.size)
    return Evidence(np.column_stack([pixels, np.ones(len(pixels))]), CAMERA, outline)


def disturbed(truth: Parameters, rng: np.random.Generator) -> Parameters:
    rotations = truth.rotations @ axis_angle_to_matrix(rng.normal(0, 0.12, (JOINTS, 3)))
    return Parameters(rotations, truth.betas + rng.normal(0, 0.3, 10), truth.transl + [0.05, -0.05, 0.3])


@pytest.mark.parametrize("angle", [1e-5, 0.3, 2.0, 3.0])
def test_the_jacobian_of_the_logarithm_is_its_difference_quotient(angle):
    axis_angle = angle * np.array([0.48, -0.6, 0.64])
    matrix, step = axis_angle_to_matrix(axis_angle), 1e-6
    quotient = [
        (matrix_to_axis_angle(matrix @ axis_angle_to_matrix(step * unit)) - axis_angle) / step for unit in np.eye(3)
    ]
    assert np.abs(right_jacobian_inverse(axis_angle) - np.stack(quotient, 1)).max() < 2e-5


@pytest.mark.parametrize("correctives", [False, True])
def test_points_are_the_body_models_and_their_derivatives_are_difference_quotients(body, correctives):
    rng = np.random.default_rng(0)
    if correctives:
        body = replace(body, posedirs=rng.normal(0, 0.005, (6890, 3, 207)).astype(np.float32))
    sparse, parameters = SparseBody(body, even_vertices(body, 40)), standing(rng, 0.5)
    placed = sparse.place(parameters)
    posed = body.pose(parameters.betas[None], parameters.rotations[None], parameters.transl[None])
    expected = np.concatenate([posed.joints[0], posed.vertices[0, sparse.vertices]])
    assert np.abs(placed.points - expected).max() < 5e-6

    def moved(step):
        return sparse.place(parameters.moved(step)).points

    steps = 1e-6 * np.eye(parameters.size)
    quotient = np.stack([(moved(step) - moved(-step)) / 2e-6 for step in steps], -1)
    found = np.concatenate([sparse.joint_derivatives(placed), sparse.vertex_derivatives(placed, np.arange(48))])
    assert np.abs(found - quotient).max() < 1e-7


def test_derivatives_of_all_terms_are_difference_quotients(body):
    rng = np.random.default_rng(3)
    truth = standing(rng)
    evidence = replace(evidence_for(body, truth), keep_height=True)
    energy = anchored_energy(body, disturbed(truth, rng), evidence, Weights())
    # Bent arms through the chest, so that limits and spheres have something to say.
    bent = truth.rotations.copy()
    bent[[18, 19]] = axis_angle_to_matrix(np.array([[0.1, -2.8, 0.2], [0.2, 2.8, 0.1]]))
    bent[[16, 17]] = axis_angle_to_matrix(np.array([[0.0, -1.3, 0.0], [0.0, 1.3, 0.0]]))
    parameters = replace(truth, rotations=bent)
    terms = energy.terms(parameters, derive=True)
    assert all(len(term.values) for term in terms.values()), "a term that says nothing is not tested"
    ends = [
        [energy.terms(parameters.moved(sign * step)) for step in 1e-6 * np.eye(parameters.size)] for sign in (1, -1)
    ]
    for name, term in terms.items():
        assert all(moved[name].values.shape == term.values.shape for moved in (*ends[0], *ends[1])), name
        quotient = [(up[name].values - down[name].values) / 2e-6 for up, down in zip(*ends, strict=True)]
        difference = np.abs(np.stack(quotient, -1) - term.jacobian)
        assert np.median(difference) < 1e-6, name
        # A contour point may change its vertex, and a vertex its cell, within a step; nothing else may jump.
        allowed = 0.01 if name in ("outside", "contour") else 0.0
        assert (difference.max(1) > 1e-5 * max(1, np.abs(term.jacobian).max())).mean() <= allowed, name


def test_the_gradient_is_that_of_the_robust_energy(body):
    rng = np.random.default_rng(4)
    truth = standing(rng)
    energy = anchored_energy(body, disturbed(truth, rng), replace(evidence_for(body, truth), outline=None), Weights())
    gradient = energy.linearise(truth)[0]
    steps = 1e-5 * np.eye(truth.size)
    quotient = [(energy.energy(truth.moved(step)) - energy.energy(truth.moved(-step))) / 2e-5 for step in steps]
    assert np.abs(gradient - quotient).max() < 1e-4 * np.abs(gradient).max()


def test_a_disturbed_body_finds_back_to_where_it_stood(body):
    rng = np.random.default_rng(5)
    for _ in range(3):
        truth = standing(rng)
        evidence, start = evidence_for(body, truth), disturbed(truth, rng)
        refined = refine(body, start, evidence)
        sparse = sparse_body(body)
        off = [
            np.linalg.norm(
                CAMERA.project(sparse.keypoints_from_points @ sparse.place(one).points) - evidence.keypoints[:, :2],
                axis=1,
            ).mean()
            for one in (start, refined.parameters)
        ]
        assert refined.accepted and refined.after < refined.before
        assert off[1] < 3 < 0.4 * off[0], off


def test_a_wrong_keypoint_does_not_drag_the_body(body):
    rng = np.random.default_rng(6)
    truth = standing(rng)
    evidence = evidence_for(body, truth)
    keypoints = evidence.keypoints.copy()
    keypoints[10, :2] += [150, -120]
    refined = refine(body, truth, replace(evidence, keypoints=keypoints))
    sparse = sparse_body(body)
    pixels = CAMERA.project(sparse.keypoints_from_points @ sparse.place(refined.parameters).points)
    assert np.linalg.norm(pixels - evidence.keypoints[:, :2], axis=1).max() < 10


def test_the_anchor_holds_what_nothing_shows(body):
    """Without keypoints, habit alone would take the arms down from a T-pose; the anchor keeps them near it."""
    truth = standing(np.random.default_rng(7), 0.1)
    blind = Evidence(np.zeros((25, 3)), CAMERA)
    moved = []
    for anchor in (Weights.anchor, 0.0):
        refined = refine(body, truth, blind, replace(Weights(), anchor=anchor))
        turned = matrix_to_axis_angle(truth.rotations.transpose(0, 2, 1) @ refined.parameters.rotations)
        moved.append(np.abs(turned).max())
    assert moved[0] < 0.5 and moved[0] < 0.6 * moved[1]


def test_what_bends_a_body_wrongly_is_not_accepted(body):
    truth = standing(np.random.default_rng(8), 0.1)
    energy = anchored_energy(body, truth, Evidence(np.zeros((25, 3)), CAMERA), Weights())
    backwards = truth.rotations.copy()
    backwards[4] = axis_angle_to_matrix(np.array([-1.5, 0, 0]))  # a knee bent forwards
    assert agrees(energy, truth, truth)
    assert not agrees(energy, truth, replace(truth, rotations=backwards))
    assert not agrees(energy, truth, replace(truth, transl=np.full(3, np.nan)))


def test_limits_allow_what_people_do(body):
    """A deep squat with raised arms is within them; an elbow bent backwards is not."""
    density, pose = PoseDensity.load(), np.zeros((24, 3))
    pose[[1, 2], 0], pose[[4, 5], 0] = -2.0, 2.3
    pose[16, 2], pose[17, 2] = 1.0, -1.0
    assert not density.beyond_limits(pose).any()
    pose[18, 1] = 1.0
    assert density.beyond_limits(pose)[18, 1] > 0.5
    assert len(MODELLED) == 21 and density.energy(np.zeros((24, 3))) < density.energy(pose)


def test_a_mirrored_pose_is_as_common():
    density, rng = PoseDensity.load(), np.random.default_rng(9)
    assert np.abs(density.low[18, 1:] + density.high[19, 1:]).max() < 0.15
    assert np.abs(density.low[1, 0] - density.low[2, 0]) < 0.15
    assert density.energy(rng.normal(0, 0.1, (24, 3))) < density.usual


def test_an_estimate_survives_the_way_to_parameters_and_back(body, estimate):
    poses, trans = upright_of(body, parameters_of(body, estimate))
    assert np.abs(axis_angle_to_matrix(poses.reshape(24, 3)) - axis_angle_to_matrix(
        estimate.poses[0].reshape(24, 3).astype(float))).max() < 1e-6  # fmt: skip
    assert np.abs(trans - estimate.trans[0]).max() < 1e-5
    evidence = evidence_of(estimate)
    joints = sparse_body(body).place(parameters_of(body, estimate)).points[:JOINTS]
    assert np.abs(evidence.camera.project(joints) - estimate.joints_2d[0]).max() < 0.02


def test_the_engine_refines_unless_told_not_to():
    photo = read_image(EXAMPLE)
    # Weights that never learnt to lie on a photo leave refinement something to do.
    settings = Settings(device="cpu", threads=1, pose_weights="mocap")
    estimate = Engine(replace(settings, refine=False)).estimate(photo).estimate
    refined = Engine(settings).estimate(photo).estimate
    seen = estimate.silhouette.astype(np.float32) / 255
    x, y, cell = estimate.silhouette_window
    shown = cv2.warpAffine(seen, np.float32([[cell, 0, x], [0, cell, y]]), photo.size) >= 0.5

    def overlap(one):
        drawn = body_mask(one) > 0
        return (drawn & shown).sum() / (drawn | shown).sum()

    assert overlap(refined) > overlap(estimate) + 0.04
    assert refined.score == estimate.score and np.array_equal(refined.keypoints_2d, estimate.keypoints_2d)


def test_a_typed_height_is_kept():
    engine = Engine(Settings(device="cpu", threads=1, height=1.85))
    refined = engine.estimate(read_image(EXAMPLE)).estimate
    assert abs(height_of(engine.body, refined.betas) - 1.85) < 0.01


def test_the_silhouette_survives_the_disk(estimate, tmp_path):
    estimate.save(tmp_path / "e.npz")
    again = type(estimate).load(tmp_path / "e.npz")
    assert np.array_equal(again.silhouette, estimate.silhouette) and again.silhouette.dtype == np.uint8
    assert np.array_equal(again.silhouette_window, estimate.silhouette_window)


@pytest.mark.bench
def test_a_refinement_takes_a_fraction_of_a_second(body, estimate):
    start, evidence = parameters_of(body, estimate), evidence_of(estimate)
    refine(body, start, evidence)
    # The best of three: threads of the linear algebra that wait for work on a busy machine count as working.
    times = []
    for _ in range(3):
        began = time.process_time()
        refine(body, start, evidence)
        times.append(time.process_time() - began)
    assert min(times) < 0.3


def test_an_outline_is_where_the_silhouette_ends():
    y, x = np.mgrid[:64, :64]
    disc = 1 / (1 + np.exp(2 * (np.hypot(x - 30, y - 33) - 20)))
    outline = Outline.of(disc, np.array([10.0, 20.0]), 2.0, (200, 200))
    centre = np.array([10 + 60, 20 + 66])
    radius = np.linalg.norm(outline.points - centre, axis=1)
    assert np.abs(radius - 40).max() < 0.3
    assert ((outline.points - centre) * outline.normals).sum(1) == pytest.approx(radius, rel=0.02)
    which, far, _ = outline.outside(np.array([centre, centre + [50, 0], [-5, -5]], float))
    assert which.tolist() == [1] and far[0] == pytest.approx(10, abs=1.0)
    assert Outline.of(np.zeros((64, 64)), np.zeros(2), 1.0, (64, 64)) is None


def test_where_the_photo_ends_there_is_no_outline():
    """Somebody cut off by the picture's edge does not end there."""
    half = np.zeros((64, 64), np.float32)
    half[20:40, :30] = 1
    outline = Outline.of(half, np.array([-20.0, 0.0]), 2.0, (100, 128))
    assert outline.points[:, 0].min() > 2
