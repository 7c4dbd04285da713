"""Metrics: what they must not see, and what they must."""

import numpy as np
import pytest
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix
from body_from_image.training.measure.metrics import mpjpe, pa_mpjpe, scale_corrected, similarity_aligned

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(6, 24, 3))


def test_a_similarity_transform_is_no_error_after_alignment():
    turned = 1.7 * TRUTH @ axis_angle_to_matrix(np.array([0.4, -1.0, 0.3])).T + [1, 2, 3]
    assert pa_mpjpe(turned, TRUTH).max() < 1e-6
    assert mpjpe(turned, TRUTH).min() > 100


def test_a_mirror_image_is_an_error():
    assert pa_mpjpe(TRUTH * [-1, 1, 1], TRUTH).min() > 100


def test_alignment_is_scipys():
    procrustes = pytest.importorskip("scipy.spatial").procrustes
    found = TRUTH + RNG.normal(0, 0.1, TRUTH.shape)
    for ours, noisy, truth in zip(similarity_aligned(found, TRUTH), found, TRUTH, strict=True):
        _, _, disparity = procrustes(truth, noisy)
        centred = truth - truth.mean(0)
        assert ((ours - truth) ** 2).sum() / (centred**2).sum() == pytest.approx(disparity, rel=1e-6)


def test_a_constant_offset_of_one_joint():
    found = TRUTH.copy()
    found[:, 5, 0] += 0.24
    assert mpjpe(found, TRUTH) == pytest.approx(np.full(6, 10.0))


def test_size_and_place_do_not_count_in_shape():
    assert scale_corrected(TRUTH * 1.3 + 5, TRUTH).max() < 1e-9
    assert scale_corrected(TRUTH * [1.3, 1, 1], TRUTH).min() > 1
