"""A clip refined at once: the chain is solved exactly, derivatives are right, the motion gets nearer the truth."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from body_from_image.inference.body.assembly import Motion, Observed, build_estimate, with_motion
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.geometry import chain as chains
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.chain import Jacobians, LongChain, NormalEquations, chain_step, long_chain_step
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.inference.motion import refine_motion as refining
from body_from_image.inference.motion.refine_motion import Clip, ClipEnergy, eased, per_frame, refine_motion
from body_from_image.inference.motion.smooth_motion import smooth_motion
from body_from_image.inference.refinement.parametric_body import Parameters
from body_from_image.inference.refinement.refine import anchored_energy, evidence_of, parameters_of, sparse_body
from body_from_image.inference.refinement.terms import Weights

RATE = 30.0
CAMERA = Camera(900.0, np.array([319.5, 239.5]), (640, 480))


def motion_of(body: BodyModel, frames: int, wrong: float = 0.0, seed: int = 0):
    """Somebody who stands and waves, 4 m away; `wrong` bends the poses by a constant error, but not the keypoints."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / RATE
    poses = np.zeros((frames, 24, 3))
    poses[:, 16, 2], poses[:, 17, 2] = -1.1, 1.1 - 0.5 * np.sin(4 * time)
    poses[:, 18, 1] = -0.5 - 0.3 * np.sin(5 * time)
    poses[:, 13:15, 2] = 0
    trans = np.tile([0.0, 0.2, -4.0], (frames, 1))

    def estimate(keypoints):
        seen = Observed(keypoints, np.zeros((frames, 4)), np.ones(frames), Path("clip"))
        return build_estimate(body, Motion(poses.reshape(frames, -1), np.zeros(10), trans, RATE), CAMERA, seen)

    true = estimate(np.zeros((frames, 25, 3)))
    sparse = sparse_body(body)
    pixels = np.stack([
        CAMERA.project(sparse.keypoints_from_points @ sparse.place(parameters_of(body, true, frame)).points)
        for frame in range(frames)
    ])  # fmt: skip
    pixels += rng.normal(0, 1.0, pixels.shape)
    keypoints = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1))], -1).astype(np.float32)
    poses[:, [1, 2, 16, 18]] += wrong * rng.normal(0, 1, (4, 3))
    return replace(true, keypoints_2d=keypoints), estimate(keypoints)


def clip_energy(body, motion):
    weights = per_frame(Weights(), motion.frame_count)
    anchors = [parameters_of(body, motion, frame) for frame in range(motion.frame_count)]
    frames = [anchored_energy(body, one, evidence_of(motion, frame), weights) for frame, one in enumerate(anchors)]
    return ClipEnergy(frames, RATE), Clip(tuple(anchors))


def dense(chain: NormalEquations) -> np.ndarray:
    count, size, shape = chain.border.shape
    matrix = np.zeros((count * size + shape,) * 2)
    for number in range(count):
        own = slice(number * size, (number + 1) * size)
        matrix[own, own] = chain.diagonal[number]
        matrix[own, count * size :] = chain.border[number]
        if number + 1 < count:
            matrix[own, own.stop : own.stop + size] = chain.beside[number]
    matrix[count * size :, count * size :] = chain.corner
    return np.triu(matrix) + np.triu(matrix, 1).T


def test_the_chain_is_solved_as_a_dense_matrix_would_be():
    rng = np.random.default_rng(0)
    count, size, shape = 5, 6, 3
    factors = rng.normal(size=(count, 40, 2 * size + shape))
    factors[-1, :, size : 2 * size] = 0
    chain, weights = NormalEquations(count, size, shape), rng.uniform(0.5, 2, (count, 40))
    here, ahead, border = np.split(factors, [size, 2 * size], -1)
    own, weight = weights[-1], weights[:-1]
    chain.add_pairs(np.zeros((count - 1, 40)), Jacobians(here[:-1], ahead[:-1], border[:-1]), weight)
    last = np.zeros((count, 40, size))
    last[-1] = here[-1]
    shared = np.where(np.arange(count)[:, None, None] == count - 1, border, 0)
    chain.add_frames(np.zeros((count, 40)), last, own, shared)
    whole = np.zeros((count * size + shape,) * 2)
    for number, factor in enumerate(factors):
        rows, known = np.zeros((40, len(whole))), min(2, count - number) * size
        rows[:, number * size : number * size + known] = factor[:, :known]
        rows[:, count * size :] = factor[:, 2 * size :]
        whole += rows.T @ (weights[number][:, None] * rows)
    np.testing.assert_allclose(dense(chain), whole, atol=1e-9)
    gradient = rng.normal(size=count * size + shape)
    expected = -np.linalg.solve(dense(chain), gradient)
    assert np.abs(chain_step(chain, gradient, 0.0) - expected).max() < 1e-5 * np.abs(expected).max()


class Bowl:
    """A frame's energy of 85 unknowns, for what a clip needs without bodies: the middle is `anchor`."""

    def __init__(self, anchor: Parameters, seed: int):
        rng, self.anchor = np.random.default_rng(seed), anchor
        self.gradient, self.slopes = rng.normal(size=85), rng.normal(size=(40, 85))

    def linearise(self, _):
        return self.gradient, 300 * np.eye(85) + self.slopes.T @ self.slopes


def chain_of_bowls(frames: int) -> LongChain:
    anchor = Parameters(np.tile(np.eye(3), (24, 1, 1)), np.zeros(10), np.zeros(3))
    energy = ClipEnergy([Bowl(anchor, number) for number in range(frames)], 10.0)
    return energy.linearise(Clip((anchor,) * frames))[1]


@pytest.mark.parametrize("frames", [1, 4, 5, 33])
def test_a_chain_in_parts_is_solved_as_a_whole_one(frames, monkeypatch):
    """However the parts lie, where nothing is let go."""
    whole = chain_of_bowls(frames).part(0, frames)
    expected = chain_step(whole, whole.flat_gradient(), 0.1)
    monkeypatch.setattr(chains, "PART", 4)
    step = long_chain_step(chain_of_bowls(frames), 0.1)
    assert np.abs(step - expected).max() < 1e-9 * np.abs(expected).max()


def test_what_is_far_behind_a_frame_in_a_chain_is_forgotten(monkeypatch):
    """With what ties corrections, one frame's own say in a frame so far on falls as an exponential."""
    whole = chain_of_bowls(60).part(0, 60)
    expected = chain_step(whole, whole.flat_gradient(), 0.1)
    off = []
    for lag in (4, 8, 16):
        monkeypatch.setattr(chains, "PART", 4)
        monkeypatch.setattr(chains, "LAG", lag)
        off.append(np.abs(long_chain_step(chain_of_bowls(60), 0.1) - expected).max() / np.abs(expected).max())
    assert off[0] > 3 * off[1] > 9 * off[2]


def peak_of(action) -> int:
    """Bytes that an action needs at most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_a_chain_is_that_of_its_parts():
    """But for the steps: 75 unknowns and how they follow the shape, 11 numbers each of them, twice."""
    short, long = (chain_of_bowls(frames) for frames in (150, 600))
    assert peak_of(lambda: long_chain_step(long, 0.1)) - peak_of(lambda: long_chain_step(short, 0.1)) < 450 * 16e3


@pytest.mark.slow
def test_the_memory_of_a_long_clip_is_that_of_a_short_one_and_its_motion(body, monkeypatch):
    monkeypatch.setattr(refining, "ITERATIONS", 1)
    clips = [motion_of(body, frames, 0.15)[1] for frames in (400, 1600)]
    refine_motion(body, clips[0])
    short, long = (peak_of(lambda clip=clip: refine_motion(body, clip)) for clip in clips)
    assert short < 25e6
    assert long - short < 1200 * 16e3


@pytest.mark.slow
def test_a_long_clip_has_no_seams(body, monkeypatch):
    """Nowhere is it off the whole solve by a hundredth of a millimetre."""
    clip = motion_of(body, 400, 0.15)[1]
    parts, _ = refine_motion(body, clip)
    monkeypatch.setattr(chains, "LAG", clip.frame_count)
    whole, _ = refine_motion(body, clip)
    assert 1e3 * np.abs(parts.joints_3d - whole.joints_3d).max() < 0.01


def test_the_gradient_of_a_clip_is_its_difference_quotient(body):
    motion = motion_of(body, 3, 0.1)[1]
    energy, clip = clip_energy(body, motion)
    rng = np.random.default_rng(1)
    size = 3 * 75 + 10
    clip = clip.moved(rng.normal(0, 0.02, size))
    gradient = energy.part(clip, 0, 3).flat_gradient()
    for direction in rng.normal(size=(12, size)):
        ends = [energy.energy(clip.moved(sign * 1e-6 * direction)) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient @ direction, rel=2e-4, abs=1e-2)


def test_a_clip_comes_nearer_the_truth_and_does_not_shake(body):
    true, started = motion_of(body, 16, 0.15)
    refined, unagreed = refine_motion(body, started)
    assert unagreed == 0

    def off(motion):
        return np.linalg.norm(motion.joints_2d - true.joints_2d, axis=-1).mean()

    def shake(motion):
        return np.linalg.norm(np.diff(motion.joints_3d, 2, axis=0), axis=-1).mean()

    assert off(refined) < 0.5 * off(started)
    assert shake(refined) < shake(true) + 0.002
    assert refined.betas.shape == (10,) and refined.vertices is None
    again = body.pose(refined.betas[None], rotations_of(refined.poses), refined.trans).joints * [1, -1, -1]
    assert np.abs(again - refined.joints_3d).max() < 1e-5


def test_feet_that_stand_stay(body):
    """Of somebody who stands and waves, refined, then put on the ground: the ankles do not move at all."""
    refined, _ = refine_motion(body, motion_of(body, 16, 0.15)[1])
    ankles = smooth_motion(refined, body, 0.0, keep_feet=True).joints_3d[:, [7, 8]]
    assert np.abs(ankles - ankles.mean(0)).max() < 1e-4


def test_a_frame_is_refined_before_its_own_camera(body):
    """A camera that turns sees the same person elsewhere; refinement in its frame is the same refinement."""
    started = motion_of(body, 4, 0.15)[1]
    turn = axis_angle_to_matrix(np.array([0.0, 0.3, 0.0]))
    upright = np.diag([1.0, -1.0, -1.0]) @ turn.T @ np.diag([1.0, -1.0, -1.0])
    rotations, trans = rotations_of(started.poses.astype(float)), started.trans.astype(float)
    pelvis = body.rest_joints(started.betas[None])[0, 0].astype(float)
    turns, places = np.tile(turn, (4, 1, 1)).astype(np.float32), np.zeros((4, 3), np.float32)
    elsewhere = replace(started, camera_rotations=turns, camera_places=places)
    rotations[:, 0] = upright @ rotations[:, 0]
    elsewhere = with_motion(elsewhere, body, rotations, (trans + pelvis) @ upright.T - pelvis)
    assert np.abs(elsewhere.joints_3d - started.joints_3d).max() < 1e-5
    one, other = (refine_motion(body, motion)[0] for motion in (started, elsewhere))
    assert np.abs(one.joints_3d - other.joints_3d).max() < 1e-3
    assert np.abs(other.poses - elsewhere.poses).max() > 0.05


def test_corrections_ease_out_where_a_frame_is_not_accepted():
    good = np.ones(11, bool)
    assert eased(good, 4).tolist() == [1.0] * 11
    good[5] = False
    assert eased(good, 4).tolist() == [1, 1, 0.75, 0.5, 0.25, 0, 0.25, 0.5, 0.75, 1, 1]
