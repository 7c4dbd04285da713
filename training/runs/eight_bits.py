"""Large layers in eight bits: linear ones multiply so, convolutions are only stored so, and widened when the file is
opened.

Linear layers: a quarter of the memory to read, which is what one person's pose takes time for.

Weights have a step for each output, what they are multiplied with one for each row, found as it comes. So a person's
answer does not depend on who else is in the batch. (onnxruntime's own dynamic quantisation has one step for the
whole batch: on PosePrior that made 60.7 mm of 44.7 PA-MPJPE, and this makes 44.7.) Operators are ONNX's own, and
multiply unsigned numbers, since processors without VNNI may overflow with signed ones.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

SMALLEST_SIDE = 512
"""Of the layers that are worth it."""
KEEPS_SIGN = ("Add", "Dropout", "Flatten", "Identity", "MaxPool", "Reshape")
"""Operators that make nothing negative of what is not."""
SMALLEST_CONVOLUTION = 16384
"""Weights of a convolution that is worth it."""
NUMBERS, BYTES, STEPS = "_eight_bits", "_bytes", "_step"
"""What the names of a linear layer's numbers, of a convolution's, and of their steps end with."""
MIDDLE = 128
"""The number that stands for a weight of zero."""
_STEP_OF_ONE, _LEAST_STEP, _ZERO, _MIDDLE = (
    "eight_bits_step",
    "eight_bits_least",
    "eight_bits_zero",
    "eight_bits_middle",
)


def to_eight_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace large `Gemm` nodes, in place, by nodes that multiply in eight bits, where what they are given is never
    negative: the bytes then count from zero."""
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    nodes, constants = [], []
    for node in graph.node:
        large = node.op_type == "Gemm" and min(weights[node.input[1]].dims) >= SMALLEST_SIDE
        if not large or not _never_negative(node.input[0], makers):
            nodes.append(node)
            continue
        tensor = weights[node.input[1]]
        numbers, steps = rounded(numpy_helper.to_array(tensor))
        graph.initializer.remove(tensor)
        constants += [
            numpy_helper.from_array(numbers, tensor.name + NUMBERS),
            numpy_helper.from_array(steps, tensor.name + STEPS),
        ]
        nodes += _layer(node, tensor.name)
    if constants:
        constants += [
            numpy_helper.from_array(np.float32(1 / 255), _STEP_OF_ONE),
            numpy_helper.from_array(np.float32(1e-12), _LEAST_STEP),
            numpy_helper.from_array(np.uint8(0), _ZERO),
            numpy_helper.from_array(np.uint8(MIDDLE), _MIDDLE),
        ]
    graph.initializer.extend(constants)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def store_convolutions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep the weights of large convolutions, in place, as bytes and a step for each output, followed by their product,
    which onnxruntime computes once, when it opens the file. Depthwise convolutions stay: they have few weights, and
    each counts."""
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    users = {node.input[1]: node for node in graph.node if node.op_type == "Conv" and node.input[1] in weights}
    nodes = []
    for name in users:
        tensor = weights[name]
        if np.prod(tensor.dims) < SMALLEST_CONVOLUTION or tensor.dims[1] == 1:
            continue
        numbers, steps = rounded_filters(numpy_helper.to_array(tensor))
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(numbers, name + BYTES))
        graph.initializer.append(numpy_helper.from_array(steps, name + STEPS))
        nodes.append(helper.make_node("Cast", [name + BYTES], [name + "_whole"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [name + "_whole", name + STEPS], [name]))
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def rounded_filters(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N, C, H, W) as int8 and the steps (N, 1, 1, 1) between them."""
    steps = np.abs(weights).max((1, 2, 3), keepdims=True).clip(1e-12).astype(np.float32) / (MIDDLE - 1)
    return np.round(weights / steps).astype(np.int8), steps


def round_frozen(network: torch.nn.Module) -> None:
    """Round the weights of large convolutions that do not learn, as a file will keep them, so that what does learn
    learns upon them."""
    for module in network.modules():
        if not isinstance(module, torch.nn.Conv2d) or module.weight.requires_grad or module.groups > 1:
            continue
        if module.weight.numel() >= SMALLEST_CONVOLUTION:
            numbers, steps = rounded_filters(module.weight.detach().numpy(force=True))
            module.weight.data.copy_(torch.from_numpy(numbers * steps))


def rounded(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (N, K) as numbers (K, N) uint8 and the steps (N,) between them."""
    steps = np.maximum(np.abs(weights).max(1), 1e-12).astype(np.float32) / (MIDDLE - 1)
    numbers = np.round(weights / steps[:, None]) + MIDDLE
    return np.ascontiguousarray(numbers.astype(np.uint8).T), steps


def restored(numbers: np.ndarray, steps: np.ndarray) -> torch.Tensor:
    """The weights (N, K) again, as far as eight bits tell."""
    return torch.from_numpy((numbers.T.astype(np.float32) - MIDDLE) * steps[:, None])


def _never_negative(name: str, makers: dict[str, onnx.NodeProto]) -> bool:
    """Whether a tensor comes from nothing but ReLUs; `makers` are the nodes by their outputs."""
    maker = makers.get(name)
    if maker is None or maker.op_type == "Relu":
        return maker is not None
    # The others' second input, if there is one, is a shape or a switch.
    given = maker.input if maker.op_type == "Add" else maker.input[:1]
    return maker.op_type in KEEPS_SIGN and all(_never_negative(one, makers) for one in given)


def _layer(node: onnx.NodeProto, weight: str) -> list[onnx.NodeProto]:
    """x W + b of a `Gemm`: x over its row's step, rounded, times the numbers, times both steps, and b."""
    (given, _, bias), (result,) = node.input, node.output

    def make(operator: str, inputs: list[str], output: str, **attributes) -> onnx.NodeProto:
        return helper.make_node(operator, inputs, [output], **attributes)

    name = {part: f"{result}_{part}" for part in ("top", "raw", "step", "ratio", "round", "byte", "sum", "real", "one")}
    return [
        make("ReduceMax", [given], name["top"], axes=[1], keepdims=1),
        make("Mul", [name["top"], _STEP_OF_ONE], name["raw"]),
        make("Max", [name["raw"], _LEAST_STEP], name["step"]),
        make("Div", [given, name["step"]], name["ratio"]),
        make("Round", [name["ratio"]], name["round"]),
        make("Cast", [name["round"]], name["byte"], to=TensorProto.UINT8),
        make("MatMulInteger", [name["byte"], weight + NUMBERS, _ZERO, _MIDDLE], name["sum"]),
        make("Cast", [name["sum"]], name["real"], to=TensorProto.FLOAT),
        make("Mul", [name["real"], name["step"]], name["one"]),
        make("Mul", [name["one"], weight + STEPS], f"{result}_product"),
        make("Add", [f"{result}_product", bias], result),
    ]
