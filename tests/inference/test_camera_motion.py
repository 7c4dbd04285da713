"""The camera's motion by the background, on pictures of a place whose camera is known."""

import numpy as np
import pytest
from body_from_image.inference.geometry.camera import choose_camera
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.motion.camera_motion import Background, Turn, joined_turns

cv2 = pytest.importorskip("cv2")
SIZE = (640, 480)
CAMERA = choose_camera(SIZE)
BOX = np.array([260.0, 120.0, 120.0, 300.0])


def place(seed: int = 0) -> np.ndarray:
    """A wall with shapes on it, twice as wide and high as the picture."""
    rng, wall = np.random.default_rng(seed), np.full((960, 1280, 3), 120, np.uint8)
    for _ in range(400):
        corner, side = rng.integers(0, (1280, 960)), rng.integers(8, 60, 2)
        cv2.rectangle(wall, corner.tolist(), (corner + side).tolist(), rng.integers(0, 255, 3).tolist(), -1)
    return wall


def seen(wall: np.ndarray, rotation: np.ndarray, person: int) -> np.ndarray:
    """The picture of a camera that is turned, with somebody in it who goes their own way."""
    matrix = np.array([[CAMERA.focal, 0, CAMERA.center[0]], [0, CAMERA.focal, CAMERA.center[1]], [0, 0, 1]])
    shift = np.array([[1, 0, -320.0], [0, 1, -240.0], [0, 0, 1]])
    picture = cv2.warpPerspective(wall, matrix @ rotation @ np.linalg.inv(matrix) @ shift, SIZE)
    x, y, width, height = BOX.astype(int)
    patch = np.random.default_rng(1).integers(0, 255, (height, width, 3)).astype(np.uint8)
    picture[y : y + height, x : x + width] = np.roll(patch, 4 * person, axis=1)
    return picture


def turns_of(rotations: np.ndarray, wall: np.ndarray) -> list[Turn | None]:
    background = Background()
    return [background(seen(wall, rotation, number), [BOX], CAMERA) for number, rotation in enumerate(rotations)]


def test_a_pan_is_followed_though_somebody_moves_before_it():
    true = axis_angle_to_matrix(np.linspace(0, 1, 15)[:, None] * np.deg2rad([2.0, 6.0, 1.0]))
    motion, known = joined_turns(turns_of(true, place()))
    assert known and not motion.moves
    off = np.rad2deg(np.linalg.norm(matrix_to_axis_angle(motion.rotations @ true.swapaxes(1, 2)), axis=-1))
    assert off.max() < 0.3


def test_a_camera_that_stands_stands():
    motion, known = joined_turns(turns_of(np.tile(np.eye(3), (8, 1, 1)), place()))
    assert known and motion is None


def test_a_blank_wall_tells_nothing():
    motion, known = joined_turns(turns_of(np.tile(np.eye(3), (8, 1, 1)), np.full((960, 1280, 3), 120, np.uint8)))
    assert motion is None and not known


def test_after_a_cut_nothing_is_known_of_the_turn():
    background, wall = Background(), place()
    background(seen(wall, np.eye(3), 0), [BOX], CAMERA)
    background.cut()
    assert background(seen(wall, np.eye(3), 1), [BOX], CAMERA) is None
