"""Linear layers in eight bits: nearly what they were, for each row by itself, and readable again."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.training.runs import onnx_export  # noqa: E402
from body_from_image.training.runs.eight_bits import (  # noqa: E402
    BYTES,
    NUMBERS,
    SMALLEST_SIDE,
    restored,
    round_frozen,
    rounded,
)


@pytest.fixture
def layers():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(20, SMALLEST_SIDE), torch.nn.ReLU(), torch.nn.Linear(SMALLEST_SIDE, 2 * SMALLEST_SIDE),
        torch.nn.ReLU(), torch.nn.Linear(2 * SMALLEST_SIDE, 6),
    )  # fmt: skip


def exported(layers, folder):
    import onnxruntime

    path = folder / "layers.onnx"
    difference = onnx_export.export(layers, torch.randn(16, 20), path, "x", ["y"], {})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return path, difference, lambda given: session.run(None, {"x": given.astype(np.float32)})[0]


def names(path):
    import onnx

    return [tensor.name for tensor in onnx.load(str(path)).graph.initializer]


def test_rounding_is_off_by_half_a_step_at_most():
    weights = np.random.default_rng(0).normal(size=(30, 50)).astype(np.float32) * np.logspace(-4, 2, 30)[:, None]
    numbers, steps = rounded(weights.astype(np.float32))
    assert numbers.dtype == np.uint8 and numbers.shape == (50, 30)
    assert (np.abs(restored(numbers, steps).numpy() - weights) <= steps[:, None] * 0.501).all()
    assert not restored(*rounded(np.zeros((3, 4), np.float32))).any()


def test_a_network_in_eight_bits_answers_as_before_in_a_third_of_the_space(layers, tmp_path):
    path, difference, _ = exported(layers, tmp_path)
    assert [name for name in names(path) if name.endswith(NUMBERS)] == ["2.weight" + NUMBERS]
    size = np.std(layers(torch.randn(200, 20)).detach().numpy())
    assert difference < 0.05 * size
    assert path.stat().st_size < 0.32 * 4 * sum(parameter.numel() for parameter in layers.parameters())


def test_layers_that_are_given_negative_numbers_stay_as_they_are(tmp_path):
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Linear(20, SMALLEST_SIDE), torch.nn.Tanh(), torch.nn.Linear(SMALLEST_SIDE, SMALLEST_SIDE)
    )
    path, difference, _ = exported(layers, tmp_path)
    assert difference < 1e-3 and not any(name.endswith(NUMBERS) for name in names(path))


def test_who_else_is_in_the_batch_does_not_matter(layers, tmp_path):
    _, _, run = exported(layers, tmp_path)
    rows = np.random.default_rng(0).normal(size=(5, 20))
    rows[3] *= 1000
    assert np.allclose(run(rows), np.concatenate([run(row[None]) for row in rows]), rtol=1e-5, atol=1e-6)
    assert np.isfinite(run(np.zeros((1, 20)))).all()


def test_weights_are_read_back(layers, tmp_path):
    path, _, run = exported(layers, tmp_path)
    again = torch.nn.Sequential(
        *(
            type(layer)(layer.in_features, layer.out_features) if isinstance(layer, torch.nn.Linear) else layer
            for layer in layers
        )
    )
    onnx_export.load_weights(again, path)
    given = torch.randn(16, 20)
    assert np.abs(again(given).detach().numpy() - run(given.numpy())).max() < 0.05 * np.std(
        layers(given).detach().numpy()
    )
    # What was rounded once is not rounded any further.
    second = tmp_path / "again"
    second.mkdir()
    _, _, repeated = exported(again, second)
    assert np.allclose(repeated(given.numpy()), run(given.numpy()), atol=1e-3)


@pytest.fixture
def convolutions():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 256, 1), torch.nn.ReLU(), torch.nn.Conv2d(256, 256, 3, padding=1, groups=256),
        torch.nn.Conv2d(256, 128, 1), torch.nn.ReLU(), torch.nn.Conv2d(128, 4, 1),
    )  # fmt: skip


def export_picture(network, folder):
    path = folder / "network.onnx"
    return path, onnx_export.export(network, torch.rand(1, 3, 16, 16), path, "x", ["y"], {})


def test_large_convolutions_are_stored_in_bytes_and_answer_nearly_as_before(convolutions, tmp_path):
    path, difference = export_picture(convolutions, tmp_path)
    assert [name for name in names(path) if name.endswith(BYTES)] == ["3.weight" + BYTES]
    assert 0 < difference < 0.01 * convolutions(torch.rand(4, 3, 16, 16)).std()


def test_what_was_rounded_while_others_learned_is_stored_as_it_is(convolutions, tmp_path):
    for parameter in convolutions[:4].parameters():
        parameter.requires_grad_(False)
    depthwise, large, learning = (convolutions[number].weight for number in (2, 3, 5))
    before = [weight.clone() for weight in (depthwise, large, learning)]
    round_frozen(convolutions)
    assert torch.equal(before[0], depthwise) and torch.equal(before[2], learning)
    assert not torch.equal(before[1], large)
    path, _ = export_picture(convolutions, tmp_path)
    again = onnx_export.read_weights(path)
    torch.testing.assert_close(again["3.weight"], convolutions[3].weight, rtol=0, atol=1e-7)
