"""Several people before one camera do not stand in each other."""

import numpy as np
from body_from_image.inference.body.assembly import Motion, Observed, build_estimate
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.people import FARTHEST, stand_apart

CAMERA = Camera(900.0, np.array([320.0, 240.0]), (640, 480))


def person(body, x, depth):
    """Somebody with their arms down whose pelvis is `x` metres to the right and `depth` away."""
    poses = np.zeros((1, 24, 3))
    poses[:, 16, 2], poses[:, 17, 2] = -1.2, 1.2
    motion = Motion(poses.reshape(1, 72), np.zeros(10), np.array([[x, 0.2, -depth]]))
    seen = Observed(np.ones((1, 25, 3)), np.zeros((1, 4)), np.ones(1), "photo.jpg")
    return build_estimate(body, motion, CAMERA, seen)


def pelvis(estimate):
    return estimate.joints_3d[0, 0]


def test_who_stands_free_stays(body):
    people = [person(body, x, 4.0) for x in (-1.0, 0.0, 1.0)]
    assert all(one is other for one, other in zip(stand_apart(body, people), people, strict=True))


def test_two_in_one_place_part_along_their_lines_of_sight(body):
    people = [person(body, 0.02, 4.05), person(body, 0.0, 4.0)]
    moved = stand_apart(body, people)
    assert pelvis(moved[0])[2] - pelvis(moved[1])[2] > 0.24, "the farther one is farther still"
    for before, after in zip(people, moved, strict=True):
        np.testing.assert_allclose(after.joints_2d[0, 0], before.joints_2d[0, 0], atol=1e-3)
        assert np.array_equal(after.keypoints_2d, before.keypoints_2d)


def test_nobody_is_moved_farther_than_a_picture_leaves_open(body):
    people = [person(body, 0.001 * number, 1.0 + 0.001 * number) for number in range(5)]
    for before, after in zip(people, stand_apart(body, people), strict=True):
        assert abs(pelvis(after)[2] / pelvis(before)[2] - 1) <= FARTHEST + 1e-6
