"""One moving person: followed, posed frame by frame, one shape, gaps filled, sides put right."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.inference.clip import (
    frames_from_keypoints,
    join_frames,
    look_at_frames,
    read_ahead,
    weighted_median,
)
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.errors import NoPersonError, UserError
from body_from_image.inference.files.frames import open_inputs
from body_from_image.inference.files.images import Photo, read_image
from body_from_image.inference.geometry.joints import KEYPOINT_MIRROR

from ..conftest import EXAMPLE

SIZE = (800, 600)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(device="cpu", threads=2))


def standing(frame: int) -> np.ndarray:
    """A standing figure (25, 3), moved to the right by three pixels a frame; MPII's keypoints alone are seen."""
    x = [380, 382, 385, 415, 418, 420, 400, 400, 400, 400, 340, 355, 372, 428, 445, 460]
    y = [520, 440, 350, 350, 440, 520, 350, 210, 200, 150, 330, 270, 212, 212, 270, 330]
    points = np.column_stack([x, y, np.full(16, 0.9)]).astype(float)
    points[:, 0] += 3 * frame
    return np.concatenate([points, np.zeros((9, 3))])


def test_a_gap_is_filled_and_counted(engine):
    clip = [standing(frame) for frame in range(20)]
    for lost in (8, 9, 10):
        clip[lost] = np.zeros((25, 3))
    raw = join_frames(engine, frames_from_keypoints(engine, clip, SIZE, Path("k")), 30.0, Path("k"))
    estimate = raw.estimate
    assert raw.filled == 3 and estimate.frame_count == 20
    assert any("3 of 20 frames" in remark for remark in raw.remarks)
    assert np.all(estimate.score[8:11] == 0)
    assert np.abs(np.diff(estimate.joints_2d[:, 0, 0]) - 3).max() < 4
    assert estimate.vertices is None and estimate.mocap_framerate == 30


def test_a_still_person_in_a_film_has_one_shape_and_one_pose(engine):
    photo = read_image(EXAMPLE)
    raw = join_frames(engine, list(look_at_frames(engine, [photo, None, photo])), 25.0, EXAMPLE)
    estimate, filled = raw.estimate, raw.filled
    single = engine.estimate(photo).estimate
    assert filled == 1 and estimate.betas.shape == (10,)
    assert np.abs(estimate.poses[1] - estimate.poses[0]).max() < 0.05
    assert np.abs(estimate.joints_2d[0] - single.joints_2d[0]).max() < 0.05 * single.bbox[0, 3]


def test_the_users_box_says_who_is_followed(engine):
    """Two people side by side: the box on either one gives a motion of that one."""
    photo = read_image(EXAMPLE)
    width = photo.size[0]
    pair = Photo(np.concatenate([photo.pixels, photo.pixels], 1), None, EXAMPLE)
    box = engine.estimate(photo).estimate.bbox[0]
    for left in (0, width):
        frames = look_at_frames(engine, [pair, pair], box + [left, 0, 0, 0])
        assert all(abs(frame.box[0] + frame.box[2] / 2 - (left + width / 2)) < width / 4 for frame in frames)


def test_a_film_without_a_person_is_refused(engine):
    with pytest.raises(NoPersonError, match="any of the 2 frames"):
        join_frames(engine, frames_from_keypoints(engine, [np.zeros((25, 3))] * 2, SIZE, Path("k")), 30, Path("k"))


def test_pictures_of_different_sizes_are_not_one_motion(engine):
    photo = read_image(EXAMPLE)
    half = Photo(np.ascontiguousarray(photo.pixels[::2, ::2]), None, Path("half.png"))
    with pytest.raises(UserError, match=r"half\.png has 384×512 pixels.*768×1024"):
        list(look_at_frames(engine, [photo, None, half]))


def test_exchanged_legs_are_put_right_before_posing(engine):
    clip = [standing(frame) for frame in range(20)]
    mirrored = clip[10][KEYPOINT_MIRROR]
    exchanged = clip[:10] + [mirrored] + clip[11:]
    poses = [
        join_frames(engine, frames_from_keypoints(engine, points, SIZE, Path("k")), 30.0, Path("k"))
        for points in (clip, exchanged)
    ]
    assert [raw.swapped for raw in poses] == [0, 1]
    assert np.abs(poses[0].estimate.poses - poses[1].estimate.poses).max() < 1e-5


def test_pictures_are_read_ahead_in_order_and_a_broken_one_is_told(tmp_path):
    """The picture in the middle is broken: a gap, and a sentence that names it."""
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"walk_{number}.png"), np.full((40, 30 + number, 3), 90, np.uint8))
    (tmp_path / "walk_3.png").write_bytes(b"broken")
    told = []
    sizes = [photo and photo.size[0] for photo in read_ahead(open_inputs([tmp_path]), told)]
    assert sizes == [30, 31, 32, None, 34, 35]
    assert len(told) == 1 and "walk_3.png" in told[0]


def test_the_weighted_median_ignores_a_wild_frame_and_obeys_weights():
    values = np.array([[1.0], [1.1], [9.0]])
    assert weighted_median(values, np.ones(3)) == pytest.approx([1.1])
    assert weighted_median(values, np.array([0.1, 0.1, 5.0])) == pytest.approx([9.0])
