"""A correction in a film: its frame, its neighbours, and which frame to look at next."""

from dataclasses import replace

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import rotations_of
from body_from_image.inference.body.correction import Correction
from body_from_image.inference.correction.correct import with_frame
from body_from_image.inference.correction.local import projected
from body_from_image.inference.correction.spread import correct_motion, doubtful_frames, fading
from body_from_image.inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX, LIMB_KEYPOINTS
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.inference.refinement.refine import evidence_of, parameters_of

from .conftest import estimate_of

FRAME, REACH = 30, 5


@pytest.fixture(scope="module")
def motion(body, walk):
    return estimate_of(body, walk.rotations, walk.trans, walk.keypoints)


def test_a_correction_fades_over_its_neighbours_and_no_further(body, motion):
    wrist = KEYPOINT_INDEX["left_wrist"]
    pixels = projected(body, parameters_of(body, motion, FRAME), evidence_of(motion, FRAME))
    place = pixels[wrist] + [0, -60]
    after, remarks = correct_motion(body, motion, [Correction("left_wrist", tuple(place), frame=FRAME)], REACH)
    found = projected(body, parameters_of(body, after, FRAME), evidence_of(motion, FRAME))
    assert remarks == () and np.linalg.norm(found[wrist] - place) < 5
    before, moved = (rotations_of(one.poses.astype(np.float64)) for one in (motion, after))
    turn = np.rad2deg(np.linalg.norm(matrix_to_axis_angle(before.transpose(0, 1, 3, 2) @ moved), axis=-1))
    arm = turn[:, [JOINT_INDEX["left_shoulder"], JOINT_INDEX["left_elbow"]]].max(1)
    assert arm[FRAME] > 5
    assert (np.diff(arm[FRAME - REACH - 1 : FRAME + 1]) > 0).all()
    assert (np.diff(arm[FRAME : FRAME + REACH + 2]) < 0).all()
    assert arm[[FRAME - REACH - 1, FRAME + REACH + 1]].max() < 0.01
    assert turn[:, JOINT_INDEX["left_knee"]].max() < 0.01


def test_a_correction_ends_where_another_begins():
    shares = fading(20, 10, 6, others=[12])
    assert shares[10] == 1 and shares[12] == 0 and 0 < shares[11] < 1
    assert shares[4] > 0 and shares[3] == 0


def test_the_worst_frame_comes_first_and_corrected_ones_no_more(motion):
    keypoints = motion.keypoints_2d.copy()
    keypoints[40, LIMB_KEYPOINTS, 2] = 0.1
    keypoints[70, LIMB_KEYPOINTS, 2] = 0.3
    doubtful = replace(motion, keypoints_2d=keypoints)
    assert doubtful_frames(doubtful)[:2] == [40, 70]
    corrected = replace(doubtful, corrections=(Correction("nose", (1.0, 1.0), frame=41),))
    assert doubtful_frames(corrected)[0] == 70


def test_a_correction_stays_in_its_own_cameras_frame(body, motion):
    """Of a film whose camera turns and moves, the frame as it was is put back as it was."""
    count = motion.frame_count
    turns = axis_angle_to_matrix(np.linspace(0, 0.5, count)[:, None] * [0.1, 1.0, 0.0])
    places = np.linspace(0, 0.4, count)[:, None] * [1.0, 0.2, 0.5]
    turning = replace(motion, camera_rotations=turns, camera_places=places)
    again = with_frame(body, turning, count - 1, parameters_of(body, turning, count - 1))
    np.testing.assert_allclose(again.trans, turning.trans, atol=1e-6)
    np.testing.assert_allclose(rotations_of(again.poses), rotations_of(turning.poses), atol=1e-6)
