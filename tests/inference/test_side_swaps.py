"""Exchanged sides are put right, and legs that truly cross are left alone."""

import numpy as np
import pytest
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, KEYPOINT_NAMES
from body_from_image.inference.motion.side_swaps import GROUPS, repair_sides

from .conftest import even_walk

LEGS, ARMS = GROUPS[0], GROUPS[1]


@pytest.fixture(scope="module", params=[0.0, np.pi / 2, 0.7], ids=["from the front", "from the side", "askew"])
def seen(request, body):
    """Keypoints (F, 25, 3) of a walk, with noise."""
    keypoints = even_walk(body, 90, yaw=request.param).keypoints
    noise = np.random.default_rng(1).normal(0, 4.0, keypoints.shape)
    return np.concatenate([keypoints + noise, np.full((*keypoints.shape[:2], 1), 0.8)], axis=-1)


def exchange(keypoints, group, frames):
    exchanged = keypoints.copy()
    exchanged[np.ix_(frames, group)] = keypoints[np.ix_(frames, KEYPOINT_MIRROR[group])]
    return exchanged


def apart(keypoints, group):
    """Frames in which left and right of a group are so far apart that it matters."""
    offset = keypoints[:, group, :2] - keypoints[:, KEYPOINT_MIRROR[group], :2]
    return np.linalg.norm(offset, axis=-1).mean(1) > 0.06 * np.ptp(keypoints[..., 1], axis=1)


def test_sides_that_are_right_stay(seen):
    repaired, changed = repair_sides(seen, np.ones(len(seen), bool))
    assert not changed.any()
    assert np.array_equal(repaired, seen)


@pytest.mark.parametrize("group", [LEGS, ARMS], ids=["legs", "arms"])
@pytest.mark.parametrize("frames", [[20], [40, 41], list(range(55, 67))], ids=["one", "two", "twelve"])
def test_exchanged_sides_are_put_right(seen, group, frames):
    repaired, changed = repair_sides(exchange(seen, group, frames), np.ones(len(seen), bool))
    wrong = np.abs(repaired - seen).max((1, 2)) > 0
    assert not (wrong & apart(seen, group)).any()
    assert set(np.flatnonzero(changed & apart(seen, group))) <= set(frames)


def test_what_most_frames_say_is_taken_for_true(seen):
    """Of a clip that begins with exchanged legs, the first frames are changed and not the others."""
    repaired, changed = repair_sides(exchange(seen, LEGS, list(range(20))), np.ones(len(seen), bool))
    assert not changed[30:].any()
    assert not ((np.abs(repaired - seen).max((1, 2)) > 0) & apart(seen, LEGS)).any()


def test_a_gap_does_not_matter(seen):
    known = np.ones(len(seen), bool)
    known[30:36] = False
    broken = exchange(seen, LEGS, [20, 21])
    broken[~known] = 0
    repaired, changed = repair_sides(broken, known)
    assert not changed[~known].any() and not repaired[~known].any()
    assert not ((np.abs(repaired - seen).max((1, 2)) > 0) & apart(seen, LEGS) & known).any()


def test_every_group_is_its_own_mirror_image():
    for group in GROUPS:
        assert set(KEYPOINT_MIRROR[group]) == set(group)
    assert len(set(np.concatenate(GROUPS))) == len(KEYPOINT_NAMES) - 5  # pelvis, thorax, neck, head, nose
    assert KEYPOINT_INDEX["left_ankle"] in LEGS and KEYPOINT_INDEX["left_wrist"] in ARMS


def test_two_frames_are_too_few_to_tell(seen):
    assert not repair_sides(seen[:2], np.ones(2, bool))[1].any()
