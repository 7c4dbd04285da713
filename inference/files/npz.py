"""Arrays out of an npz that anybody may have made: nothing is unpickled, and nothing allocated on a header's word.

`numpy.load` allocates what a header claims, and a zip of a megabyte can unpack to gigabytes. Here headers can be
looked at first, and what an array unpacks to is bounded and must be what its header says.
"""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np


class BadArrays(Exception):
    """Why arrays cannot be read: a clause that completes "this file cannot be used: …"."""


class Npz:
    """An open npz. Everything raises BadArrays for what is damaged."""

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    @property
    def names(self) -> frozenset[str]:
        """Of the arrays that are there."""
        return frozenset(self._members)

    def shape(self, name: str) -> tuple[int, ...]:
        """What the array's header says, of which nothing is unpacked."""
        return self._header(name)[0]

    def read(self, name: str, most: int) -> np.ndarray:
        """One array of at most `most` bytes."""
        shape, is_fortran, dtype, start = self._header(name)
        info = self._members[name]
        if info.file_size > most:
            raise BadArrays(f"its '{name}' would unpack to {info.file_size / 2**20:.0f} MiB")
        if prod(shape) * dtype.itemsize != info.file_size - start:
            raise BadArrays(f"its '{name}' is damaged")
        with self._faults(name):
            content = self._archive.read(info)[start:]  # at most `file_size` bytes, whatever is packed
            return np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran else "C").copy()

    def read_some(self, names: Iterable[str], most: int) -> dict[str, np.ndarray]:
        """Those of `names` that are there."""
        return {name: self.read(name, most) for name in names if name in self._members}

    def _header(self, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
        """Shape, whether it is in Fortran's order, kind, and where the numbers begin."""
        with self._faults(name), self._archive.open(self._members[name]) as packed:
            version = np.lib.format.read_magic(packed)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, is_fortran, dtype = read(packed)
            start = packed.tell()
        if dtype.hasobject or dtype.itemsize == 0 or dtype.fields is not None:
            raise BadArrays(f"its '{name}' is not an array of plain numbers")
        return shape, is_fortran, dtype, start

    @contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # zipfile, zlib and numpy's parser of headers fail in a dozen ways
            raise BadArrays(f"its '{name}' is damaged") from error


@contextmanager
def open_npz(source: Path | BinaryIO) -> Iterator[Npz]:
    """The npz in a file, or in its bytes. Raises BadArrays when it is none."""
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:
        single = isinstance(source, Path) and _begins(source, b"\x93NUMPY")
        reason = "it holds a single array, not several by their names" if single else "it is damaged, or not an npz"
        raise BadArrays(reason) from error
    with archive:
        yield Npz(archive)


def _begins(path: Path, magic: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False
