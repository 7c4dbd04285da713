"""Take the arrays out of pickles, SMPL's official ones and motions, without running anything that the pickle asks for.

A pickle is a program. Here, whatever it builds becomes an `Inert` node that only remembers what the pickle said of it,
and names that no such file needs are refused. Afterwards the few kinds of node that hold arrays (numpy's own, joblib's,
scipy's sparse matrices, chumpy's `Ch` and `Select`) are evaluated, if somebody asks for them. So neither chumpy, scipy,
joblib nor torch is needed, and no array is larger than the file it came from.
"""

import io
import pickle
import re
import struct
import zlib
from math import prod
from typing import ClassVar

import numpy as np

from .npz import BadArrays

MAX_NESTING = 20
MAX_DENSE_SIZE = 2_000_000
"""Elements of a sparse matrix made dense: SMPL's J_regressor has 24 × 6890, but a few bytes could claim anything."""
MAX_BYTES = 2**40
"""More than any file; a larger number cannot be asked of Python's own reader."""
MAX_UNPACKED, MAX_RATIO, SMALL = 2**30, 50, 2**26
"""Bytes that a compressed pickle may unpack to, and how many times its own size unless that is `SMALL`; bodies' numbers
shrink to a third."""
SIMPLE_DTYPE = re.compile(r"[iuf][248]|[iu]1|b1")

ALLOWED = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("copy_reg", "_reconstructor"): "reconstructor",
    ("copyreg", "_reconstructor"): "reconstructor",
    ("__builtin__", "object"): "object",
    ("builtins", "object"): "object",
    ("__builtin__", "set"): "set",
    ("builtins", "set"): "set",
    ("__builtin__", "bytes"): "no bytes",
    ("builtins", "bytes"): "no bytes",
    ("__builtin__", "dict"): "dict",
    ("builtins", "dict"): "dict",
    ("collections", "defaultdict"): "mapping",
    ("collections", "OrderedDict"): "mapping",
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): "joblib",
} | {
    (f"{core}.{module}", name): kind
    for core in ("numpy.core", "numpy._core")
    for module, name, kind in (
        ("multiarray", "_reconstruct", "array"),
        ("multiarray", "scalar", "scalar"),
        ("numeric", "_frombuffer", "buffer"),
    )
}
SPARSE_CLASSES = ("csc_matrix", "csr_matrix")


class Inert:
    """What a pickle said of one object: the arguments it was made with and the state it was given."""

    kind = ""

    def __new__(cls, *arguments, **_):
        node = super().__new__(cls)
        node.arguments = arguments
        node.state = None
        return node

    def __init__(self, *_, **__):
        pass

    def __setstate__(self, state):
        self.state = state


class InertMapping(dict):
    """The entries of a `defaultdict` or an `OrderedDict`, without the function that would make new ones."""

    def __init__(self, *_):
        super().__init__()

    def __setstate__(self, state):
        pass


class IdentityTuple(tuple):
    """A tuple hashed by identity, because the hash of deeply nested ones can take for ever or exhaust the C stack."""

    __hash__ = object.__hash__


def read_pickled_arrays(data: bytes, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of `names` that the pickled dict in `data` has, as arrays. Raises BadArrays."""
    content = read_pickle(data)
    if not isinstance(content, dict):
        raise BadArrays("it holds no dictionary of arrays")
    return {name: array_of(content[name], name) for name in names if name in content}


def read_pickle(data: bytes) -> object:
    """What is pickled in `data`, by Python or by joblib: dicts, lists, texts, numbers, and `Inert` nodes. Raises
    BadArrays."""
    try:
        return _InertUnpickler(_unpacked(data)).load()
    except BadArrays:
        raise
    except Exception as error:  # a damaged pickle can fail in any way at all
        raise BadArrays("it is damaged, or not a pickle") from error


def array_of(node: object, name: str) -> np.ndarray:
    """The array that a node stands for, which is called `name`. Raises BadArrays."""
    try:
        return evaluate(node)
    except BadArrays as error:
        raise BadArrays(f"its '{name}' {error}") from error
    except Exception as error:  # so can one that is whole but means nonsense
        raise BadArrays(f"its '{name}' is damaged") from error


def evaluate(node: object, nesting: int = 0) -> np.ndarray:
    """The array that a node stands for. Raises BadArrays, or anything at all when the node is nonsense."""
    if nesting > MAX_NESTING:
        raise BadArrays("is nested too deeply")
    if not isinstance(node, Inert):
        raise BadArrays(f"is a {type(node).__name__} and not an array")
    kind = _kind(node)
    if kind == "array":
        shape, dtype, is_fortran, data = node.state[-4:]
        return _array(shape, dtype, "F" if is_fortran else "C", data)
    if kind == "buffer":
        data, dtype, shape, order = node.arguments
        return _array(shape, dtype, order, data)
    if kind == "scalar":
        return _array((), node.arguments[0], "C", node.arguments[1])
    if kind == "joblib":
        return _array(node.state["shape"], node.state["dtype"], node.state["order"], node.content)
    if kind in SPARSE_CLASSES:
        return _densify(kind, node.state, nesting)
    if kind == "chumpy.Ch":
        return evaluate(node.state["x"], nesting + 1)
    if kind == "chumpy.Select":
        chosen = evaluate(node.state["a"], nesting + 1).ravel()[evaluate(node.state["idxs"], nesting + 1)]
        return chosen.reshape(node.state.get("preferred_shape", chosen.shape))
    if kind.startswith("torch."):
        raise BadArrays("is a tensor of PyTorch; save it as an array instead, with .numpy()")
    raise BadArrays(f"is of the kind '{kind}', which is not an array")


class _InertUnpickler(pickle._Unpickler):
    """The pure Python unpickler, because in the C one a few bytes of file can ask for a memo of many gigabytes."""

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)
    del dispatch[pickle.FROZENSET[0]]  # hashed like tuples, and never needed

    def __init__(self, data: bytes):
        self._bytes, self._source = memoryview(data), io.BytesIO(data)
        super().__init__(self._source, encoding="latin1")

    def find_class(self, module: str, name: str) -> type:
        package = module.split(".")[0]
        kind = ALLOWED.get((module, name))
        if package in ("chumpy", "torch") and name.isidentifier():
            kind = f"{package}.{name}"
        elif kind == "mapping":
            return type("InertMapping", (InertMapping,), {})
        elif module.startswith("scipy.sparse") and name in SPARSE_CLASSES:
            kind = name
        if kind is None:
            raise BadArrays(f"it asks to run {module}.{name}, which no such file needs, and nothing of it was run")
        return type("Inert", (Inert,), {"kind": kind})

    def load_bytearray8(self) -> None:
        """Protocol 5's bytes, without allocating what the file does not hold."""
        (size,) = struct.unpack("<Q", self.read(8))
        content = self.read(min(size, MAX_BYTES))
        if len(content) < size:
            raise BadArrays("it ends too early")
        self.append(content)

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def load_build(self) -> None:
        """An object's state; after that of joblib's arrays come the array's bytes themselves, in no pickle's way."""
        super().load_build()
        node = self.stack[-1]
        if isinstance(node, Inert) and node.kind == "joblib":
            node.content = self._skip_array(node.state)

    dispatch[pickle.BUILD[0]] = load_build

    def _skip_array(self, state: dict) -> memoryview:
        """The bytes that joblib wrote here, which are not copied (joblib/numpy_pickle.py, `NumpyArrayWrapper`)."""
        if state.get("numpy_array_alignment_bytes") is not None:
            self._source.seek(self._source.read(1)[0], io.SEEK_CUR)
        start, size = self._source.tell(), _size(state["shape"], _dtype(state["dtype"]))
        if size > len(self._bytes) - start:
            raise BadArrays("it ends too early")
        self._source.seek(start + size)
        return self._bytes[start : start + size]

    def persistent_load(self, pid: object) -> None:
        raise BadArrays("it refers to objects outside the file")


def _with_identity_tuple(load):
    def load_tuple(unpickler):
        load(unpickler)
        unpickler.stack[-1] = IdentityTuple(unpickler.stack[-1])

    return load_tuple


for _opcode in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
    _InertUnpickler.dispatch[_opcode[0]] = _with_identity_tuple(_InertUnpickler.dispatch[_opcode[0]])


def _kind(node: Inert) -> str:
    """Objects of protocols 0 and 1 arrive as `_reconstructor(class, object, None)`."""
    return node.arguments[0].kind if node.kind == "reconstructor" else node.kind


def _array(shape: tuple, dtype: Inert, order: str, data: object) -> np.ndarray:
    """An array over the pickle's own bytes, nothing allocated on the word of its header."""
    content, element = _bytes(data), _dtype(dtype)
    if _size(shape, element) != len(content):
        raise BadArrays(f"claims the shape {tuple(shape)}, which does not match its data")
    return np.frombuffer(content, element).reshape(shape, order=order)


def _size(shape: tuple, element: np.dtype) -> int:
    """Bytes of an array of this shape."""
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise BadArrays(f"claims the shape {tuple(shape)}, which does not match its data")
    return prod(shape) * element.itemsize


def _unpacked(data: bytes) -> bytes:
    """What joblib compressed with zlib, bounded; anything else as it is."""
    if data[:1] != b"\x78":  # no pickle begins so
        return data
    most = min(MAX_UNPACKED, max(MAX_RATIO * len(data), SMALL))
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(data, most)
    if unpacking.unconsumed_tail:
        raise BadArrays(f"it would unpack to more than {most / 2**20:.0f} MiB")
    return content


def _bytes(data: object) -> bytes | memoryview:
    """Python 2 wrote bytes as text, and so does Python 3 in the protocols 0 to 2: as `encode(text)`, or `bytes()`."""
    if isinstance(data, Inert):
        data = data.arguments[0] if data.kind == "encode" else b""
    if isinstance(data, memoryview):
        return data
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _dtype(node: Inert) -> np.dtype:
    _, byte_order, subarray, names, fields = node.state[:5]
    code = node.arguments[0]
    if node.kind != "dtype" or not SIMPLE_DTYPE.fullmatch(code) or not subarray is names is fields is None:
        raise BadArrays("is not an array of plain numbers")
    return np.dtype(byte_order + code)


def _densify(kind: str, state: dict, nesting: int) -> np.ndarray:
    """A scipy matrix in compressed-column or compressed-row form as a dense one."""
    rows, columns = state["_shape"] if "_shape" in state else state["shape"]
    if rows * columns > MAX_DENSE_SIZE:
        raise BadArrays(f"claims to be a matrix of {rows} × {columns}")
    values, minor, starts = (evaluate(state[name], nesting + 1) for name in ("data", "indices", "indptr"))
    counts = np.diff(starts)
    if (counts < 0).any() or counts.sum() != len(minor):
        raise BadArrays("is a matrix whose parts do not match")
    major = np.repeat(np.arange(len(counts)), counts)
    dense = np.zeros((rows, columns))
    np.add.at(dense, (minor, major) if kind == "csc_matrix" else (major, minor), values)
    return dense
