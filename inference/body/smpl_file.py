"""Read a body model's arrays from a file in SMPL's format: the bundled open body, or a user's licensed SMPL.

Two containers exist: npz (never with pickled objects in it) and the official pickles, which `files.pickles` takes
apart. Whatever the file says is checked here before anything downstream sees it.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files.destination import replacing
from ..files.npz import BadArrays, open_npz
from ..files.pickles import read_pickled_arrays
from ..geometry.joints import JOINT_PARENTS

BETA_COUNT = 10
"""Shape coefficients that are used; files with 300 are cut, as their first ones are the same."""
MAX_FILE_SIZE = 400 * 2**20
MAX_ARRAY_SIZE = 128 * 2**20
"""Bytes of one unpacked array; the 300 shape coefficients of 6890 vertices in float64 take 50 million."""
REQUIRED = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
OPTIONAL_NUMBERS = ("posedirs", "vt", "ft", "vertex_mirror", "landmark_ids")
OPTIONAL_NAMES = ("beta_names", "landmark_names")
SMPL_LANDMARKS = {
    "nose": 332, "reye": 6260, "leye": 2800, "rear": 4071, "lear": 583, "rthumb": 6191, "rindex": 5782,
    "rmiddle": 5905, "rring": 6016, "rpinky": 6133, "lthumb": 2746, "lindex": 2319, "lmiddle": 2445, "lring": 2556,
    "lpinky": 2673, "LBigToe": 3216, "LSmallToe": 3226, "LHeel": 3387, "RBigToe": 6617, "RSmallToe": 6624,
    "RHeel": 6787,
}  # fmt: skip
"""Vertices of SMPL's mesh, as the `smplx` package numbers them; files that name no landmarks of their own have
these."""
ADVICE = "Choose the .pkl or .npz of SMPL's 24-joint model as its own site hands it out."


@dataclass(frozen=True, eq=False)
class SmplArrays:
    """SMPL's arrays by SMPL's names, checked: float32, indices int32. V vertices, T triangles, U UVs."""

    v_template: np.ndarray
    """(V, 3)"""
    shapedirs: np.ndarray
    """(V, 3, 10)"""
    posedirs: np.ndarray | None
    """(V, 3, 207)"""
    J_regressor: np.ndarray
    """(24, V)"""
    weights: np.ndarray
    """(V, 24)"""
    parents: np.ndarray
    """(24,), -1 for the root"""
    f: np.ndarray
    """(T, 3)"""
    vt: np.ndarray | None
    """(U, 2)"""
    ft: np.ndarray | None
    """(T, 3)"""
    beta_names: tuple[str, ...]
    vertex_mirror: np.ndarray | None
    """(V,)"""
    landmarks: dict[str, int]


def read_smpl_file(path: Path) -> SmplArrays:
    """Read and check an SMPL .npz or .pkl. Raises UserError, which names what was wrong; runs nothing from the file."""
    try:
        data = _read_bytes(path)
        is_npz = data.startswith(b"PK")
        return _checked(_read_npz(data) if is_npz else read_pickled_arrays(data, REQUIRED + OPTIONAL_NUMBERS))
    except BadArrays as error:
        raise UserError(f"{path.name} cannot be used as a body model: {error}. {ADVICE}") from error


def write_smpl_file(path: Path, body: SmplArrays) -> None:
    """Write what was read as an npz that is read the same. Raises UserError when it cannot be written."""
    arrays = {name: getattr(body, name) for name in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")}
    arrays |= {name: getattr(body, name) for name in ("f", "vt", "ft", "vertex_mirror")}
    arrays["kintree_table"] = np.stack([body.parents, np.arange(len(body.parents))])
    arrays["beta_names"] = np.array(body.beta_names)
    if body.landmarks is not SMPL_LANDMARKS:
        arrays["landmark_names"] = np.array(list(body.landmarks))
        arrays["landmark_ids"] = np.array(list(body.landmarks.values()))
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UserError(f"There is no file {path}. {ADVICE}")
        size = path.stat().st_size
        if size == 0:
            raise BadArrays("it is empty")
        if size > MAX_FILE_SIZE:
            raise BadArrays(f"it has {size / 2**20:.0f} MiB, more than any SMPL file")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Could not read {path}: {error.strerror or error}.") from error


def _read_npz(data: bytes) -> dict[str, np.ndarray]:
    """The arrays we know out of an npz; the others, whatever they are, stay packed."""
    with open_npz(io.BytesIO(data)) as archive:
        return archive.read_some(REQUIRED + OPTIONAL_NUMBERS + OPTIONAL_NAMES, MAX_ARRAY_SIZE)


def _checked(arrays: dict[str, np.ndarray]) -> SmplArrays:
    missing = [name for name in REQUIRED if name not in arrays]
    if missing:
        raise BadArrays(f"it lacks {', '.join(missing)}")
    parents = _parents(arrays["kintree_table"])
    vertex_count, joint_count = len(np.atleast_1d(arrays["v_template"])), len(parents)
    shapedirs = _floats(arrays, "shapedirs", (vertex_count, 3, None))[:, :, :BETA_COUNT]
    if shapedirs.shape[2] < BETA_COUNT:
        raise BadArrays(f"it has {shapedirs.shape[2]} shape coefficients, but {BETA_COUNT} are needed")
    weights = _floats(arrays, "weights", (vertex_count, joint_count))
    if np.abs(weights.sum(1) - 1).max() > 0.01:
        raise BadArrays("the skinning weights of its vertices do not add up to 1")
    regressor = _floats(arrays, "J_regressor", (joint_count, vertex_count))
    if np.abs(regressor.sum(1) - 1).max() > 0.01:
        raise BadArrays("its 'J_regressor' does not make joints of averages of vertices")
    faces = _indices(arrays, "f", (None, 3), vertex_count)
    vt = _floats(arrays, "vt", (None, 2)) if "vt" in arrays and "ft" in arrays else None
    mirror = _indices(arrays, "vertex_mirror", (vertex_count,), vertex_count) if "vertex_mirror" in arrays else None
    posedirs_shape = (vertex_count, 3, 9 * (joint_count - 1))
    return SmplArrays(
        v_template=_floats(arrays, "v_template", (vertex_count, 3)),
        shapedirs=np.ascontiguousarray(shapedirs),
        posedirs=_floats(arrays, "posedirs", posedirs_shape) if "posedirs" in arrays else None,
        J_regressor=regressor,
        weights=weights,
        parents=parents,
        f=faces,
        vt=vt,
        ft=None if vt is None else _indices(arrays, "ft", (len(faces), 3), len(vt)),
        beta_names=_beta_names(arrays),
        vertex_mirror=mirror,
        landmarks=_landmarks(arrays, vertex_count),
    )


def _parents(kintree_table: np.ndarray) -> np.ndarray:
    """Parents from the first row of SMPL's table, whose root is -1 or, unsigned, 4294967295."""
    expected = len(JOINT_PARENTS)
    if kintree_table.ndim != 2 or len(kintree_table) != 2 or kintree_table.dtype.kind not in "iu":
        raise BadArrays("its 'kintree_table' is not a table of joints and their parents")
    count = kintree_table.shape[1]
    if count != expected:
        relative = {52: " (SMPL-H)", 55: " (SMPL-X)"}.get(count, "")
        raise BadArrays(f"it has {count} joints{relative}, and only SMPL's {expected}-joint files are supported")
    if not np.array_equal(kintree_table[0, 1:], JOINT_PARENTS[1:]):
        raise BadArrays("its joints are not connected in the way of SMPL's")
    return JOINT_PARENTS.copy()


def _floats(arrays: dict[str, np.ndarray], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    array = arrays[name]
    _check_shape(name, array, shape)
    if array.dtype.kind not in "fiu":
        raise BadArrays(f"its '{name}' is not an array of numbers")
    with np.errstate(over="ignore"):  # what does not fit float32 becomes infinite, and is refused as such
        array = np.array(array, np.float32, order="C")
    if not np.isfinite(array).all():
        raise BadArrays(f"its '{name}' has numbers that are not finite")
    return array


def _indices(arrays: dict[str, np.ndarray], name: str, shape: tuple[int | None, ...], limit: int) -> np.ndarray:
    array = arrays[name]
    _check_shape(name, array, shape)
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= limit:
        raise BadArrays(f"its '{name}' points to what does not exist")
    return np.array(array, np.int32, order="C")


def _check_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.size == 0:
        wanted = " × ".join("any" if side is None else str(side) for side in shape)
        raise BadArrays(f"its '{name}' has the shape {array.shape}, not {wanted}")


def _beta_names(arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    names = arrays.get("beta_names")
    if names is None or names.dtype.kind != "U" or names.shape != (BETA_COUNT,):
        return tuple(f"shape {number}" for number in range(1, BETA_COUNT + 1))
    return tuple(str(name) for name in names)


def _landmarks(arrays: dict[str, np.ndarray], vertex_count: int) -> dict[str, int]:
    names = arrays.get("landmark_names")
    if names is None or names.dtype.kind != "U" or names.ndim != 1 or "landmark_ids" not in arrays:
        return SMPL_LANDMARKS
    ids = _indices(arrays, "landmark_ids", names.shape, vertex_count)
    return {str(name): int(vertex) for name, vertex in zip(names, ids, strict=True)}
