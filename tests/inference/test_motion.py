"""One moving person: one shape, gaps filled, jitter smoothed, the path kept."""

from pathlib import Path

import numpy as np
import pytest
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.errors import NoPersonError, UserError
from body_from_image.inference.images import Photo, read_image
from body_from_image.inference.motion import frames_from_keypoints, join_frames, look_at_frames, weighted_median

EXAMPLE = Path(__file__).parents[2] / "examples" / "person.jpg"
SIZE = (800, 600)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(device="cpu", threads=2))


def standing(frame: int, jitter: float = 0.0, seed: int = 0) -> np.ndarray:
    """A standing figure (25, 3), moved to the right by three pixels a frame; MPII's keypoints alone are seen."""
    x = [380, 382, 385, 415, 418, 420, 400, 400, 400, 400, 340, 355, 372, 428, 445, 460]
    y = [520, 440, 350, 350, 440, 520, 350, 210, 200, 150, 330, 270, 212, 212, 270, 330]
    points = np.column_stack([x, y, np.full(16, 0.9)]).astype(float)
    points[:, 0] += 3 * frame
    points[:, :2] += np.random.default_rng([seed, frame]).normal(0, jitter, (16, 2))
    return np.concatenate([points, np.zeros((9, 3))])


def test_a_gap_is_filled_and_counted(engine):
    clip = [standing(frame) for frame in range(20)]
    for lost in (8, 9, 10):
        clip[lost] = np.zeros((25, 3))
    estimate, filled = join_frames(engine, frames_from_keypoints(engine, clip, SIZE, Path("k")), 30.0, Path("k"))
    assert filled == 3 and estimate.frame_count == 20
    assert np.all(estimate.score[8:11] == 0)
    assert np.abs(np.diff(estimate.joints_2d[:, 0, 0]) - 3).max() < 4
    assert estimate.vertices is None and estimate.mocap_framerate == 30


def test_smoothing_takes_jitter_off_and_keeps_the_path(engine):
    clip = [standing(frame, jitter=4.0) for frame in range(40)]
    frames = frames_from_keypoints(engine, clip, SIZE, Path("k"))
    smooth, _ = join_frames(engine, frames, 30.0, Path("k"))
    raw = engine.place([f.lifted for f in frames], engine.mean_shape, np.zeros((40, 4)), np.ones(40), Path("k"))

    def shake(estimate):
        return np.abs(np.diff(estimate.joints_3d, 2, axis=0)).mean()

    assert shake(smooth) < 0.5 * shake(raw)
    walked = smooth.joints_2d[-3:, 0, 0].mean() - smooth.joints_2d[:3, 0, 0].mean()
    assert walked == pytest.approx(3 * 37, rel=0.1)


def test_a_still_person_in_a_film_has_one_shape_and_one_pose(engine):
    photo = read_image(EXAMPLE)
    frames, _ = look_at_frames(engine, [photo, None, photo])
    estimate, filled = join_frames(engine, frames, 25.0, EXAMPLE)
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
        frames, _ = look_at_frames(engine, [pair, pair], box + [left, 0, 0, 0])
        assert all(abs(frame.box[0] + frame.box[2] / 2 - (left + width / 2)) < width / 4 for frame in frames)


def test_a_film_without_a_person_is_refused(engine):
    with pytest.raises(NoPersonError, match="any of the 2 frames"):
        join_frames(engine, frames_from_keypoints(engine, [np.zeros((25, 3))] * 2, SIZE, Path("k")), 30, Path("k"))


def test_pictures_of_different_sizes_are_not_one_motion(engine):
    frames = frames_from_keypoints(engine, [standing(0)], SIZE, Path("k"))
    frames += frames_from_keypoints(engine, [standing(0)], (900, 600), Path("k"))
    with pytest.raises(UserError, match="differ in size"):
        join_frames(engine, frames, 30, Path("k"))


def test_the_weighted_median_ignores_a_wild_frame_and_obeys_weights():
    values = np.array([[1.0], [1.1], [9.0]])
    assert weighted_median(values, np.ones(3)) == pytest.approx([1.1])
    assert weighted_median(values, np.array([0.1, 0.1, 5.0])) == pytest.approx([9.0])
