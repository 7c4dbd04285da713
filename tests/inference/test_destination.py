"""Files appear whole or not at all, and two who write one file do not meet."""

import pytest
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.destination import replacing


def test_two_writers_of_one_file_each_finish_theirs(tmp_path):
    path = tmp_path / "body.npz"
    with replacing(path) as first, replacing(path) as second:
        assert first != second and first.suffix == second.suffix == ".npz"
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first" and [file.name for file in tmp_path.iterdir()] == ["body.npz"]


def test_a_fault_leaves_what_was_there(tmp_path):
    path = tmp_path / "body.npz"
    path.write_text("before")
    with pytest.raises(UserError, match="Could not write"), replacing(path) as unfinished:
        unfinished.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "before" and [file.name for file in tmp_path.iterdir()] == ["body.npz"]
