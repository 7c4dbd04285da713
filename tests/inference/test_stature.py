"""A body of a given height."""


import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.body.stature import betas_at_height
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.images import read_image

from ..conftest import EXAMPLE

MODEL = BodyModel.load()


@pytest.mark.parametrize("height", [1.45, 1.75, 2.0])
def test_the_body_is_as_tall_as_was_said(height):
    betas = np.random.default_rng(0).normal(0, 1, 10)
    found = betas_at_height(MODEL, betas, height)
    assert np.ptp(MODEL.rest_vertices(found[None])[0, :, 1]) == pytest.approx(height, abs=1e-4)
    np.testing.assert_allclose(found[1:], betas[1:], rtol=1e-6)


def test_a_height_that_no_body_has_is_refused_with_those_that_it_can_have():
    with pytest.raises(UserError, match=r"1\.\d\d to 2\.\d\d m"):
        betas_at_height(MODEL, np.zeros(10), 2.9)


def test_a_taller_person_stands_further_from_the_camera_and_covers_the_same_pixels():
    photo = read_image(EXAMPLE)
    engine = Engine(Settings(device="cpu"))
    free = engine.estimate(photo).estimate
    engine.settings = Settings(device="cpu", height=2.0)
    tall = engine.estimate(photo).estimate
    assert np.ptp(MODEL.rest_vertices(tall.betas[None])[0, :, 1]) == pytest.approx(2.0, abs=1e-4)
    before = np.ptp(MODEL.rest_vertices(free.betas[None])[0, :, 1])
    ratio = tall.joints_3d[0, 0, 2] / free.joints_3d[0, 0, 2]
    assert ratio == pytest.approx(2.0 / before, rel=0.05)
    assert np.abs(tall.joints_2d - free.joints_2d).max() < 0.03 * max(free.image_size)
