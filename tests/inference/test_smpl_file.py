"""Users' SMPL files: official ones are read exactly, and hostile or broken ones are refused in a sentence."""

import io
import os
import pickle
import struct
import sys
import time
import tracemalloc
import types
import zipfile

import numpy as np
import pytest
from body_from_image.inference.body import smpl_file
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.body.smpl_file import read_smpl_file
from body_from_image.inference.errors import UserError
from body_from_image.inference.geometry.joints import JOINT_PARENTS

VERTICES = 60


def smpl_arrays(betas=10, joints=24, vertices=VERTICES):
    """SMPL's arrays as its files hold them (float64, unsigned faces and tree), of a body with few vertices."""
    rng = np.random.default_rng(7)
    weights = rng.random((vertices, joints))
    regressor = np.where(rng.random((joints, vertices)) < 0.2, rng.random((joints, vertices)), 0)
    parents = np.arange(-1, joints - 1)
    parents[: len(JOINT_PARENTS)] = JOINT_PARENTS
    return {
        "v_template": rng.normal(size=(vertices, 3)),
        "shapedirs": rng.normal(0, 0.01, (vertices, 3, betas)),
        "posedirs": rng.normal(0, 0.01, (vertices, 3, 9 * (joints - 1))),
        "J_regressor": regressor / np.maximum(regressor.sum(1, keepdims=True), 1e-9),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.stack([parents.astype(np.uint32), np.arange(joints, dtype=np.uint32)]),
        "f": rng.integers(0, vertices, (100, 3)).astype(np.uint32),
    }


def assert_read_exactly(path, arrays):
    read = read_smpl_file(path)
    for name in ("v_template", "posedirs", "J_regressor", "weights", "f"):
        assert np.array_equal(getattr(read, name), arrays[name].astype(getattr(read, name).dtype)), name
    assert np.array_equal(read.shapedirs, arrays["shapedirs"][:, :, :10].astype(np.float32))
    assert np.array_equal(read.parents, JOINT_PARENTS)


# -- official pickles ------------------------------------------------------------------------------------------------


@pytest.fixture
def chumpy(monkeypatch):
    """Classes with the names and the pickled state of chumpy's, which does not install on any current Python."""
    names = {"chumpy": (), "chumpy.ch": ("Ch",), "chumpy.reordering": ("Select", "Transpose")}
    for module_name, classes in names.items():
        module = types.ModuleType(module_name)
        for name in classes:
            setattr(module, name, type(name, (), {"__module__": module_name}))
        monkeypatch.setitem(sys.modules, module_name, module)

    def make(module_name, class_name, **state):
        node = getattr(sys.modules[module_name], class_name)()
        node.__dict__.update(state)
        return node

    return make


class Python2Pickler(pickle._Pickler):
    """Writes byte strings as Python 2 did: as its `str`, under the opcodes STRING, BINSTRING and SHORT_BINSTRING."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_str(self, text):
        raw = text if isinstance(text, bytes) else text.encode("latin1")
        if not self.bin:
            self.write(b"S" + repr(raw)[1:].encode() + b"\n")
        elif len(raw) < 256:
            self.write(b"U" + bytes([len(raw)]) + raw)
        else:
            self.write(b"T" + struct.pack("<i", len(raw)) + raw)

    dispatch[bytes] = dispatch[str] = save_str


def legacy_dump(content, protocol):
    file = io.BytesIO()
    Python2Pickler(file, protocol).dump(content)
    modern = ((b"scipy.sparse._csc", b"scipy.sparse.csc"), (b"numpy._core.", b"numpy.core."))
    data = file.getvalue()
    for new, old in modern:
        data = data.replace(new, old)
    return data


def official_content(chumpy, arrays):
    """The dictionary of the official release: arrays wrapped by chumpy, a sparse regressor, and things nobody needs."""
    sparse = pytest.importorskip("scipy.sparse", reason="scipy writes the sparse regressor of the official files")
    vertices, _, betas = arrays["shapedirs"].shape
    all_betas = np.concatenate([arrays["shapedirs"], np.ones((vertices, 3, 5))], axis=2)
    chosen = np.arange(all_betas.size).reshape(all_betas.shape)[:, :, :betas].ravel()

    def ch(values):
        return chumpy("chumpy.ch", "Ch", x=values, _dirty_vars={"x"}, _itr=None)

    select = chumpy("chumpy.reordering", "Select", a=ch(all_betas), idxs=chosen, preferred_shape=(vertices, 3, betas))
    transpose = chumpy("chumpy.reordering", "Transpose", a=ch(np.zeros((3, 24))), axes=(1, 0))
    return arrays | {
        "v_template": ch(arrays["v_template"]),
        "shapedirs": select,
        "posedirs": ch(arrays["posedirs"]),
        "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
        "J_regressor_prior": sparse.csr_matrix(arrays["J_regressor"]),
        "J": transpose,
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_official_python_2_pickles_load_without_chumpy(tmp_path, chumpy, protocol):
    arrays = smpl_arrays()
    data = legacy_dump(official_content(chumpy, arrays), protocol)
    for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        del sys.modules[name]
    path = tmp_path / "basicmodel_neutral.pkl"
    path.write_bytes(data)
    assert_read_exactly(path, arrays)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_any_protocol_load(tmp_path, chumpy, protocol):
    arrays = smpl_arrays()
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(pickle.dumps(official_content(chumpy, arrays), protocol))
    assert_read_exactly(path, arrays)


@pytest.mark.parametrize("form", ["csc_matrix", "csr_matrix"])
def test_sparse_regressors_are_made_dense(tmp_path, form):
    sparse = pytest.importorskip("scipy.sparse", reason="scipy writes the sparse regressor")
    arrays = smpl_arrays()
    path = tmp_path / "body.pkl"
    path.write_bytes(pickle.dumps(arrays | {"J_regressor": getattr(sparse, form)(arrays["J_regressor"])}))
    assert_read_exactly(path, arrays)


def test_fortran_ordered_arrays_keep_their_meaning(tmp_path):
    arrays = smpl_arrays()
    path = tmp_path / "body.pkl"
    path.write_bytes(pickle.dumps({name: np.asfortranarray(array) for name, array in arrays.items()}, protocol=2))
    assert_read_exactly(path, arrays)


# -- npz -------------------------------------------------------------------------------------------------------------


def test_an_npz_loads_and_300_betas_are_cut_to_10(tmp_path):
    arrays = smpl_arrays(betas=300)
    np.savez(tmp_path / "SMPL_MALE.npz", **arrays, unrelated=np.array([object()], object))
    assert_read_exactly(tmp_path / "SMPL_MALE.npz", arrays)
    model = BodyModel.load(tmp_path / "SMPL_MALE.npz")
    assert model.name == "SMPL_MALE" and model.beta_names[0] == "shape 1" and len(model.beta_names) == 10
    posed = model.pose(np.zeros((2, 10)), np.broadcast_to(np.eye(3), (2, 24, 3, 3)))
    assert np.allclose(posed.vertices[1], arrays["v_template"], atol=1e-5)


def test_the_suffix_does_not_matter(tmp_path):
    np.savez(tmp_path / "body.npz", **smpl_arrays())
    (tmp_path / "body.npz").rename(tmp_path / "body.pkl")
    assert_read_exactly(tmp_path / "body.pkl", smpl_arrays())


def test_an_npz_may_lack_posedirs(tmp_path):
    arrays = smpl_arrays()
    del arrays["posedirs"]
    np.savez(tmp_path / "body.npz", **arrays)
    assert read_smpl_file(tmp_path / "body.npz").posedirs is None


# -- refusals --------------------------------------------------------------------------------------------------------


def changed(**changes):
    return {name: array for name, array in (smpl_arrays() | changes).items() if array is not None}


def with_nan(name):
    array = smpl_arrays()[name]
    array.flat[5] = np.nan
    return {name: array}


WRONG_CONTENT = {
    "missing one": (changed(weights=None), "lacks weights"),
    "missing two": (changed(f=None, v_template=None), "lacks v_template, f"),
    "nan vertices": (changed(**with_nan("v_template")), "'v_template' has numbers that are not finite"),
    "nan weights": (changed(**with_nan("weights")), "'weights' has numbers that are not finite"),
    "too large for float32": (changed(posedirs=np.full((VERTICES, 3, 207), 1e300)), "'posedirs' has numbers that are"),
    "flat vertices": (changed(v_template=np.zeros(VERTICES * 3)), "'shapedirs' has the shape"),
    "scalar vertices": (changed(v_template=np.float64(1)), "'shapedirs' has the shape"),
    "transposed weights": (changed(weights=smpl_arrays()["weights"].T), "'weights' has the shape (24, 60)"),
    "empty regressor": (changed(J_regressor=np.zeros((24, 60))), "'J_regressor' does not make joints"),
    "short regressor": (changed(J_regressor=np.ones((24, 5))), "'J_regressor' has the shape (24, 5), not 24 × 60"),
    "few betas": (changed(shapedirs=np.zeros((VERTICES, 3, 4))), "4 shape coefficients"),
    "posedirs of SMPL-H": (changed(posedirs=np.zeros((VERTICES, 3, 459))), "'posedirs' has the shape"),
    "weights of 2": (changed(weights=smpl_arrays()["weights"] * 2), "do not add up to 1"),
    "face out of range": (changed(f=np.full((4, 3), VERTICES)), "'f' points to what does not exist"),
    "negative face": (changed(f=np.full((4, 3), -1)), "'f' points to what does not exist"),
    "faces of floats": (changed(f=np.zeros((4, 3))), "'f' points to what does not exist"),
    "no faces": (changed(f=np.zeros((0, 3), int)), "'f' has the shape"),
    "text for numbers": (changed(v_template=np.full((VERTICES, 3), "x")), "'v_template' is not"),
    "complex numbers": (changed(v_template=np.zeros((VERTICES, 3), complex)), "'v_template' is not"),
    "wrong parents": (changed(kintree_table=np.stack([np.r_[-1, np.zeros(23, int)], np.arange(24)])), "not connected"),
    "children before parents": (
        changed(kintree_table=np.stack([np.r_[-1, JOINT_PARENTS[:0:-1]], np.arange(24)])),
        "not connected",
    ),
    "a tree of one row": (changed(kintree_table=JOINT_PARENTS[None]), "'kintree_table'"),
    "a tree of floats": (changed(kintree_table=smpl_arrays()["kintree_table"] * 1.0), "'kintree_table'"),
    "SMPL-H": (smpl_arrays(joints=52), "52 joints (SMPL-H), and only SMPL's 24-joint files are supported"),
    "SMPL-X": (smpl_arrays(joints=55), "55 joints (SMPL-X), and only SMPL's 24-joint files are supported"),
    "stray texture index": (
        changed(vt=np.zeros((5, 2)), ft=np.full((100, 3), 5)),
        "'ft' points to what does not exist",
    ),
}


@pytest.mark.parametrize("container", ["npz", "pkl"])
@pytest.mark.parametrize("case", WRONG_CONTENT)
def test_wrong_content_is_named(tmp_path, case, container):
    arrays, reason = WRONG_CONTENT[case]
    path = tmp_path / f"body.{container}"
    if container == "npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays, protocol=2))
    if case in ("text for numbers", "complex numbers") and container == "pkl":
        reason = "its 'v_template'"
    assert_refused(path, reason)


def assert_refused(path, reason):
    with pytest.raises(UserError) as refusal:
        read_smpl_file(path)
    message = str(refusal.value)
    assert reason in message and "\n" not in message and path.name in message


class Calls:
    """Pickles as a call of `function`, which an ordinary unpickler would make."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Forged:
    """Pickles as a numpy array whose header says anything."""

    def __init__(self, shape, dtype, data):
        self.state = (1, shape, dtype, False, data)

    def __reduce__(self):
        reconstruct, arguments, _ = np.zeros(1).__reduce__()
        return reconstruct, arguments, self.state


def hostile_pickles(marker):
    loop = []
    loop.append(loop)
    return {
        "runs a shell": ({"v_template": Calls(os.system, f"touch {marker}")}, "asks to run posix.system"),
        "evaluates": ({"v_template": Calls(eval, f"open({str(marker)!r}, 'w')")}, "asks to run builtins.eval"),
        "opens": ({"v_template": Calls(open, str(marker), "w")}, "asks to run io.open"),
        "imports": ({"v_template": Calls(__import__, "this")}, "asks to run builtins.__import__"),
        "an object array": (changed(v_template=np.array([[{}, {}, {}]] * VERTICES)), "'v_template'"),
        "an absurd shape": (changed(v_template=Forged((10**13, 3), np.dtype("f8"), b"")), "claims the shape"),
        "a negative shape": (changed(v_template=Forged((-1, 3), np.dtype("f8"), b"x" * 24)), "claims the shape"),
        "data too short": (changed(v_template=Forged((VERTICES, 3), np.dtype("f8"), b"x")), "claims the shape"),
        "a list for an array": (changed(v_template=loop), "is a list and not an array"),
        "a structured type": (changed(v_template=np.zeros((VERTICES, 3), "f8,f8")), "not an array of plain numbers"),
        "only a list": ([1, 2, 3], "no dictionary"),
    }


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("case", hostile_pickles(""))
def test_hostile_pickles_are_refused_and_not_run(tmp_path, case, protocol):
    content, reason = hostile_pickles(tmp_path / "marker")[case]
    if case in ("evaluates", "imports") and protocol < 3:
        reason = reason.replace("builtins", "__builtin__")
    path = tmp_path / "hostile.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    assert_refused(path, reason)
    assert not (tmp_path / "marker").exists() and "this" not in sys.modules


def test_a_matrix_that_claims_to_be_huge_is_refused(tmp_path):
    sparse = pytest.importorskip("scipy.sparse", reason="scipy writes the sparse regressor")
    huge = sparse.csc_matrix((1, 1))
    huge._shape = (10**9, 10**9)
    forged = sparse.csc_matrix((24, VERTICES))
    forged.indptr[-1] = 2**31 - 1
    for matrix, reason in ((huge, "matrix of 1000000000 × 1000000000"), (forged, "parts do not match")):
        path = tmp_path / "body.pkl"
        path.write_bytes(pickle.dumps(changed(J_regressor=matrix)))
        assert_refused(path, reason)


def test_chumpy_expressions_that_would_have_to_be_computed_are_refused(tmp_path, chumpy):
    path = tmp_path / "body.pkl"
    path.write_bytes(pickle.dumps(changed(v_template=chumpy("chumpy.reordering", "Transpose", a=1)), protocol=2))
    assert_refused(path, "'v_template' is of the kind 'chumpy.Transpose'")
    nested = chumpy("chumpy.ch", "Ch")
    nested.x = nested
    path.write_bytes(pickle.dumps(changed(v_template=nested), protocol=2))
    assert_refused(path, "'v_template' is nested too deeply")


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02}r\xff\xff\xff\x7f.",  # a dictionary, memorised in place 2147483647
        b"\x80\x02})" + b"2\x86" * 40 + b"Ns.",  # a key that is a tuple of two tuples of two tuples …
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # 2⁶³ bytes that do not follow
        b"\x80\x05\x96\0\0\0\x60\0\0\0\0.",  # 1.5 GB of a byte array that do not follow
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x80\x05\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",  # text
    ],
)
def test_a_few_bytes_cannot_take_all_memory_or_time(tmp_path, data):
    path = tmp_path / "bomb.pkl"
    path.write_bytes(data)
    start = time.perf_counter()
    tracemalloc.start()
    try:
        assert_refused(path, "cannot be used")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 5


def npz_bytes(arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npz_with_header(header):
    """An npz whose v_template has a forged header and no data."""
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, header)
    file = io.BytesIO(npz_bytes(changed(v_template=None)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("v_template.npy", array.getvalue())
    return file.getvalue()


def flipped(data):
    return data[:2000] + bytes(255 - byte for byte in data[2000:2100]) + data[2100:]


BROKEN_FILES = {
    "empty": (b"", "it is empty"),
    "text": (b"This is no body, but a letter.\n", "damaged, or not a pickle"),
    "html": (b"<!DOCTYPE html><html><body>Please sign in</body></html>", "damaged, or not a pickle"),
    "truncated pickle": (pickle.dumps(smpl_arrays())[:5000], "damaged, or not a pickle"),
    "truncated npz": (npz_bytes(smpl_arrays())[:5000], "damaged, or not an npz"),
    "flipped bits in an npz": (flipped(npz_bytes(smpl_arrays())), "damaged"),
    "another zip": (npz_bytes({"weather": np.ones(3)}), "lacks v_template, shapedirs"),
    "pickled objects in an npz": (
        npz_bytes(changed(v_template=np.array([{}], object))),
        "not an array of plain numbers",
    ),
    "an absurd shape": (
        npz_with_header({"shape": (10**13, 3), "fortran_order": False, "descr": "<f8"}),
        "'v_template' is damaged",
    ),
    "a header of objects": (
        npz_with_header({"shape": (1,), "fortran_order": False, "descr": "|O"}),
        "not an array of plain numbers",
    ),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_broken_files_are_refused(tmp_path, case):
    data, reason = BROKEN_FILES[case]
    path = tmp_path / "body.npz"
    path.write_bytes(data)
    assert_refused(path, reason)


def test_every_truncation_of_a_pickle_is_refused(tmp_path):
    data = pickle.dumps(smpl_arrays(vertices=4), protocol=2)
    path = tmp_path / "body.pkl"
    for end in range(1, len(data), len(data) // 40):
        path.write_bytes(data[:end])
        assert_refused(path, "cannot be used as a body model")


def test_files_and_arrays_larger_than_any_smpl_file_are_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "body.npz"
    path.write_bytes(npz_bytes(smpl_arrays()))
    monkeypatch.setattr(smpl_file, "MAX_ARRAY_SIZE", 1000)
    assert_refused(path, "'v_template' would unpack to")
    with open(path, "wb") as file:
        file.truncate(smpl_file.MAX_FILE_SIZE + 1)
    assert_refused(path, "more than any SMPL file")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "nothing.pkl", tmp_path):
        with pytest.raises(UserError, match="There is no file"):
            read_smpl_file(path)
