"""The pose density is fitted as it should be, SMPLify's baseline works, and the evaluation runs from end to end."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body_from_image.inference.body.pose_density import MODELLED, PoseDensity
from body_from_image.inference.correction.local import keypoint_places, projected
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.refinement.parametric_body import JOINTS, Parameters
from body_from_image.inference.refinement.refine import Evidence, evidence_of, parameters_of, sparse_body
from body_from_image.training.data.packs import PackMissing
from body_from_image.training.pose_density.fit import joint_limits, pack_density
from body_from_image.training.pose_density.mixture import Mixture, fit_mixture
from body_from_image.training.priors.bones import rest_keypoints
from body_from_image.training.refinement import corrected_clips, evaluate, vanilla
from scipy.stats import multivariate_normal

CAMERA = Camera(800.0, np.array([319.5, 239.5]), (640, 480))


def made_up_mixture(rng: np.random.Generator, size: int = 63) -> Mixture:
    factors = rng.normal(0, 0.05, (2, size, size))
    covariances = factors @ factors.transpose(0, 2, 1) + 0.01 * np.eye(size)
    return Mixture(np.array([0.3, 0.7]), rng.normal(0, 0.5, (2, size)), covariances)


def test_the_mixtures_density_is_scipys():
    rng = np.random.default_rng(0)
    mixture, points = made_up_mixture(rng, 5), rng.normal(0, 0.5, (20, 5))
    parts = [
        weight * multivariate_normal(mean, covariance).pdf(points)
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    ]
    assert mixture.log_likelihood(points) == pytest.approx(np.log(np.sum(parts, 0)), abs=1e-9)


def test_expectation_maximisation_finds_the_gaussians_that_points_were_drawn_from():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal([0, 0], [1, 0.2], (3000, 2)), rng.normal([5, 1], [0.3, 0.6], (1000, 2))])
    found = fit_mixture(points, 2, np.full(2, 1e-3), rng)
    order = np.argsort(-found.weights)
    assert found.weights[order] == pytest.approx([0.75, 0.25], abs=0.01)
    assert found.means[order] == pytest.approx(np.array([[0, 0], [5, 1]]), abs=0.08)
    assert np.sqrt(found.covariances[order][0].diagonal()) == pytest.approx([1, 0.2], rel=0.06)


def test_what_does_not_vary_is_still_allowed_to():
    found = fit_mixture(np.zeros((50, 3)), 1, np.array([0.1, 0.2, 0.3]), np.random.default_rng(0), iterations=3)
    assert np.sqrt(found.covariances[0].diagonal()) == pytest.approx([0.1, 0.2, 0.3])


def test_what_ships_says_what_the_mixture_says(tmp_path):
    """Energies differ from -log of the likeliest Gaussian by one constant."""
    rng = np.random.default_rng(2)
    mixture = made_up_mixture(rng)
    density = pack_density(mixture, np.full((24, 3), -1.0), np.full((24, 3), 1.0), 7.0)
    density.save(tmp_path / "d.npz")
    density = PoseDensity.load(tmp_path / "d.npz")
    poses = rng.normal(0, 0.5, (10, 24, 3))
    expected = -mixture.log_densities(poses[:, MODELLED].reshape(10, -1)).max(1)
    difference = np.array([density.energy(pose) for pose in poses]) - expected
    assert np.ptp(difference) < 1e-3 * np.ptp(expected)
    assert density.usual == 7.0


def test_limits_are_mirror_images_where_anatomy_gives_them():
    low, high = joint_limits(np.random.default_rng(0).normal(0, 0.3, (500, 24, 3)))
    left, right = 20, 21  # wrists
    assert np.allclose(low[left] * [1, 0, 0], low[right] * [1, 0, 0])
    assert np.allclose(low[left, 1:], -high[right, 1:]) and (low < high).all() and np.isinf(low[0]).all()


def test_smplify_finds_a_standing_person_from_the_mean_pose(body):
    rotations = axis_angle_to_matrix(np.zeros((JOINTS, 3)))
    rotations[0] = np.diag([1.0, -1.0, -1.0])
    rotations[[16, 17]] = axis_angle_to_matrix(np.array([[0, 0, -1.1], [0, 0, 0.9]]))
    rotations[4] = axis_angle_to_matrix(np.array([0.6, 0, 0]))
    truth = Parameters(rotations, np.zeros(10), np.array([0.1, 0.2, 4.5]))
    sparse = sparse_body(body)
    pixels = CAMERA.project(sparse.keypoints_from_points @ sparse.place(truth).points)
    found, steps = vanilla.smplify(body, Evidence(np.column_stack([pixels, np.ones(len(pixels))]), CAMERA))
    again = CAMERA.project(sparse.keypoints_from_points @ sparse.place(found).points)
    assert np.linalg.norm(again - pixels, axis=1).mean() < 6
    assert steps > 8 and found.transl[2] == pytest.approx(4.5, rel=0.2)


def test_the_derivatives_of_smplifys_own_terms_are_difference_quotients(body):
    rng = np.random.default_rng(3)
    rotations = axis_angle_to_matrix(rng.normal(0, 0.3, (JOINTS, 3)))
    parameters = Parameters(rotations, rng.normal(0, 1, 10), np.array([0.0, 0.0, 5.0]))
    evidence = Evidence(rng.uniform(100, 400, (25, 3)) * [1, 1, 0.002], CAMERA)
    weights = vanilla.stage_weights(1.0, 4.78, 5.0, 0.0)
    camera = vanilla.CameraEnergy(body, evidence, weights, 4.0)
    for energy, size in ((vanilla.VanillaEnergy(body, evidence, weights, 3.17), 85), (camera, 6)):
        gradient = energy.linearise(parameters)[0]
        quotient = [
            (energy.energy(energy.moved(parameters, step)) - energy.energy(energy.moved(parameters, -step))) / 2e-6
            for step in 1e-6 * np.eye(size)
        ]
        assert np.abs(gradient - quotient).max() < 1e-4 * np.abs(gradient).max()


def test_somebody_seen_from_the_side_is_tried_both_ways(body):
    keypoints = np.ones((25, 3))
    keypoints[[12, 13], 0] = [100, 110]
    assert vanilla.may_face_either_way(keypoints, 1.0) and not vanilla.may_face_either_way(keypoints, 0.1)
    start = Parameters(np.tile(np.eye(3), (24, 1, 1)), np.zeros(10), np.zeros(3))
    assert np.allclose(vanilla.turned(start).rotations[0], np.diag([-1, 1, -1]))


def test_the_evaluation_runs_from_end_to_end(packs, tmp_path, capsys):
    """On stick figures, in which nobody may be found: it must say so, not fail."""
    evaluate.main(["--split", "calibration", "--limit", "2", "--json", str(tmp_path / "f.json")])
    figures = json.loads((tmp_path / "f.json").read_text())["figures"]
    assert set(figures["methods"]) == set(evaluate.METHODS)
    assert "Table 5" in capsys.readouterr().out


@pytest.fixture(scope="module")
def somebody(body) -> corrected_clips.SeenPerson:
    """A body in the T-pose, whose estimate is itself."""
    engine = Engine(Settings(device="cpu", threads=1, refine=False))
    points = rest_keypoints(body) * [1, -1, -1] + [0, 0, 4]
    camera = Camera(1000.0, np.array([499.5, 499.5]), (1000, 1000))
    keypoints = np.column_stack([camera.project(points), np.ones(25)]).astype(np.float32)
    estimate = engine.estimate_from_keypoints(keypoints, (1000, 1000), Path("t"), 1000.0).estimate
    seen = projected(body, parameters_of(body, estimate), evidence_of(estimate))
    places = keypoint_places(body, parameters_of(body, estimate))
    return corrected_clips.SeenPerson(seen, places, estimate.joints_3d[0].astype(float), estimate)


def test_no_limb_of_a_right_body_is_wrong(body, somebody):
    assert corrected_clips.worst_limb(body, somebody) is None
    assert corrected_clips.limb_errors(somebody, somebody.estimate, ("left_elbow", "left_wrist")) == (
        0.0,
        pytest.approx(0.0, abs=1e-6),
    )


def test_the_limb_that_is_farthest_off_is_corrected_where_it_is(body, somebody):
    wrong = replace(somebody, keypoints=somebody.keypoints.copy(), joints=somebody.joints.copy())
    wrist = KEYPOINT_INDEX["left_wrist"]
    wrong.keypoints[wrist] += [0, 120]
    wrong.joints[JOINT_INDEX["left_wrist"]] += [0, 0.3, 0]
    limb = corrected_clips.worst_limb(body, wrong)
    assert limb == ("left_elbow", "left_wrist")
    assert corrected_clips.limb_errors(wrong, wrong.estimate, limb)[0] == pytest.approx(150, abs=1)
    elbow, end = corrected_clips.said(wrong, limb, order=True)
    assert end.place == tuple(wrong.keypoints[wrist]) and elbow.nearer == end.nearer == 0


@pytest.mark.slow
def test_a_corrected_limb_of_a_clip_is_half_as_far_off():
    """Of people whom nothing was chosen on; needs the mocap pack."""
    try:
        figures = corrected_clips.in_clips(Engine(Settings(device="cpu", threads=1)), "test", 120)
    except PackMissing as missing:
        pytest.skip(str(missing))
    before, after = (np.mean(figures[f"clips: wrong limb, MPJPE {name}"]) for name in ("before", "after, and nearer"))
    assert len(figures["clips: wrong limb, MPJPE before"]) > 30 and after < 0.55 * before
