"""`evaluate-motion` on two short clips: what the table says of films on the ground, and of what is known exactly."""

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.motion.legs import HANDS
from body_from_image.training.data.packs import PackMissing, pack
from body_from_image.training.motion import clips
from body_from_image.training.motion.clips import RATE, grounded, held_out_clips, path_of
from body_from_image.training.motion.evaluate import BY_ITSELF, FIGURES, Way, measure, motions, table
from body_from_image.training.motion.figures import SHORTEST_PATH, path_error
from body_from_image.training.motion.views import seen_keypoints, view_of

FRAMES, EVERY = 36, 11
CARTWHEEL, HAND_HEIGHT = "CMU_49_07", 0.14
"""A clip of the test split; and metres below which the knuckles of hands that stand on their finger tips are."""


@pytest.fixture(scope="module")
def found():
    try:
        pack("mocap")
    except PackMissing as error:
        pytest.skip(str(error))
    engine = Engine(Settings(device="cpu", threads=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips, "LONGEST", FRAMES)
        held_out = held_out_clips(engine.body, "validation", EVERY)
        return measure(engine, held_out, ["still"], [BY_ITSELF], refine=False, lasting=False)["still"]


def test_each_clip_has_every_figure_of_every_motion(found):
    assert list(found) == ["each frame by itself", "smoothed", "on the ground"]
    for clips_of_it in found.values():
        assert len(clips_of_it) == 2
        assert all(set(one) == {"clip", *FIGURES} for one in clips_of_it)


def test_on_the_ground_feet_stand_and_nothing_is_below_the_floor(found):
    by_motion = {name: {figure: [one[figure] for one in own] for figure in FIGURES}
                 for name, own in found.items()}  # fmt: skip
    assert max(by_motion["on the ground"]["slide"]) < 1 < min(by_motion["smoothed"]["slide"])
    assert max(by_motion["on the ground"]["sink"]) < 1
    assert np.isnan(by_motion["smoothed"]["sink"]).all(), "without a floor nothing can be below it"
    assert np.mean(by_motion["on the ground"]["accel"]) < np.mean(by_motion["each frame by itself"]["accel"]) / 4


@pytest.fixture(scope="module", params=("still", "walk"))
def cartwheel(found, request):
    """A held-out cartwheel as it was, and smoothed, and on the ground, before a camera that stands or walks along."""
    engine = Engine(Settings(device="cpu", threads=1))
    archive = np.load(pack("mocap") / "cmu_smpl24.npz")
    clip = archive["clip_name"].tolist().index(CARTWHEEL)
    last = int(archive["clip_len"][: clip + 1].sum())
    poses = archive["poses"][last - int(archive["clip_len"][clip]) : last].astype(np.float64)
    truth = grounded(engine.body, CARTWHEEL, axis_angle_to_matrix(poses))
    view = view_of(truth, request.param, np.random.default_rng(0))
    keypoints = seen_keypoints(truth, view, np.random.default_rng(0))
    _, (_, smoothed), (_, kept) = motions(engine, keypoints, view, False, [BY_ITSELF])
    return engine.body, truth, smoothed, kept


def test_the_hands_of_a_cartwheel_stand_while_they_carry(cartwheel):
    body, truth, *both = cartwheel
    hands = truth.joints[:, HANDS]
    slow = np.linalg.norm(np.diff(hands, axis=0), axis=-1) * RATE < 0.3
    carries = slow & (hands[1:, :, 1] < HAND_HEIGHT) & (hands[:-1, :, 1] < HAND_HEIGHT)
    assert carries.sum() > 10
    steps = []
    for motion in both:
        joints = body.skeleton(motion.betas[None], rotations_of(motion.poses.astype(float)))[0]
        steps.append(np.linalg.norm(np.diff(joints[:, HANDS] + motion.trans[:, None], axis=0), axis=-1))
    smoothed, kept = steps
    assert kept[carries].mean() < 0.25 * smoothed[carries].mean()
    locked = (kept < 1e-4)[carries]
    assert locked.mean() > 0.7, "a hand that is locked does not move at all"
    floor = both[1].floor.astype(float)
    joints = body.skeleton(both[1].betas[None], rotations_of(both[1].poses.astype(float)))[0]
    assert ((joints[:, HANDS] + both[1].trans[:, None]) @ floor[:3] - floor[3]).min() > 0


TURNER, TURN, CALM = "CMU_01_01", slice(20, 30), 30
"""A validation clip with a jump that turns; the frames of that, which are lost, when it is played twice as fast; and
degrees a frame that feet turn at most then."""


def test_feet_do_not_jump_round_in_a_fast_turn_in_which_everybody_is_lost(found):
    engine = Engine(Settings(device="cpu", threads=1))
    archive = np.load(pack("mocap") / "cmu_smpl24.npz")
    clip = archive["clip_name"].tolist().index(TURNER)
    last, length = int(archive["clip_len"][: clip + 1].sum()), int(archive["clip_len"][clip])
    middle = last - length + max(0, (length - 240) // 2)
    poses = archive["poses"][middle : middle + 240 : 2].astype(np.float64)
    truth = grounded(engine.body, TURNER, axis_angle_to_matrix(poses))
    view = view_of(truth, "still", np.random.default_rng(0))
    keypoints = seen_keypoints(truth, view, np.random.default_rng(0))
    keypoints[TURN, :, 2] = 0
    way = Way("temporal prior", engine.lift_clip)
    _, (_, smoothed), (_, kept) = motions(engine, keypoints, view, False, [way])
    turns = []
    for motion in (smoothed, kept):
        rotations = rotations_of(motion.poses.astype(float))
        steps = matrix_to_axis_angle(rotations[:-1].swapaxes(2, 3) @ rotations[1:])
        turns.append(np.rad2deg(np.linalg.norm(steps, axis=-1)))
    assert turns[0][TURN, 0].max() > 10, "the body turns fast"
    assert turns[1][:, [7, 8]].max() < CALM


def test_the_table_has_a_line_a_motion_and_a_cell_a_figure(found):
    lines = table({"still": found}).splitlines()
    assert [line.split(" | ")[1] for line in lines[2:]] == list(found)
    assert all(line.count("|") == len(FIGURES) + 3 for line in lines)
    assert "–" in lines[2]


def test_a_body_that_nothing_holds_up_falls_as_bodies_do():
    """A point at the floor's height that leaves it at once: the path is that of free fall until it is there again."""
    points = np.zeros((30, 1, 3))
    points[2:, 0, 1] = 1.0
    height = path_of(points)[:, 1]
    falling = np.diff(height, 2)[2 : int(np.flatnonzero(height <= -1 + 1e-9)[0]) - 2]
    assert len(falling) > 5 and falling == pytest.approx(-9.81 / RATE**2)


def test_a_path_that_is_turned_and_moved_has_no_error_and_a_longer_one_has():
    path = np.cumsum(np.random.default_rng(0).normal(0, 0.1, (60, 3)), axis=0)
    turned = path @ axis_angle_to_matrix(np.array([0.3, -1.0, 0.2])).T + [1.0, 2, 3]
    assert path_error(turned, path) < 1e-9
    assert path_error(1.1 * path, path) > 0.001
    assert np.isnan(path_error(path, path * SHORTEST_PATH / 100))
