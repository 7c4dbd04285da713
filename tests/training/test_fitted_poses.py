"""Poses fitted to the labels of photos, for PosePrior to learn from."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.correction.local import keypoint_places, projected  # noqa: E402
from body_from_image.inference.engine import Engine, Settings  # noqa: E402
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX  # noqa: E402
from body_from_image.inference.refinement.refine import evidence_of, parameters_of  # noqa: E402
from body_from_image.training.data.photos2d import LSPET, LabelledCrop  # noqa: E402
from body_from_image.training.people.instances import People  # noqa: E402
from body_from_image.training.people.poses import load_poses, with_fitted  # noqa: E402
from body_from_image.training.reprojection import fitted_poses  # noqa: E402

SIZE = (400, 500)
TORSO = 120.0


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(device="cpu", threads=1))


@pytest.fixture(scope="module")
def walker(engine) -> LabelledCrop:
    """Labels of somebody who stands with a knee and an elbow bent, exactly where our body has them."""
    keypoints = np.ones((25, 3), np.float32)
    places = {
        "pelvis": (200, 260), "right_hip": (182, 260), "left_hip": (218, 260), "right_knee": (176, 335),
        "left_knee": (232, 330), "right_ankle": (172, 415), "left_ankle": (238, 410), "thorax": (200, 150),
        "upper_neck": (200, 135), "head_top": (200, 90), "right_shoulder": (165, 155), "left_shoulder": (235, 155),
        "right_elbow": (150, 215), "left_elbow": (262, 210), "right_wrist": (148, 270), "left_wrist": (250, 258),
    }  # fmt: skip
    keypoints[:, 2] = 0
    for name, place in places.items():
        keypoints[KEYPOINT_INDEX[name]] = *place, 1
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    crop = LabelledCrop(1, LSPET, image, keypoints, None, False)
    estimate = engine.estimate_from_keypoints(keypoints, SIZE, "labels").estimate
    pixels = projected(engine.body, parameters_of(engine.body, estimate), evidence_of(estimate))
    return replace(crop, keypoints=np.column_stack([pixels, keypoints[:, 2]]).astype(np.float32))


def test_a_body_on_all_labels_is_kept_and_one_beside_a_wrist_is_not(engine, walker):
    (kept,) = list(fitted_poses.fits(engine, [walker]))
    assert fitted_poses.lies_on(engine, kept[0], walker, TORSO)
    moved = replace(walker, keypoints=walker.keypoints.copy())
    moved.keypoints[10:16, 1] -= 90  # the labels of arms contradict the rest
    assert not fitted_poses.lies_on(engine, kept[0], moved, TORSO)


def test_few_labels_give_no_pose(engine, walker):
    few = replace(walker, keypoints=walker.keypoints * np.float32([1, 1, 0.1]))
    assert not list(fitted_poses.fits(engine, [few]))


def test_limbs_are_flipped_when_the_teachers_depths_say_so(engine, walker):
    own = engine.estimate_from_keypoints(walker.keypoints, SIZE, "labels").estimate
    flipped = [one for one, _ in engine.others(own, 3) if fitted_poses.lies_on(engine, one, walker, TORSO)]
    assert flipped
    places = keypoint_places(engine.body, parameters_of(engine.body, flipped[0]))[:, 2]
    seen = evidence_of(flipped[0])
    depth = (places - places[6]) * seen.camera.focal / places[6]
    assert fitted_poses.by_depth(engine, own, walker, TORSO) is own, "nobody said anything of depth"
    told = replace(walker, depth=np.column_stack([depth, np.ones(25)]).astype(np.float32))
    chosen = fitted_poses.by_depth(engine, own, told, TORSO)
    errors = [fitted_poses.depth_error(engine, one, told.depth) for one in (own, chosen)]
    assert errors[1] < 0.5 * errors[0]


def test_fitted_poses_are_drawn_in_their_share(packs, tmp_path):
    fitted = np.zeros((5, 24, 3), np.float16)
    fitted[:, 16, 2] = 1.25
    np.savez(tmp_path / "fitted.npz", poses=fitted)
    poses = load_poses("train")
    both = with_fitted(poses, tmp_path / "fitted.npz", 0.3)
    assert both.probability.sum() == pytest.approx(1) and both.probability[-5:].sum() == pytest.approx(0.3)
    assert (both.clip[-5:] == -1).all() and len(both.axis_angle) == len(poses.axis_angle) + 5


def test_the_command_writes_what_people_reads(packs, engine, walker, tmp_path, monkeypatch):
    monkeypatch.setattr(fitted_poses, "load_crops", lambda *args, **options: [walker])
    fitted_poses.main(["--out", str(tmp_path / "fitted.npz")])
    found = np.load(tmp_path / "fitted.npz")["poses"]
    assert found.shape == (1, 24, 3)
    people = People(engine.body, "train", fitted=tmp_path / "fitted.npz", share=0.5)
    assert people.draw(4, np.random.default_rng(0)).rotations.shape == (4, 24, 3, 3)
