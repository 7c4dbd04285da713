"""Which device the networks run on."""

import pytest
from body_from_image.inference.errors import UserError
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
