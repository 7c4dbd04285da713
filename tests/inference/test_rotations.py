"""Rotations against scipy and against OpenCV."""

import cv2
import numpy as np
import pytest
from body_from_image.inference.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_quaternions,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_to_matrix,
    shortest_turn,
    six_d_to_matrix,
    turn_vector,
)

RNG = np.random.default_rng(0)
AXIS_ANGLES = np.concatenate(
    [RNG.normal(size=(50, 3)), np.zeros((1, 3)), [[1e-9, 0, 0], [np.pi, 0, 0], [0, 3.1415, 0]]]
)


def test_rodrigues_is_opencvs():
    ours = axis_angle_to_matrix(AXIS_ANGLES)
    reference = np.stack([cv2.Rodrigues(vector)[0] for vector in AXIS_ANGLES])
    assert np.abs(ours - reference).max() < 1e-9


def test_every_form_leads_back():
    matrices = axis_angle_to_matrix(AXIS_ANGLES)
    assert np.abs(axis_angle_to_matrix(matrix_to_axis_angle(matrices)) - matrices).max() < 1e-7
    assert np.abs(quaternion_to_matrix(matrix_to_quaternion(matrices)) - matrices).max() < 1e-7
    assert np.abs(six_d_to_matrix(matrices[..., :2].swapaxes(-1, -2).reshape(-1, 6)) - matrices).max() < 1e-7


def test_quaternions_are_scipys():
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    reference = rotation.from_rotvec(AXIS_ANGLES[:50]).as_quat()[:, [3, 0, 1, 2]]
    ours = matrix_to_quaternion(axis_angle_to_matrix(AXIS_ANGLES[:50]))
    assert np.abs(np.abs((ours * reference).sum(1)) - 1).max() < 1e-12


def test_continuous_quaternions_never_jump_sign():
    angles = np.linspace(0, 12, 60)[:, None] * [0.3, 1, 0.2]
    quaternions = continuous_quaternions(matrix_to_quaternion(axis_angle_to_matrix(angles)))
    assert ((quaternions[1:] * quaternions[:-1]).sum(-1) > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_shortest_turn_takes_any_direction_to_any_other_even_its_opposite(seed):
    source, target = np.random.default_rng(seed).normal(size=(2, 50, 3))
    target[:10], target[10:20] = -source[:10], 2 * source[10:20]
    turned = (shortest_turn(source, target) @ source[..., None])[..., 0]
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (turned, target)]
    np.testing.assert_allclose(*unit, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(turn_vector(source, target)[:10], axis=1), np.pi, atol=1e-9)
    for axis in np.eye(3):
        np.testing.assert_allclose(shortest_turn(axis, -axis) @ axis, -axis, atol=1e-12)
