"""An estimate's npz from somebody else: read whole, or refused in a sentence before it takes memory."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.errors import UserError


def arrays(frames=2, **changed):
    """What `BodyEstimate.save` writes; a change to None leaves an array out."""
    content = {
        "poses": np.zeros((frames, 72)), "betas": np.zeros(10), "trans": np.zeros((frames, 3)),
        "keypoints_2d": np.zeros((frames, 25, 3)), "joints_3d": np.zeros((frames, 24, 3)),
        "joints_2d": np.zeros((frames, 24, 2)), "focal": 500.0, "camera_center": np.zeros(2), "image_size": [64, 48],
        "bbox": np.zeros((frames, 4)), "score": np.ones(frames), "body_model": "abc", "faces": np.zeros((3, 3), int),
    } | changed  # fmt: skip
    return {name: array for name, array in content.items() if array is not None}


def packed(content):
    file = io.BytesIO()
    np.savez_compressed(file, **content)
    return file


def test_what_was_saved_is_read(tmp_path):
    BodyEstimate.load(packed(arrays())).save(tmp_path / "first.npz")
    again = BodyEstimate.load(tmp_path / "first.npz")
    assert (again.frame_count, again.focal, again.image_size, again.body_model) == (2, 500.0, (64, 48), "abc")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"poses": None}, "lacks poses"),
        ({"focal": [500.0, 500.0]}, "'focal' has the shape"),
        ({"focal": 0.0}, "camera"),
        ({"focal": np.nan}, "'focal' has numbers that are not finite"),
        ({"trans": np.full((2, 3), np.inf)}, "'trans' has numbers that are not finite"),
        ({"trans": np.zeros((3, 3))}, "'trans' has the shape"),
        ({"poses": np.zeros((0, 72))}, "'poses' has the shape"),
        ({"betas": np.zeros((1, 10))}, "'betas' has the shape"),
        ({"image_size": [0, 48]}, "camera"),
        ({"body_model": 3}, "'body_model' is of the wrong kind"),
        ({"score": np.array(["a", "b"])}, "'score' is of the wrong kind"),
        ({"silhouette": np.zeros(5)}, "'silhouette' has the shape"),
        ({"poses": np.array([{}], object)}, "plain numbers"),
    ],
)
def test_nonsense_is_named(changed, told):
    with pytest.raises(UserError, match=told):
        BodyEstimate.load(packed(arrays(**changed)))


def header(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_a_small_file_cannot_fill_the_memory(tmp_path):
    """One array that unpacks to 200 MB, and one whose header claims more than any machine has."""
    for name, content in (("vertices", np.zeros((2, 4_000_000, 3))), ("poses", None)):
        path = tmp_path / f"{name}.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, array in (arrays() | ({name: content} if content is not None else {})).items():
                file = io.BytesIO()
                np.save(file, array)
                archive.writestr(f"{key}.npy", file.getvalue() if content is not None else header((10**12, 72)))
        assert path.stat().st_size < 1_000_000
        tracemalloc.start()
        try:
            with pytest.raises(UserError):
                BodyEstimate.load(path)
            assert tracemalloc.get_traced_memory()[1] < 50_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("text", ["{'descr': '<f8', (", "{'descr': '<f8', 'shape': (2, 72L", "\0" * 40, "(" * 5000])
def test_a_header_that_cannot_be_parsed_is_damage(tmp_path, text):
    """Found by fuzzing: numpy's parser of headers raises whatever Python's own does."""
    whole = b"\x93NUMPY\1\0" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n"
    with zipfile.ZipFile(tmp_path / "estimate.npz", "w") as archive:
        for key in arrays():
            archive.writestr(f"{key}.npy", whole)
    with pytest.raises(UserError, match="damaged"):
        BodyEstimate.load(tmp_path / "estimate.npz")
