"""The camera: projection against OpenCV, and the body's place recovered from its own pixels."""

import cv2
import numpy as np
import pytest
from body_from_image.inference.geometry.camera import Camera, choose_camera, solve_translation

CAMERA = Camera(900.0, np.array([319.5, 239.5]), (640, 480))


def person(rng) -> np.ndarray:
    return rng.normal(0, 0.4, (16, 3)) * [0.6, 1, 0.3]


def test_projection_is_opencvs():
    points = person(np.random.default_rng(0)) + [0.2, -0.1, 3]
    matrix = np.array([[CAMERA.focal, 0, CAMERA.center[0]], [0, CAMERA.focal, CAMERA.center[1]], [0, 0, 1]])
    reference = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, None)[0][:, 0]
    assert np.abs(CAMERA.project(points) - reference).max() < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_the_true_place_comes_back(seed):
    rng = np.random.default_rng(seed)
    points, truth = person(rng), np.array([rng.uniform(-1, 1), rng.uniform(-0.5, 0.5), rng.uniform(2, 12)])
    pixels = CAMERA.project(points + truth)
    assert np.abs(solve_translation(points, pixels, np.ones(16), CAMERA) - truth).max() < 1e-6


def test_two_misplaced_keypoints_hardly_move_the_body():
    rng = np.random.default_rng(1)
    points, truth = person(rng), np.array([0.1, 0.0, 4.0])
    pixels = CAMERA.project(points + truth)
    pixels[[3, 8]] += [150, -120]
    found = solve_translation(points, pixels, np.ones(16), CAMERA)
    assert np.linalg.norm(found[:2] - truth[:2]) < 0.03 and abs(found[2] - 4) < 0.3


def test_keypoints_of_no_weight_do_not_count():
    rng = np.random.default_rng(2)
    points, truth = person(rng), np.array([0.1, 0.0, 4.0])
    pixels, weights = CAMERA.project(points + truth), np.ones(16)
    pixels[5], weights[5] = [1e5, 1e5], 0
    assert np.abs(solve_translation(points, pixels, weights, CAMERA) - truth).max() < 1e-6


def test_nonsense_never_puts_the_body_behind_the_camera():
    rng = np.random.default_rng(3)
    for _ in range(50):
        points, pixels = person(rng), rng.uniform(0, 480, (16, 2))
        assert (points + solve_translation(points, pixels, rng.random(16), CAMERA))[:, 2].min() > 0.1


def test_focal_length_comes_from_the_user_then_exif_then_the_diagonal():
    assert choose_camera((640, 480)).focal == pytest.approx(800)
    assert choose_camera((640, 480), 700.0).focal == 700
    assert choose_camera((640, 480), 700.0, 90.0).focal == pytest.approx(320)
