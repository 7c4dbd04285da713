"""From torch weights to the ONNX files that ship: exported, large linear layers in eight bits, the rest thinned to half
precision on disk, checked against torch."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .eight_bits import BYTES, NUMBERS, STEPS, restored, store_convolutions, to_eight_bits

OPSET = 17
SMALLEST_HALVED = 256
"""Tensors with fewer values stay float32: they hold little, and batch norms want the digits."""


def export(
    network: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], path: Path, inputs: str | list[str],
    outputs: list[str], metadata: dict, free_sides: bool = False, eight_bits: bool = True,
) -> float:  # fmt: skip
    """Write `network` to `path` with a free batch size, of pictures with `free_sides` of any size too; returns the
    largest difference to torch on `example`.

    `inputs` and `outputs` name the tensors, and `example` has one for each input; `metadata` is carried in the file.
    Large linear layers are stored and computed in eight bits, large convolutions stored so (`eight_bits`); other
    weights are stored as float16. They are widened when the file is opened, so computing stays float32. Without
    `eight_bits` all are float16.
    """
    network = network.eval().float()
    sides = {2: "height", 3: "width"} if free_sides else {}
    examples = example if isinstance(example, tuple) else (example,)
    names = [inputs] if isinstance(inputs, str) else inputs
    free = {name: {0: "batch", **sides} for name in (*names, *outputs)}
    torch.onnx.export(
        network,
        examples,
        str(path),
        input_names=names,
        output_names=outputs,
        dynamic_axes=free,
        opset_version=OPSET,
        dynamo=False,
        # Batch norms stay apart and every weight keeps its name, so that `load_weights` can read the file; onnxruntime
        # fuses them when it opens it.
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    model = onnx.load(str(path))
    model = halve(store_convolutions(to_eight_bits(model)) if eight_bits else model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    annotate(path, metadata)
    return parity(network, examples, path)


def annotate(path: Path, metadata: dict[str, str]) -> None:
    """Write `metadata` into an exported file, in place of what it says under these names."""
    model = onnx.load(str(path))
    said = {entry.key: entry.value for entry in model.metadata_props} | metadata
    helper.set_model_props(model, said)
    onnx.save(model, str(path))


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16, each followed by a cast back that onnxruntime folds away on loading."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST_HALVED or tensor.name.endswith(STEPS):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def parity(network: torch.nn.Module, examples: tuple[torch.Tensor, ...], path: Path) -> float:
    """Largest absolute difference between torch and onnxruntime over all outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = (entry.name for entry in session.get_inputs())
    found = session.run(None, {name: one.numpy() for name, one in zip(names, examples, strict=True)})
    with torch.no_grad():
        expected = network(*examples)
    expected = expected if isinstance(expected, tuple | list) else [expected]
    return max(float(np.abs(f - e.numpy()).max()) for f, e in zip(found, expected, strict=True))


def load_weights(network: torch.nn.Module, path: Path, prefix: str = "", optional: tuple[str, ...] = ()) -> None:
    """Load a `weights.pt`, or the weights of an exported file whose names begin with `prefix`, into `network`; as
    `take_weights`."""
    take_weights(network, read_weights(path, prefix), path, optional)


def take_weights(
    network: torch.nn.Module, found: dict[str, torch.Tensor], path: Path, optional: tuple[str, ...] = ()
) -> None:
    """Give `network` the weights `found` in the file `path`.

    Weights whose names begin with one of `optional` stay as they are when the file lacks them. Raises ValueError when
    it lacks others, or is of a larger network.
    """
    state = network.state_dict()
    # Counters of batches seen are not part of exported files; they only matter to averages without a momentum.
    free = [name for name in state if name.startswith(optional) or name.endswith("num_batches_tracked")]
    missing = [name for name in state if name not in found and name not in free]
    if missing:
        raise ValueError(f"{path} lacks {len(missing)} weights of this network, such as {missing[0]}")
    parts = {name.split(".")[0] for name in state}
    beyond = [name for name in found if name not in state and name.split(".")[0] in parts]
    if beyond:
        raise ValueError(f"{path} has {len(beyond)} weights that this network lacks, such as {beyond[0]}")
    network.load_state_dict({name: found.get(name, value) for name, value in state.items()})


def read_weights(path: Path, prefix: str = "") -> dict[str, torch.Tensor]:
    """What a `weights.pt` holds, or an exported file under names that begin with `prefix`, without it."""
    return _exported(path, prefix) if Path(path).suffix == ".onnx" else _saved(path)


def _saved(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, map_location="cpu", weights_only=True)


def _exported(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    graph = onnx.load(str(path)).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    values = {
        name.removesuffix("_half"): torch.from_numpy(array.copy()).float()
        for name, array in arrays.items()
        if not name.endswith((NUMBERS, BYTES, STEPS))
    }
    for name in (name.removesuffix(BYTES) for name in arrays if name.endswith(BYTES)):
        values[name] = torch.from_numpy(arrays[name + BYTES] * arrays[name + STEPS])
    for name in (name.removesuffix(NUMBERS) for name in arrays if name.endswith(NUMBERS)):
        values[name] = restored(arrays[name + NUMBERS], arrays[name + STEPS])
    # Tensors that are equal are stored once; the others' names are identities of it.
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    values |= {name: values[source] for name, source in same.items() if source in values}
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
