"""The pack people2d, read from a tiny one of the same form."""

import numpy as np
import pytest

pytest.importorskip("torch")

from body_from_image.inference.geometry.joints import COCO_NAMES, KEYPOINT_INDEX, LIMB_KEYPOINTS
from body_from_image.training.data import people2d
from body_from_image.training.data.photos2d import TEACHER_DEPTH, TEACHER_DEPTH_WEIGHT


def test_crops_have_keypoints_silhouettes_and_depths(packs):
    crops = people2d.load_more2d("train") + people2d.load_more2d("calibration") + people2d.load_more2d("validation")
    assert [crop.id for crop in crops] == [1, 2, 3, 4]
    assert [crop.mask is not None for crop in crops] == [False, True, False, True]
    assert all(crop.keypoints[LIMB_KEYPOINTS, 2].all() for crop in crops)
    assert crops[0].depth[0] == pytest.approx([20 * TEACHER_DEPTH, TEACHER_DEPTH_WEIGHT])


def test_no_crop_is_in_two_splits(packs):
    for load in (people2d.load_more2d, people2d.load_everyday):
        ids = [crop.id for split in ("train", "calibration", "validation") for crop in load(split)]
        assert len(ids) == len(set(ids)) > 0


def test_everybody_in_a_photo_is_a_crop_of_their_own(packs):
    crops = people2d.load_everyday("validation")
    assert len(crops) == 4 and all(crop.mask is None for crop in crops), "of two people nobody knows whose it is"
    for crop in crops:
        x, y = np.round(crop.keypoints[KEYPOINT_INDEX["left_knee"], :2]).astype(int)
        assert crop.image[y - 2 : y + 3, x - 2 : x + 3].max() > 150, "the knee lies on the figure"


def test_what_movenet_hardly_sees_is_no_label():
    coco = np.column_stack([np.arange(17), np.arange(17), np.full(17, 0.9)])
    coco[COCO_NAMES.index("left_wrist"), 2] = 0.2
    keypoints = people2d.coco_keypoints(coco, 0.3)
    assert keypoints[KEYPOINT_INDEX["left_wrist"], 2] == 0 and keypoints[KEYPOINT_INDEX["head_top"], 2] == 0
    assert keypoints[KEYPOINT_INDEX["right_knee"]] == pytest.approx([14, 14, 0.9])
    assert keypoints[KEYPOINT_INDEX["pelvis"]] == pytest.approx([11.5, 11.5, 0.9])
