"""The engine on the bundled example and on made-up input: its results are consistent, its refusals explained."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate, camera_from_upright, rotations_of
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.errors import NoPersonError, UserError
from body_from_image.inference.files.images import Photo, read_image
from body_from_image.inference.geometry.joints import (
    JOINT_INDEX,
    KEYPOINT_INDEX,
    KEYPOINT_MIRROR,
    keypoints_from_joints,
)
from body_from_image.inference.networks.person import box_overlap

from ..conftest import EXAMPLE


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(device="cpu", threads=2, refine=False))


@pytest.fixture(scope="module")
def photo() -> Photo:
    return read_image(EXAMPLE)


@pytest.fixture(scope="module")
def result(engine, photo):
    return engine.estimate(photo)


def photo_of(pixels: np.ndarray) -> Photo:
    return Photo(np.ascontiguousarray(pixels), None, Path("made-up.png"))


def test_the_estimate_has_the_shapes_it_promises(result, photo):
    estimate = result.estimate
    shapes = {
        "poses": (1, 72), "betas": (10,), "trans": (1, 3), "keypoints_2d": (1, 25, 3), "joints_3d": (1, 24, 3),
        "joints_2d": (1, 24, 2), "vertices": (1, 6890, 3), "bbox": (1, 4), "score": (1,),
    }  # fmt: skip
    for name, shape in shapes.items():
        assert getattr(estimate, name).shape == shape, name
        assert np.isfinite(getattr(estimate, name)).all(), name
    assert estimate.image_size == photo.size


def test_the_pixel_of_a_joint_is_opencvs(result):
    estimate = result.estimate
    matrix = np.array(
        [[estimate.focal, 0, estimate.camera_center[0]], [0, estimate.focal, estimate.camera_center[1]], [0, 0, 1]]
    )
    points = estimate.joints_3d[0].astype(np.float64)
    reference = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, None)[0][:, 0]
    assert np.abs(reference - estimate.joints_2d[0]).max() < 0.01


def test_poses_and_trans_rebuild_the_mesh(engine, result):
    """What AMASS's readers do with the npz gives the vertices that the engine wrote."""
    estimate = result.estimate
    body = engine.body.pose(estimate.betas[None], rotations_of(estimate.poses), estimate.trans)
    assert np.abs(camera_from_upright(body.vertices) - estimate.vertices).max() < 1e-5


def test_the_body_lies_on_the_person(engine, result):
    """The body's own keypoints fall on those that were detected: within a fifth of the torso on average."""
    estimate = result.estimate
    joints, landmarks = estimate.joints_3d[0], estimate.vertices[0, engine.body.keypoint_vertices]
    points = np.stack(keypoints_from_joints(joints, landmarks))
    pixels = points[:, :2] / points[:, 2:] * estimate.focal + estimate.camera_center
    keypoints = estimate.keypoints_2d[0]
    torso = np.linalg.norm(keypoints[KEYPOINT_INDEX["left_shoulder"], :2] - keypoints[KEYPOINT_INDEX["right_hip"], :2])
    assert np.average(np.linalg.norm(pixels - keypoints[:, :2], axis=1), weights=keypoints[:, 2]) < 0.2 * torso


def test_a_standing_person_stands(result):
    """Head above hips above ankles in the picture, and the body upright in SMPL's frame."""
    points = {name: result.estimate.keypoints_2d[0, index] for name, index in KEYPOINT_INDEX.items()}
    assert points["head_top"][1] < points["pelvis"][1] < min(points["left_ankle"][1], points["right_ankle"][1])
    joints = result.estimate.joints_3d[0]
    assert joints[15, 1] < joints[0, 1] < joints[7, 1]  # head, pelvis, ankle; y runs down in the camera's frame


def test_the_mirrored_photo_shows_the_mirrored_person(engine, photo, result):
    mirrored = engine.estimate(photo_of(photo.pixels[:, ::-1])).estimate.keypoints_2d[0, KEYPOINT_MIRROR]
    mirrored[:, 0] = photo.size[0] - 1 - mirrored[:, 0]
    keypoints = result.estimate.keypoints_2d[0]
    sure = (keypoints[:, 2] > 0.5) & (mirrored[:, 2] > 0.5)
    height = result.estimate.bbox[0, 3]
    assert sure.sum() >= 8
    assert np.median(np.linalg.norm(mirrored - keypoints, axis=1)[sure]) < 0.04 * height


@pytest.mark.parametrize("share", [0.4, 0.2])
def test_the_person_is_found_in_a_larger_scene(engine, photo, result, share):
    """The same photo at a share of the picture's height, off to the side."""
    small = cv2.resize(photo.pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    scene = np.full((photo.size[1], 2 * photo.size[0], 3), small.mean((0, 1)), np.uint8)
    y, x = scene.shape[0] - small.shape[0] - 20, scene.shape[1] // 2 + 60
    scene[y : y + small.shape[0], x : x + small.shape[1]] = small
    found = engine.estimate(photo_of(scene)).estimate.bbox[0]
    expected = result.estimate.bbox[0] * share + [x, y, 0, 0]
    assert box_overlap(found, expected) > 0.5


def test_a_box_from_the_user_is_where_the_engine_looks(engine, photo, result):
    again = engine.estimate(photo, result.estimate.bbox[0]).estimate
    assert box_overlap(again.bbox[0], result.estimate.bbox[0]) > 0.8
    with pytest.raises(NoPersonError, match="in the box"):
        engine.estimate(photo, np.array([0.0, 0.0, 24.0, 24.0]))


@pytest.mark.parametrize("kind", ["grey", "noise", "stripes"])
def test_a_picture_without_a_person_is_refused_with_a_score(engine, kind):
    pixels = np.full((300, 400, 3), 128, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 255, pixels.shape, np.uint8)
    if kind == "stripes":
        pixels[:, ::20] = 20
    with pytest.raises(NoPersonError, match="probability 0"):
        engine.estimate(photo_of(pixels))


def test_the_field_of_view_sets_the_focal_length(photo):
    wide = Engine(Settings(device="cpu", field_of_view=90)).estimate(photo).estimate
    assert wide.focal == pytest.approx(max(photo.size) / 2)


def test_keypoints_from_elsewhere_give_the_same_pose_and_the_average_shape(engine, photo, result):
    keypoints = result.estimate.keypoints_2d[0]
    other = engine.estimate_from_keypoints(keypoints, photo.size, Path("k.json"))
    assert np.abs(other.estimate.poses[0, 3:] - result.estimate.poses[0, 3:]).max() < 1e-5
    assert not other.estimate.betas.any()
    assert any("average body" in remark for remark in other.remarks)


def test_too_few_keypoints_are_refused(engine):
    keypoints = np.zeros((25, 3))
    keypoints[:4] = [10, 10, 1]
    with pytest.raises(NoPersonError, match="4 keypoints"):
        engine.estimate_from_keypoints(keypoints, (100, 100), Path("k.json"))


def test_unseen_legs_are_called_a_guess(engine, photo, result):
    keypoints = result.estimate.keypoints_2d[0].copy()
    for name in ("right_knee", "left_knee", "right_ankle", "left_ankle"):
        keypoints[KEYPOINT_INDEX[name], 2] = 0.1
    half = engine.estimate_from_keypoints(keypoints, photo.size, Path("k.json"))
    assert any("guessed" in remark and "legs" in remark for remark in half.remarks)
    assert not any("legs" in remark for remark in result.remarks)


def test_legs_beyond_the_pictures_edge_are_guessed_where_they_would_be(engine, photo, result):
    """The example, ended between hips and knees: nothing of the legs is claimed, and the body stands on beyond the
    edge."""
    places = result.estimate.keypoints_2d[0]
    hips, knees = (places[[KEYPOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right")], 1].mean()
                   for joint in ("hip", "knee"))  # fmt: skip
    line = int(0.6 * hips + 0.4 * knees)
    cut = engine.estimate(Photo(photo.pixels[:line], photo.focal, photo.path))
    assert any("legs" in remark and "guessed" in remark for remark in cut.remarks)
    feet = cut.estimate.joints_2d[0, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]], 1]
    assert (feet > line).all()


def test_an_estimate_survives_the_disk(result, tmp_path):
    result.estimate.save(tmp_path / "e.npz")
    again = BodyEstimate.load(tmp_path / "e.npz")
    for name in ("poses", "betas", "vertices", "keypoints_2d", "faces"):
        assert np.array_equal(getattr(again, name), getattr(result.estimate, name)), name
    assert again.image_size == result.estimate.image_size and again.keypoint_names == result.estimate.keypoint_names
    assert again.body_model == result.estimate.body_model and again.focal == pytest.approx(result.estimate.focal)


@pytest.mark.parametrize("content", [b"", b"not an npz", b"PK\x03\x04broken"])
def test_a_broken_estimate_file_is_refused(content, tmp_path):
    path = tmp_path / "e.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"e\.npz"):
        BodyEstimate.load(path)


def test_betas_for_another_body_are_not_used(tmp_path, photo):
    """A user's SMPL file gets the average shape and a remark, until ShapePrior is trained for it."""
    with np.load(Path(__file__).parents[2] / "inference" / "models" / "body.npz") as archive:
        arrays = dict(archive)
    arrays["shapedirs"] = arrays["shapedirs"] * 0.9
    np.savez(tmp_path / "other.npz", **arrays)
    result = Engine(Settings(device="cpu", body_model=tmp_path / "other.npz", refine=False)).estimate(photo)
    assert not result.estimate.betas.any()
    assert any("ShapePrior was not trained for" in remark for remark in result.remarks)


def test_hidden_legs_are_less_certain_than_seen_ones(engine, photo, tmp_path):
    seen = engine.estimate(photo).detection.keypoints
    hidden = seen.copy()
    legs = [KEYPOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle", "heel")]
    hidden[legs, 2] = 0
    knees = [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]
    angles = []
    for keypoints in (seen, hidden):
        estimate = engine.estimate_from_keypoints(keypoints, photo.size, photo.path).estimate
        assert estimate.joint_uncertainty.shape == (1, 24)
        angles.append(estimate.joint_uncertainty[0, knees].mean())
    assert angles[1] > 1.2 * angles[0]
    estimate.save(tmp_path / "saved.npz")
    assert np.array_equal(BodyEstimate.load(tmp_path / "saved.npz").joint_uncertainty, estimate.joint_uncertainty)


def test_an_estimate_of_an_earlier_version_still_loads(engine, photo, tmp_path):
    replace(engine.estimate(photo).estimate, joint_uncertainty=None).save(tmp_path / "old.npz")
    assert BodyEstimate.load(tmp_path / "old.npz").joint_uncertainty is None
