"""Which device the networks run on."""

import numpy as np
import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.models import MODELS
from body_from_image.inference.networks.priors import ShapePrior
from body_from_image.inference.networks.runtime import DEVICES, Network, wanted_providers

CPU, CUDA, DML = "CPUExecutionProvider", "CUDAExecutionProvider", "DmlExecutionProvider"


@pytest.mark.parametrize(
    ("device", "available", "wanted"),
    [("cpu", [CUDA, CPU], []), ("auto", [CPU], []), ("auto", [DML, CPU], [DML]), ("cuda", [CUDA, CPU], [CUDA])],
)
def test_a_device_is_one_of_onnxruntimes_providers(device, available, wanted):
    assert wanted_providers(device, available) == wanted


@pytest.mark.parametrize("device", [name for name in DEVICES if name not in ("auto", "cpu")])
def test_a_device_that_is_not_there_is_told_with_what_to_do(device):
    with pytest.raises(UserError, match=rf"no {device.upper()} here.*choose the CPU"):
        Network("human2d_fast", device).session  # noqa: B018


def test_automatic_falls_back_to_the_processor():
    assert Network("human2d_fast", "auto", 1).provider == CPU


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_damaged_network_of_a_users_own_is_told(tmp_path, share):
    """As it lies beside a licensed body."""
    whole = (MODELS / "shape_prior.onnx").read_bytes()
    path = tmp_path / "body_shape_prior.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"could not be opened.*take it away") as refusal:
        ShapePrior("cpu", 1, file=path).body_model  # noqa: B018
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["pose_prior", "finder"])
def test_another_network_in_its_place_is_told(tmp_path, name):
    path = tmp_path / "body_shape_prior.onnx"
    path.write_bytes((MODELS / f"{name}.onnx").read_bytes())
    with pytest.raises(UserError, match="damaged, or another one"):
        ShapePrior("cpu", 1, file=path)(np.zeros((1, 64, 64), np.float32))


def test_a_damaged_one_that_ships_is_to_be_installed_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("body_from_image.inference.networks.runtime.MODELS", tmp_path)
    (tmp_path / "finder.onnx").write_bytes(b"no network")
    with pytest.raises(UserError, match="Install the package anew"):
        Network("finder", "cpu", 1).session  # noqa: B018


def test_a_network_with_broken_texts_is_told(tmp_path):
    """Found by fuzzing: what is written beside the weights need not be text."""
    whole = (MODELS / "shape_prior.onnx").read_bytes()
    assert whole.count(b"438f61af32735dd6") == 1
    path = tmp_path / "body_shape_prior.onnx"
    path.write_bytes(whole.replace(b"438f61af32735dd6", b"\xb8" * 16))
    with pytest.raises(UserError, match="cannot be understood"):
        ShapePrior("cpu", 1, file=path).body_model  # noqa: B018
