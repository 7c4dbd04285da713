"""A licensed SMPL file is read by another process: the same body arrives, and what that process meets stays there."""

import importlib.util
import os
import pickle
import sys

import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

from body_from_image.inference.body import smpl_file
from body_from_image.inference.body.body_model import BUNDLED_BODY, BodyModel
from body_from_image.inference.errors import UserError
from body_from_image.operators import body_file
from body_from_image.operators.body_file import forget_body_model, load_body_model

from ..inference.test_smpl_file import smpl_arrays


@pytest.fixture(autouse=True)
def forgotten():
    forget_body_model()
    yield
    forget_body_model()


@pytest.fixture
def licensed(tmp_path):
    path = tmp_path / "SMPL Männlich.pkl"
    path.write_bytes(pickle.dumps(smpl_arrays(betas=300), protocol=2))
    return path


def test_the_same_body_arrives_and_this_process_unpickles_nothing(licensed, monkeypatch):
    expected = BodyModel.load(licensed)

    def fail(*_):
        raise AssertionError("unpickled in Blender's process")

    monkeypatch.setattr(smpl_file, "read_pickled_arrays", fail)
    model = load_body_model(licensed)
    assert (model.name, model.hash, model.beta_names) == (expected.name, expected.hash, expected.beta_names)
    for name in ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "parents", "faces"):
        np.testing.assert_array_equal(getattr(model, name), getattr(expected, name))
    assert model.landmarks == expected.landmarks
    assert load_body_model(licensed) is model


def test_the_open_body_comes_back_with_all_that_belongs_to_it(tmp_path):
    (tmp_path / "body.npz").write_bytes(BUNDLED_BODY.read_bytes())
    model, expected = load_body_model(tmp_path / "body.npz"), BodyModel.load()
    assert model.beta_names == expected.beta_names and model.landmarks == expected.landmarks
    for name in ("vt", "ft", "vertex_mirror"):
        np.testing.assert_array_equal(getattr(model, name), getattr(expected, name))


def test_what_is_wrong_with_a_file_is_told_under_its_own_name(tmp_path):
    path = tmp_path / "letter.pkl"
    path.write_bytes(b"Dear Sir or Madam")
    with pytest.raises(UserError, match=r"letter\.pkl cannot be used as a body model: it is damaged"):
        load_body_model(path)
    with pytest.raises(UserError, match="There is no file"):
        load_body_model(tmp_path / "nothing.pkl")


@pytest.mark.parametrize(
    ("code", "told"), [("import os; os.abort()", "ended by itself"), ("import time; time.sleep(60)", "did not answer")]
)
def test_a_reader_that_dies_or_hangs_is_a_sentence(licensed, monkeypatch, code, told):
    monkeypatch.setattr(body_file, "worker_command", lambda: [sys.executable, "-c", code])
    monkeypatch.setattr(body_file, "PATIENCE", 2.0)
    with pytest.raises(UserError, match=told):
        load_body_model(licensed)


def test_a_file_that_was_changed_is_read_anew(licensed):
    before = load_body_model(licensed)
    arrays = smpl_arrays()
    arrays["v_template"] += 1
    licensed.write_bytes(pickle.dumps(arrays, protocol=2))
    os.utime(licensed, (1, 1))
    np.testing.assert_allclose(load_body_model(licensed).v_template, before.v_template + 1, atol=1e-6)
