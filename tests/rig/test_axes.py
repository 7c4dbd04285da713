"""SMPL's y-up frame and Blender's z-up frame."""

import numpy as np
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.rig.axes import points_to_blender, points_to_smpl, rotations_to_blender, rotations_to_smpl


def test_up_left_and_face_go_where_blender_has_them():
    np.testing.assert_array_equal(points_to_blender(np.array([0.0, 1.0, 0.0])), [0, 0, 1])  # up
    np.testing.assert_array_equal(points_to_blender(np.array([1.0, 0.0, 0.0])), [1, 0, 0])  # the body's left
    np.testing.assert_array_equal(points_to_blender(np.array([0.0, 0.0, 1.0])), [0, -1, 0])  # where it faces


def test_there_and_back_is_the_same():
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(points_to_smpl(points_to_blender(points)), points)


def test_rotations_convert_as_the_points_they_turn():
    rng = np.random.default_rng(1)
    rotations, points = axis_angle_to_matrix(rng.normal(size=(7, 3))), rng.normal(size=(7, 3))
    turned = np.einsum("nij,nj->ni", rotations, points)
    converted = np.einsum("nij,nj->ni", rotations_to_blender(rotations), points_to_blender(points))
    np.testing.assert_allclose(converted, points_to_blender(turned), atol=1e-12)
    np.testing.assert_allclose(rotations_to_smpl(rotations_to_blender(rotations)), rotations, atol=1e-12)


def test_arrays_keep_their_precision():
    assert points_to_blender(np.zeros((2, 3), np.float32)).dtype == np.float32
