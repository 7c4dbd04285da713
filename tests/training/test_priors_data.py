"""What the priors learn from: poses, shapes and keypoints that are like those of real people and real detectors."""

import numpy as np
import pytest

pytest.importorskip("torch")
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX, KEYPOINT_MIRROR, MPII_COUNT
from body_from_image.training.body.population import stature_and_mass
from body_from_image.training.people import instances, poses, postures, self_contact, shapes
from body_from_image.training.priors import corruption, detector_errors

MODEL = BodyModel.load()


def true_keypoints(count: int) -> np.ndarray:
    return instances.true_keypoints(instances.People(MODEL, "train").draw(count, np.random.default_rng(0)))


def test_clips_of_one_split_are_in_no_other(packs):
    clips = [set(poses.load_poses(split).clip.tolist()) for split in ("train", "validation", "test")]
    assert not clips[0] & clips[1] and not clips[0] & clips[2] and not clips[1] & clips[2] and all(clips)


def test_mirroring_twice_is_nothing():
    frames = np.random.default_rng(0).normal(size=(4, 24, 3)).astype(np.float32)
    assert np.array_equal(poses.mirrored(poses.mirrored(frames)), frames)


def test_confidence_means_the_share_of_keypoints_within_a_fifth_of_the_torso(packs):
    """In sports pictures, on which it was calibrated; in fashion pictures more is right than it says."""
    truth = true_keypoints(2000)
    found = corruption.corrupt(truth, np.random.default_rng(0), corruption.Corruption(sport=1.0))
    error = np.linalg.norm(found[..., :2] - truth, axis=-1) / detector_errors.torso_length(truth)[:, None]
    for low in (0.3, 0.5, 0.7, 0.9):
        in_bin = (found[..., 2] > low) & (found[..., 2] <= low + 0.1)
        assert abs((error[in_bin] < 0.2).mean() - (low + 0.05)) < 0.13


def test_keypoints_are_found_at_their_mirror_image_as_often_as_was_measured(packs):
    truth = true_keypoints(2000)
    found = corruption.corrupt(truth, np.random.default_rng(0), corruption.Corruption(sport=1.0, mixed=0.0))
    table = detector_errors.DetectorErrors.load()
    torso = detector_errors.torso_length(truth)[:, None]
    own, mirror = (np.linalg.norm(found[..., :2] - p, axis=-1) / torso for p in (truth, truth[:, KEYPOINT_MIRROR]))
    apart = np.linalg.norm(truth - truth[:, KEYPOINT_MIRROR], axis=-1) / torso > 0.5
    wrists = [KEYPOINT_INDEX["left_wrist"], KEYPOINT_INDEX["right_wrist"]]
    share = ((mirror < 0.25) & (own > 0.25))[:, wrists][apart[:, wrists]].mean()
    assert share == pytest.approx(table.swapped[table.sport][:, wrists].mean(), abs=0.05)


def test_keypoints_beyond_mpiis_are_often_missing_together():
    seen = np.ones((4000, 25, 3))
    given = corruption.without_extras(seen, np.random.default_rng(0), corruption.Corruption())[..., 2]
    gone = given[:, MPII_COUNT:] == 0
    assert (given[:, :MPII_COUNT] == 1).all()
    assert 0.3 < gone.all(1).mean() < 0.5
    assert gone.any(1).mean() > gone.all(1).mean() + 0.2


def test_a_detectors_errors_are_measured_from_trusted_labels_alone():
    """A detector that exchanges the ankles, and puts one wrist a torso away."""
    truth = np.zeros((25, 3))
    truth[:, :2], truth[:16, 2] = np.random.default_rng(0).uniform(50, 200, (25, 2)), 1
    truth[KEYPOINT_INDEX["left_knee"], 2] = 0.2
    found = truth.copy()
    ankles = [KEYPOINT_INDEX["right_ankle"], KEYPOINT_INDEX["left_ankle"]]
    found[ankles] = found[ankles[::-1]]
    torso = np.linalg.norm(truth[KEYPOINT_INDEX["left_shoulder"], :2] - truth[KEYPOINT_INDEX["right_hip"], :2])
    found[KEYPOINT_INDEX["left_wrist"], 0] += max(torso, 60)
    found[:, 2] = 0.7
    known = truth[:, 2] >= detector_errors.TRUSTED
    confidence, swapped, error = detector_errors.compare(found, truth, known)
    assert not known[KEYPOINT_INDEX["left_knee"]] and (confidence == 0.7).all()
    assert list(np.flatnonzero(swapped)) == sorted(ankles)
    assert np.abs(error[ankles]).max() < 1e-9
    assert error[KEYPOINT_INDEX["left_wrist"], 0] > 0.5 and error[KEYPOINT_INDEX["left_wrist"], 1] == 0


def test_the_table_has_no_gaps():
    table = detector_errors.DetectorErrors.load()
    assert np.isfinite(table.error).all() and table.confidence.shape[1] == 25
    assert table.confidence.min() >= 0 and table.confidence.max() <= 1
    assert len(table.confidence) > 200 and table.sport.any() and not table.sport.all()


def test_capsules_run_through_each_other_when_the_mesh_does():
    """A straight arm is lowered to the side, and on until the wrist lies in the hips of the mesh itself."""
    angles = (0, -60, -75, -110, -120)
    straight = np.tile(np.eye(3, dtype=np.float32), (len(angles), 24, 1, 1))
    for row, angle in enumerate(angles):
        straight[row, JOINT_INDEX["left_shoulder"]] = postures.about("z", np.deg2rad([angle]))[0]
    posed = MODEL.pose(np.zeros((1, 10)), straight)
    depth = self_contact.penetration(posed.joints)
    for row, wrist in enumerate(posed.joints[:, JOINT_INDEX["left_wrist"]]):
        trunk = posed.vertices[row][MODEL.lbs_weights.argmax(1) < 4]
        level = trunk[np.abs(trunk[:, 1] - wrist[1]) < 0.03]
        inside = len(level) > 0 and level[:, 0].min() < wrist[0] < level[:, 0].max()
        assert inside == (depth[row] > self_contact.TOLERANCE), (angles[row], depth[row])


def test_volume_and_stature_without_the_mesh_are_those_of_the_mesh():
    betas = np.random.default_rng(0).normal(0, 1.2, (20, 10)).astype(np.float32)
    stature, mass = stature_and_mass(MODEL.rest_vertices(betas), MODEL.faces)
    assert shapes.Shapes(MODEL).body_mass_index(betas) == pytest.approx(mass / stature**2, rel=0.02)


def test_nobody_drawn_is_thinner_than_a_living_person():
    betas = shapes.Shapes(MODEL).sample(300, np.random.default_rng(0))
    stature, mass = stature_and_mass(MODEL.rest_vertices(betas), MODEL.faces)
    assert (mass / stature**2).min() > 15.5


def test_postures_look_as_they_are_called():
    rng = np.random.default_rng(0)
    upright = np.tile(np.eye(3, dtype=np.float32), (50, 24, 1, 1))
    chair, handstand = postures.POSTURES[0], postures.POSTURES[10]
    sitting = MODEL.pose(np.zeros((1, 10)), postures.pose_as(upright.copy(), chair, rng)).joints
    knee, hip, ankle = (sitting[:, JOINT_INDEX[f"left_{name}"]] for name in ("knee", "hip", "ankle"))
    assert (knee[:, 2] > hip[:, 2]).mean() > 0.95 and (ankle[:, 1] < hip[:, 1]).mean() > 0.9
    inverted = MODEL.pose(np.zeros((1, 10)), postures.pose_as(upright.copy(), handstand, rng)).joints
    assert (inverted[:, JOINT_INDEX["head"], 1] < inverted[:, 0, 1]).all()
    assert (inverted[:, JOINT_INDEX["left_wrist"], 1] < inverted[:, 0, 1]).all()


def test_rare_poses_are_drawn_more_often_than_they_occur(packs):
    archive = dict(np.load(packs / "mocap" / "cmu_smpl24.npz"))
    frames = np.repeat(archive["poses"][:1], 120, 0)
    frames[60:66] = archive["poses"][60:66]
    np.savez(packs / "mocap" / "cmu_smpl24.npz", poses=frames, clip_len=archive["clip_len"])
    chance = poses.load_poses("train").probability
    assert chance.max() > 4 * np.median(chance)
