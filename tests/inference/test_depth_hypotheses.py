"""Limbs mirrored in depth: the picture stays, the depth changes sides, hinges bend as they can, twice is once."""

from dataclasses import replace

import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.body.pose_density import PoseDensity
from body_from_image.inference.geometry.camera import Camera
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.refinement.depth_hypotheses import (
    FLIPPED_LIMBS,
    FLIPS,
    LOWER_PARTS,
    bone_turn,
    flipped,
    hypotheses,
    mirrored,
)
from body_from_image.inference.refinement.parametric_body import JOINTS, Parameters
from body_from_image.inference.refinement.refine import Evidence, sparse_body

CAMERA = Camera(800.0, np.array([319.5, 239.5]), (640, 480))
FACING = np.diag([1.0, -1.0, -1.0])
BACK, BENT_BACK = 0.17, np.deg2rad(10)
"""Radians that the density's limits leave an elbow or a knee beyond straight, a little rounded up."""


def somebody(rng: np.random.Generator) -> Parameters:
    """A person in a random pose, elbows and knees bent as they can, four metres away, turned anyhow."""
    pose = rng.normal(0, 0.2, (JOINTS, 3))
    pose[[16, 17]] = rng.normal(0, 0.8, (2, 3))
    pose[[1, 2], 0] -= rng.uniform(0, 1.2, 2)
    for limb in FLIPPED_LIMBS.values():
        pose[limb.hinge] = limb.axis * rng.uniform(0.3, 2)
    rotations = axis_angle_to_matrix(pose)
    turned = axis_angle_to_matrix(np.array([0.0, rng.uniform(-np.pi, np.pi), 0.0]))
    rotations[0] = FACING @ turned @ axis_angle_to_matrix(rng.normal(0, 0.2, 3))
    return Parameters(rotations, rng.normal(0, 0.7, 10), np.array([0.05, 0.2, 4.0]))


def joints_of(body: BodyModel, parameters: Parameters) -> np.ndarray:
    return sparse_body(body).place(parameters).points[:JOINTS]


def slope(joints: np.ndarray, near: int, far: int) -> float:
    """How far a bone goes away from the camera along the ray of its end, metres."""
    ray = joints[far] / np.linalg.norm(joints[far])
    return float(ray @ (joints[far] - joints[near]))


def bend(body: BodyModel, parameters: Parameters, limb) -> float:
    """Radians by which the hinge bends about its axis; negative: backwards."""
    placed = sparse_body(body).place(parameters)
    upper, hinge, end = placed.points[[limb.upper, limb.hinge, limb.end]]
    first, second = hinge - upper, end - hinge
    across = placed.world[limb.upper].T @ np.cross(first, second)
    return float(np.arctan2(across @ limb.axis, first @ second))


def people():
    rng = np.random.default_rng(0)
    return [somebody(rng) for _ in range(25)]


@pytest.mark.parametrize("part", FLIPS)
def test_the_picture_stays_and_the_depth_changes_sides(body, part):
    limb, upper_too = FLIPS[part]
    moved, changed = [], 0
    for before in people():
        after = mirrored(body, before, part)
        a, b = joints_of(body, before), joints_of(body, after)
        moved.append(np.linalg.norm(CAMERA.project(a) - CAMERA.project(b), axis=1)[[limb.hinge, limb.end]])
        lengths = [np.linalg.norm(j[limb.end] - j[limb.hinge]) for j in (a, b)]
        assert lengths[0] == pytest.approx(lengths[1], abs=1e-6)
        assert np.abs(a - b)[[j for j in range(JOINTS) if j not in below(body, limb)]].max() < 1e-9
        if moved[-1].max() < 0.01:
            bones = [(limb.hinge, limb.end), *([(limb.upper, limb.hinge)] if upper_too else [])]
            for bone in bones:
                assert slope(a, *bone) == pytest.approx(-slope(b, *bone), abs=0.02 if bone[0] == limb.upper else 0.3)
                changed += np.sign(slope(a, *bone)) != np.sign(slope(b, *bone))
    moved = np.array(moved)
    assert moved[:, 0].max() < 1e-3, "the elbow or knee reaches its ray always"
    assert np.median(moved[:, 1]) < 1e-3 and moved[:, 1].max() < 15
    assert changed > 15


def below(body: BodyModel, limb) -> set[int]:
    """The joints that hang on the limb's upper one."""
    found = {limb.upper}
    for joint, parent in enumerate(body.parents):
        if parent in found:
            found.add(joint)
    return found


@pytest.mark.parametrize("part", FLIPS)
def test_hinges_never_bend_backwards(body, part):
    limb, _ = FLIPS[part]
    density = PoseDensity.load()
    for before in people():
        after = mirrored(body, before, part)
        assert bend(body, after, limb) > -BENT_BACK
        beyond = density.beyond_limits(matrix_to_axis_angle(after.rotations))[limb.hinge]
        assert np.abs(beyond).max() < BACK, np.rad2deg(bend(body, before, limb))


@pytest.mark.parametrize("limb", FLIPPED_LIMBS.values(), ids=FLIPPED_LIMBS)
def test_a_knee_that_was_bent_backwards_comes_right(body, limb):
    rotations = np.tile(np.eye(3), (JOINTS, 1, 1))
    rotations[limb.hinge] = axis_angle_to_matrix(-0.8 * limb.axis)
    rotations[0] = FACING
    wrong = Parameters(rotations, np.zeros(10), np.array([0.0, 0.2, 4.0]))
    name = next(name for name, one in FLIPPED_LIMBS.items() if one is limb)
    assert bend(body, wrong, limb) < -0.5
    right = mirrored(body, wrong, LOWER_PARTS[name])
    assert bend(body, right, limb) > 0.2


@pytest.mark.parametrize("part", FLIPS)
def test_twice_is_the_start(body, part):
    limb, _ = FLIPS[part]
    kept = 0
    for before in people():
        after = mirrored(body, before, part)
        pixels = [CAMERA.project(joints_of(body, one)) for one in (before, after)]
        straight = min(bend(body, before, limb), bend(body, after, limb)) < np.deg2rad(20)
        if np.abs(pixels[0] - pixels[1])[[limb.hinge, limb.end]].max() > 0.01 or straight:
            continue
        again = mirrored(body, after, part)
        assert np.abs(again.rotations - before.rotations).max() < 1e-6
        kept += 1
    assert kept >= 12


@pytest.mark.parametrize("part", FLIPS)
def test_a_limb_in_the_pictures_plane_flips_to_itself(body, part):
    """A T-pose in front of the camera, far away, so that perspective does not show: nothing to flip."""
    limb, _ = FLIPS[part]
    rotations = np.tile(np.eye(3), (JOINTS, 1, 1))
    rotations[0] = FACING
    start = Parameters(rotations, np.zeros(10), np.array([0.0, 0.2, 100.0]))
    # The rest pose is not quite flat: each bone is laid into the plane first.
    for _ in range(3):
        joints = joints_of(body, start)
        world = sparse_body(body).place(start).world
        for upper, far in ((limb.upper, limb.hinge), (limb.hinge, limb.end)):
            bone = joints[far] - joints[upper]
            ray = joints[far] / np.linalg.norm(joints[far])
            flat = bone - (bone @ ray) * ray
            local = [world[upper].T @ side / np.linalg.norm(side) for side in (bone, flat)]
            turn = axis_angle_to_matrix(np.cross(*local))
            start = replace(start, rotations=start.rotations.copy())
            start.rotations[upper] = start.rotations[upper] @ turn
            joints, world = joints_of(body, start), sparse_body(body).place(start).world
    assert bone_turn(body, start, mirrored(body, start, part), part) < np.deg2rad(0.5)


def test_only_what_bodies_can_do_is_a_flip(body):
    """A leg kicked forward, the knee bent in depth, seen from the height of the feet: mirrored, the knee would bend
    backwards."""
    pose = np.zeros((JOINTS, 3))
    pose[1, 0], pose[4, 0] = -1.0, 0.8
    rotations = axis_angle_to_matrix(pose)
    rotations[0] = FACING
    kick = Parameters(rotations, np.zeros(10), np.array([0.0, -0.8, 4.0]))
    assert flipped(body, kick, "left_leg") is None
    # Nearly straight, it can be swung back as it is.
    pose[1, 0], pose[4, 0] = -0.4, 0.3
    step = replace(kick, rotations=np.concatenate([rotations[:1], axis_angle_to_matrix(pose)[1:]]))
    back = flipped(body, step, "left_leg")
    a, b = joints_of(body, step), joints_of(body, back)
    assert a[7, 2] < a[1, 2] - 0.1 and b[7, 2] > b[1, 2] + 0.1
    pixels = np.linalg.norm(CAMERA.project(a) - CAMERA.project(b), axis=1)
    assert pixels[7] < 0.01 and pixels[4] < 12
    assert bend(body, back, FLIPPED_LIMBS["left_leg"]) == pytest.approx(bend(body, step, FLIPPED_LIMBS["left_leg"]))
    assert np.abs(flipped(body, back, "left_leg").rotations - step.rotations).max() < 1e-6


def test_flips_stay_within_the_limits(body):
    density, possible = PoseDensity.load(), 0
    for before in people():
        for part, (limb, _) in FLIPS.items():
            after = flipped(body, before, part)
            if after is not None:
                possible += 1
                beyond = [
                    np.abs(density.beyond_limits(matrix_to_axis_angle(one.rotations))[limb.turned]).max()
                    for one in (before, after)
                ]
                assert beyond[1] < beyond[0] + np.deg2rad(15.1)
    assert possible > 80


def seen(body: BodyModel, parameters: Parameters) -> Evidence:
    sparse = sparse_body(body)
    pixels = CAMERA.project(sparse.keypoints_from_points @ sparse.place(parameters).points)
    return Evidence(np.column_stack([pixels, np.ones(len(pixels))]), CAMERA)


def walking(rng: np.random.Generator) -> Parameters:
    """Somebody who walks towards the camera, forearms carried forward."""
    pose = np.zeros((JOINTS, 3))
    pose[16], pose[17] = [0, 0, -1.2], [0, 0, 1.2]
    pose[[1, 2], 0] = [-0.6, 0.1]
    for name, limb in FLIPPED_LIMBS.items():
        pose[limb.hinge] = limb.axis * (1.2 if name.endswith("arm") else 0.6)
    rotations = axis_angle_to_matrix(pose + rng.normal(0, 0.03, (JOINTS, 3)))
    rotations[0] = FACING @ axis_angle_to_matrix(np.array([0.0, 0.3, 0.0]))
    return Parameters(rotations, np.zeros(10), np.array([0.0, 0.2, 4.0]))


@pytest.mark.parametrize("part", FLIPPED_LIMBS)
def test_a_limb_that_people_do_not_bend_so_is_put_right(body, part):
    """From a walker with one limb mirrored to an uncommon pose, the walker is among the first hypotheses (a leg: the
    first), if the network's word counts for nothing."""
    truth = walking(np.random.default_rng(1))
    wrong = mirrored(body, truth, part)
    found = hypotheses(body, wrong, seen(body, truth), network=0.0)
    likely = found[:1] if part.endswith("leg") else found[:3]
    apart = [
        np.linalg.norm(joints_of(body, one) - joints_of(body, truth), axis=1).max()
        for one in (wrong, *(one.parameters for one in likely))
    ]
    assert min(apart[1:]) < 0.3 * apart[0]


def test_hypotheses_are_ranked_distinct_and_hold_the_given_one(body):
    for parameters in people()[:4]:
        every = hypotheses(body, parameters, seen(body, parameters))
        found = hypotheses(body, parameters, seen(body, parameters), most=3)
        assert len(every) > 3 and len(found) == 3
        energies = [one.energy for one in found]
        assert energies == sorted(energies)
        assert sum(one.weight for one in found) == pytest.approx(1)
        assert sum(not one.flips for one in found) == 1
        for number, one in enumerate(found):
            for other in found[:number]:
                assert max(bone_turn(body, one.parameters, other.parameters, part) for part in FLIPPED_LIMBS) > 0.1


def test_a_network_that_is_sure_is_believed(body):
    parameters = people()[2]
    evidence = seen(body, parameters)
    sure, unsure = (hypotheses(body, parameters, evidence, np.full(JOINTS, degrees)) for degrees in (0.5, 90.0))
    own = [next(one for one in found if not one.flips).weight for found in (sure, unsure)]
    assert not sure[0].flips and own[0] > 0.99 and own[1] < own[0]
