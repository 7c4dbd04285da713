"""Smoothing and feet, on walks that are known: jitter goes, nothing lags, standing feet stand."""

import time
from dataclasses import replace

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.clip import frames_from_keypoints, join_frames
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.geometry.joints import JOINT_INDEX
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.motion.body_path import Path
from body_from_image.inference.motion.foot_contact import Contact, find_contacts, seen_soles, standing_of
from body_from_image.inference.motion.legs import move_feet, sole_heights, sole_points
from body_from_image.inference.motion.lifting import frame_by_frame
from body_from_image.inference.motion.planted_feet import plant_feet
from body_from_image.inference.motion.smooth_motion import smooth_motion
from body_from_image.inference.motion.smoothing import fill_gaps, fill_rotation_gaps, local_quadratic

from .conftest import CAMERA, RATE, estimate_of, even_walk, keypoints_of, shaken

ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]


def upright(estimate):
    return estimate.joints_3d.astype(np.float64) * [1, -1, -1]


def shake(joints, truth):
    """Mean error of accelerations, metres a frame²."""
    return np.linalg.norm(np.diff(joints - truth, 2, axis=0), axis=-1).mean()


def slide(body, estimate, walk):
    """Metres a frame that points of the soles move which truly stand."""
    moved = sole_points(body, estimate.betas, rotations_of(estimate.poses.astype(float)), estimate.trans.astype(float))
    return np.linalg.norm(np.diff(moved, axis=0), axis=-1)[walk.standing()].mean()


def lag(track, truth):
    """Frames by which a track (F, N) comes later than the truth: the best shift, between frames by a parabola."""
    shifts = np.arange(-4, 5)
    inner = slice(10, -10)
    error = [((np.roll(track, -shift, axis=0) - truth)[inner] ** 2).mean() for shift in shifts]
    best = int(np.clip(np.argmin(error), 1, len(shifts) - 2))
    before, here, after = error[best - 1 : best + 2]
    return shifts[best] + (before - after) / (2 * (before - 2 * here + after))


def test_no_strength_leaves_every_frame_as_it_was(body, walk):
    raw = shaken(body, walk)
    assert smooth_motion(raw, body, 0.0) is raw


def test_jitter_goes_and_nothing_lags(body, walk):
    raw = shaken(body, walk)
    smooth = smooth_motion(raw, body)
    assert shake(upright(smooth), walk.joints) < shake(upright(raw), walk.joints) / 12
    tracks, truth = (joints[:, ANKLES] - joints[:, :1] for joints in (upright(smooth), walk.joints))
    assert abs(lag(tracks.reshape(len(truth), -1), truth.reshape(len(truth), -1))) < 0.2
    assert np.ptp(tracks, axis=0).max() > 0.85 * np.ptp(truth, axis=0).max()
    error = np.linalg.norm(upright(smooth) - walk.joints, axis=-1).mean()
    assert error < 0.5 * np.linalg.norm(upright(raw) - walk.joints, axis=-1).mean()


def test_more_strength_is_smoother(body, walk):
    raw = shaken(body, walk)
    shakes = [np.abs(np.diff(smooth_motion(raw, body, strength).joints_3d, 2, axis=0)).mean()
              for strength in (0, 0.1, 0.3, 0.6, 1)]  # fmt: skip
    assert shakes == sorted(shakes, reverse=True)


def test_a_wild_frame_is_outvoted(body, walk):
    """One frame upside down and two metres nearer, believed in as much as the others, moves the motion little."""
    rotations, trans = walk.rotations.copy(), walk.trans.copy()
    rotations[40, 0] = rotations[40, 0] @ axis_angle_to_matrix(np.array([np.pi, 0, 0]))
    trans[40, 2] += 2
    wild = smooth_motion(estimate_of(body, rotations, trans, walk.keypoints), body)
    clean = smooth_motion(estimate_of(body, walk.rotations, walk.trans, walk.keypoints), body)
    assert np.linalg.norm(wild.joints_3d - clean.joints_3d, axis=-1).max() < 0.05


def test_what_follows_from_the_pose_follows(body, walk):
    smooth = smooth_motion(shaken(body, walk), body, 0.5, keep_feet=True)
    posed = body.pose(smooth.betas[None], rotations_of(smooth.poses), smooth.trans)
    assert np.abs(upright(smooth) - posed.joints).max() < 1e-4
    assert np.abs(CAMERA.project(smooth.joints_3d) - smooth.joints_2d).max() < 0.01


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_short_clips_are_smoothed_too(body, walk, frames):
    raw = shaken(body, walk)
    cut = {name: getattr(raw, name)[:frames]
           for name in ("poses", "trans", "keypoints_2d", "joints_3d", "joints_2d", "bbox", "score")}  # fmt: skip
    smooth = smooth_motion(replace(raw, **cut), body, 1.0, keep_feet=True)
    assert np.isfinite(smooth.joints_3d).all()
    assert np.abs(smooth.joints_3d - raw.joints_3d[:frames]).max() < 0.5


def test_steady_movement_is_left_alone():
    """A parabola is what it is, but at the ends, whatever the weights."""
    time_ = np.arange(60.0)
    values = np.stack([0.02 * time_**2 - time_, np.ones(60)], 1)[:, None]
    smooth = local_quadratic(values, np.random.default_rng(0).uniform(0.5, 1, (60, 1)), 3.0)
    assert np.abs(smooth - values)[10:-10].max() < 0.06


def test_gaps_are_bridged_by_the_shortest_way():
    known = np.array([False, True, False, False, True, False])
    values = np.array([9.0, 1, 9, 9, 4, 9])
    assert fill_gaps(values, known).tolist() == [1, 1, 2, 3, 4, 4]
    angles = np.deg2rad([0, 350, 0, 0, 370, 0])
    turns = axis_angle_to_matrix(np.stack([0 * angles, 0 * angles, angles], -1))[:, None]
    filled = fill_rotation_gaps(turns, known)[:, 0]
    found = np.rad2deg(np.arctan2(filled[:, 1, 0], filled[:, 0, 0]))
    assert found == pytest.approx([-10, -10, -3.33, 3.33, 10, 10], abs=0.1)


def test_standing_feet_stand(body, walk):
    raw = shaken(body, walk)
    before, after = (slide(body, smooth_motion(raw, body, 0.5, feet), walk) for feet in (False, True))
    assert before > 0.004
    assert after < 0.0005
    smooth, kept = (upright(smooth_motion(raw, body, 0.5, feet)) for feet in (False, True))
    assert shake(kept, walk.joints) < 0.005
    about = [joints - joints[:, :1] for joints in (walk.joints, smooth, kept)]
    errors = [np.linalg.norm(joints - about[0], axis=-1).mean() for joints in about[1:]]
    assert errors[1] < errors[0]
    assert np.linalg.norm(kept[:, 0] - walk.joints[:, 0], axis=-1).mean() < 0.04


def test_standing_feet_stand_before_a_camera_that_walks_along(body):
    """It goes as fast as the person, so that in the pictures these walk on the spot: feet alone tell of its path."""
    walk = even_walk(body, 66, yaw=1.2)
    along = np.linspace(0, 1, 66)[:, None] * (walk.trans[-1] - walk.trans[0])
    seen = replace(walk, trans=walk.trans - along, keypoints=keypoints_of(body, walk.rotations, walk.trans - along))
    raw = shaken(body, seen)
    turns = np.tile(np.eye(3, dtype=np.float32), (66, 1, 1))
    places = np.zeros((66, 3), np.float32)
    raw = replace(raw, camera_rotations=turns, camera_places=places, camera_moves=True)
    kept = smooth_motion(raw, body, 0.5, keep_feet=True)
    assert slide(body, smooth_motion(raw, body, 0.5), walk) > 0.025
    assert slide(body, kept, walk) < 0.0005
    gone = kept.trans - kept.trans[0] - (walk.trans - walk.trans[0])
    assert np.linalg.norm(gone, axis=-1).mean() < 0.1 * np.linalg.norm(along[-1])


def test_feet_do_not_sink(body, walk):
    """The body bobs by two centimetres; with kept feet, no sole goes deeper than where it stands."""
    bob = 0.02 * np.sin(np.arange(len(walk.trans)) / 3)[:, None] * [0, 1, 0]
    raw = estimate_of(body, walk.rotations, walk.trans + bob, walk.keypoints)
    floor = walk.soles[..., 1].min()
    lowest = []
    for feet in (False, True):
        kept = smooth_motion(raw, body, 0.1, feet)
        soles = sole_points(body, kept.betas, rotations_of(kept.poses.astype(float)), kept.trans.astype(float))
        lowest.append(soles[..., 1].min() - floor)
    assert lowest[0] < -0.012 and lowest[1] > -0.008


def test_contacts_are_found_where_soles_stand(body, walk):
    keypoints = np.dstack([walk.keypoints, np.ones(walk.keypoints.shape[:2])])
    seen, sure = seen_soles(keypoints, RATE)
    above = walk.soles[..., 1] - sole_heights(body, np.zeros(10, np.float32))
    above -= above.min()
    across = (seen - CAMERA.center) / CAMERA.focal * -walk.soles[..., 2:]
    found = standing_of(find_contacts(walk.soles, across, above, sure, RATE), len(walk.soles))
    standing = walk.standing(0.1)
    # Contacts begin a little early and end a little late: what matters is that no foot is held that swings.
    near = np.any([np.roll(standing, shift, axis=0) for shift in range(-3, 4)], axis=0)
    assert found[1:][standing].mean() > 0.98
    assert found[1:][~near].mean() == 0
    unseen = find_contacts(walk.soles, across, above, 0 * sure, RATE)
    assert unseen == []


def test_legs_bring_the_feet_where_they_must(body, walk):
    shift = np.random.default_rng(0).uniform(-0.02, 0.02, (len(walk.trans), 2, 3)) + [0, 0.02, 0]
    none = np.tile(np.eye(3), (len(shift), 2, 1, 1))
    moved = move_feet(body, np.zeros(10, np.float32), walk.rotations, shift, none)
    before, after = (body.pose(np.zeros((1, 10)), turns, walk.trans) for turns in (walk.rotations, moved))
    assert np.abs(after.joints[:, ANKLES] - before.joints[:, ANKLES] - shift).max() < 1e-4
    assert np.abs(after.joint_rotations[:, ANKLES] - before.joint_rotations[:, ANKLES]).max() < 1e-4
    others = [joint for joint in range(24) if joint not in (4, 5, 7, 8, 10, 11)]
    assert np.abs(after.joints[:, others] - before.joints[:, others]).max() < 1e-5


@pytest.mark.bench
def test_three_hundred_frames_are_redone_in_a_blink(body, walk):
    raw = shaken(body, walk)
    count = {name: np.resize(getattr(raw, name), (300, *getattr(raw, name).shape[1:]))
             for name in ("poses", "trans", "keypoints_2d", "joints_3d", "joints_2d", "bbox", "score")}  # fmt: skip
    began = time.process_time()
    smooth_motion(replace(raw, **count), body, 0.5, keep_feet=True)
    assert time.process_time() - began < 0.5


@pytest.fixture(scope="module", params=("mocap", "photos"))
def figures(request, body, mocap_walks):
    """CMU's test clips, projected, and lifted by PosePrior with each of its weights: detections are off by 2 % of the
    person's height, and some are quite elsewhere. Slide, MPJPE and acceleration error: each frame by itself, smoothed,
    feet kept."""
    weights = request.param
    engine = Engine(Settings(device="cpu", threads=1, pose_weights=weights))
    figures = []
    for number, walk in enumerate(mocap_walks):
        rng = np.random.default_rng(number)
        height = np.ptp(walk.keypoints[..., 1], axis=1)[:, None, None]
        wild = rng.random((*walk.keypoints.shape[:2], 1)) < 0.03
        noise = np.where(wild, 0.15, 0.02) * height * rng.normal(size=walk.keypoints.shape)
        keypoints = np.concatenate([walk.keypoints + noise, np.where(wild, 0.4, 0.85)], axis=-1)
        frames = frames_from_keypoints(engine, keypoints, CAMERA.size, "walk.mp4")
        raw = join_frames(engine, frames, RATE, "walk.mp4").estimate
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "lift_clip", frame_by_frame)
            alone = join_frames(engine, frames, RATE, "walk.mp4").estimate
        # The networks' camera has another focal length than the one that the walk was projected with.
        row = []
        for strength, feet in ((0, False), (0.5, False), (0.5, True)):
            estimate = smooth_motion(raw if strength else alone, body, strength, feet)
            joints = upright(estimate)
            relative, truth = joints - joints[:, :1], walk.joints - walk.joints[:, :1]
            error = np.linalg.norm(relative - truth, axis=-1).mean()
            row.append([slide(body, estimate, walk), error, shake(relative, truth)])
        figures.append(row)
    print(f"\n{weights}, {len(figures)} clips; mm:\n{(1e3 * np.mean(figures, 0)).round(1)}")
    return weights, np.mean(figures, 0)


def test_mocap_through_the_networks_becomes_smooth(figures):
    _, ((_, raw_error, raw_shake), (_, error, smooth_shake), (_, feet_error, feet_shake)) = figures
    assert smooth_shake < raw_shake / 6 and error < 0.95 * raw_error
    assert feet_error < 1.03 * error and feet_shake < 1.25 * smooth_shake


def test_feet_of_mocap_through_the_networks_stand(figures):
    """Of a slide of 19 mm a frame, and 10 before paths were solved and feet locked, less than a quarter is left."""
    _, ((*_,), (before, *_), (after, *_)) = figures
    assert before > 0.015
    assert after < 0.25 * before


@pytest.mark.xfail(strict=True, reason="4.3 mm a frame are left: keypoints are off by 2 %, and some are wild")
def test_feet_of_mocap_slide_less_than_a_millimetre(figures):
    _, (*_, (after, *_)) = figures
    assert after < 0.001


def rotation_steps(rotations):
    """Degrees (F - 1, J) that joints turn from a frame to the next."""
    return np.rad2deg(np.linalg.norm(matrix_to_axis_angle(rotations[:-1].swapaxes(2, 3) @ rotations[1:]), axis=-1))


@pytest.mark.parametrize("frames", [2, 4, 7, 12, 20])
@pytest.mark.parametrize("degrees", [90, 175, 260])
def test_feet_that_turn_fast_between_two_stands_turn_as_they_were_seen(body, frames, degrees):
    """Somebody stands, turns on the spot, and stands; each foot lies straight on the floor before and after."""
    count, first = 50, 20
    share = np.clip((np.arange(count) - first + 1) / frames, 0, 1)
    poses = np.zeros((count, 24, 3))
    poses[:, [7, 8], 1] = 0.3
    rotations = axis_angle_to_matrix(poses)
    turned = axis_angle_to_matrix(np.deg2rad(degrees) * share[:, None] * [0.0, 1.0, 0.0])
    rotations[:, 0] = turned @ rotations[:, 0]
    betas, still = np.zeros(10, np.float32), np.zeros((count, 3))
    floor = (sole_points(body, betas, rotations, still)[..., 1] - sole_heights(body, betas)).mean()
    contacts = [Contact(point, *span) for point in range(4) for span in ((0, first), (first + frames - 1, count))]
    kept, _ = plant_feet(body, betas, rotations, Path(still, still, np.array([floor, 0, 0])), contacts, RATE)
    assert rotation_steps(kept)[:, [7, 8, 10, 11]].max() < max(25, 0.55 * degrees / frames)
    feet = body.skeleton(betas[None], kept)[1][:, [7, 8]]
    assert rotation_steps(feet).max() < 1.2 * degrees / frames + 25
    for stands in (slice(0, first), slice(first + frames - 1, count)):
        assert rotation_steps(feet[stands]).max() < 0.1
