"""Safe reading of ``.npy`` and ``.npz``: what a header says is checked before it is allocated.

NumPy allocates what a header asks for, and unpacks what a ZIP directory promises; both may lie.
Here an archive must be as NumPy writes it (stored or deflated, not encrypted), an array must be
numbers or text, and its shape must be as large as its file. No code in a file is ever run.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.bounds import MAX_ARRAY_BYTES, MAX_HEADER, memory_size
from mbcli.errors import InputError, MbcliError
from mbcli.storage.inputs import check_there

_KINDS = "biufUS"  # truth values, integers, floats, text
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1  # bit of a member's flags
_DEFLATE = 1032  # the most that deflate packs into one byte (zlib's technical details)
_SUFFIX = ".npy"
_MAGIC = 6  # bytes before the version
_PIECE = 2**20  # bytes read at a time


@dataclass(frozen=True)
class ArrayHeader:
    """What the header of an ``.npy`` file says.

    Attributes:
        shape: the array's shape.
        dtype: its type.
        order: ``C``, or ``F`` if the first index varies fastest.
        start: bytes before the first element.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]
    start: int

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


class Npz:
    """An open archive of arrays; from `opened_npz`.

    Args:
        path: the file, for messages.
        archive: the open ZIP file.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self._members = {
            one.filename.removesuffix(_SUFFIX): one
            for one in archive.infolist()
            if one.filename.endswith(_SUFFIX)
        }
        self._held = 0

    @property
    def names(self) -> list[str]:
        """Names of the arrays, in the order of the file."""
        return list(self._members)

    def content(self, name: str) -> bytes:
        """The unpacked bytes of an array's file.

        Raises:
            InputError: no such member, or it is damaged, encrypted, packed unlike NumPy does, or
                larger than `MAX_ARRAY_BYTES`.
        """
        with reading(self._what(name), "a complete array"), self._opened(name) as stream:
            return stream.read()

    def header(self, name: str) -> ArrayHeader:
        """The header of an array, checked against the size of its file.

        Raises:
            InputError: as :meth:`array`.
        """
        with reading(self._what(name), "a complete array"), self._opened(name) as stream:
            return read_header(stream, self._members[name].file_size, self._what(name))

    def array(self, name: str) -> npt.NDArray[Any]:
        """One array.

        Raises:
            InputError: as :meth:`content`, or it is no array of numbers or text.
        """
        with reading(self._what(name), "a complete array"), self._opened(name) as stream:
            return read_npy(stream, self._members[name].file_size, self._what(name))

    def _what(self, name: str) -> str:
        return f"{self.path} ({name!r:.60})"

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        member = self._members.get(name)
        if member is None:
            listed = ", ".join(self.names[:12])
            raise InputError(f"{self.path} must hold the array {name!r}, got {listed:.200}")
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{self.path} must not be encrypted, but {name!r:.60} is")
        if member.compress_type not in _METHODS:
            raise InputError(
                f"{self.path} must be packed as NumPy does, stored or deflated, got method "
                f"{member.compress_type} for {name!r:.60}"
            )
        most = member.compress_size * _DEFLATE if member.compress_type else member.compress_size
        if member.file_size > most:
            raise InputError(
                f"{self._what(name)} cannot hold {memory_size(member.file_size)}: it is packed "
                f"into {memory_size(member.compress_size)}"
            )
        self._held += member.file_size
        if self._held > MAX_ARRAY_BYTES:
            raise InputError(
                f"{self.path} must hold arrays of at most {memory_size(MAX_ARRAY_BYTES)} "
                f"altogether, got {memory_size(self._held)}"
            )
        with self._archive.open(member) as stream:
            yield stream


@contextmanager
def opened_npz(path: Path, kind: str = "a complete .npz archive") -> Iterator[Npz]:
    """Open an ``.npz`` archive; whatever is wrong with it becomes an InputError.

    Args:
        path: the file.
        kind: what it should be, for messages.

    Raises:
        InputError: no such file, not an archive, or the body meets a damaged part of it.
    """
    check_there(path)
    if path.is_dir():
        raise InputError(f"{path} is not a file")
    with reading(path, kind), zipfile.ZipFile(path) as archive:
        yield Npz(path, archive)


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an archive by name; all of them if ``names`` is None.

    Raises:
        InputError: as `opened_npz` and `Npz.array`.
    """
    with opened_npz(path) as archive:
        return {name: archive.array(name) for name in (archive.names if names is None else names)}


def read_npy(stream: IO[bytes], size: int, what: str) -> npt.NDArray[Any]:
    """Read an ``.npy`` file.

    Args:
        stream: at its start.
        size: bytes in it.
        what: the file, for messages.

    Raises:
        InputError: its type is not allowed, or its shape does not fit the size.
    """
    with reading(what, "a complete array"):
        header = read_header(stream, size, what)
        content = np.empty(header.size, np.uint8)
        filled = 0
        while filled < header.size:
            piece = stream.read(min(_PIECE, header.size - filled))
            if not piece:
                raise InputError(f"{what} breaks off after {memory_size(filled)}")
            content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if not header.size:
            return np.empty(header.shape, header.dtype)
        return content.view(header.dtype).reshape(header.shape, order=header.order)


def map_npy(path: Path, error: type[MbcliError] = InputError) -> npt.NDArray[Any]:
    """Memory-map an ``.npy`` file, read-only; nothing is loaded before it is used.

    Raises:
        MbcliError: of class ``error``: no such file, or as `read_npy`.
    """
    with reading(path, "a complete .npy array", error), path.open("rb") as stream:
        header = read_header(stream, path.stat().st_size, str(path))
        if not header.size:
            return np.empty(header.shape, header.dtype)
        return np.memmap(path, header.dtype, "r", header.start, header.shape, header.order)


def read_header(stream: IO[bytes], size: int, what: str) -> ArrayHeader:
    """Read the header of an ``.npy`` file, and check it against the size of the file.

    Raises:
        InputError: the header is damaged or too long, its type is not one of numbers or text, or
            its shape is not that of so many bytes.
    """
    header = parse_header(stream, what)
    if header.dtype.kind not in _KINDS or header.dtype.names is not None:
        raise InputError(f"{what} must be an array of numbers or text, got {header.dtype!s:.60}")
    if header.size != size - header.start:
        raise InputError(
            f"{what} is not a complete array: its header says {header.dtype!s:.60} of shape "
            f"{_shown(header.shape)}, {_exactly(header.size)}, got {_exactly(size - header.start)}"
        )
    return header


def parse_header(stream: IO[bytes], what: str) -> ArrayHeader:
    """Read the header of an ``.npy`` file of any type, without looking at what follows.

    Raises:
        InputError: it is damaged or longer than `MAX_HEADER`.
    """
    with reading(what, "a complete array"):
        start = stream.read(_MAGIC + 6)
        version = np.lib.format.read_magic(io.BytesIO(start))
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise InputError(
                f"{what} must have version 1, 2 or 3 of the .npy format, got {version}"
            )
        wide = 2 if version == (1, 0) else 4
        length = int.from_bytes(start[_MAGIC + 2 : _MAGIC + 2 + wide], "little")
        if length > MAX_HEADER:
            raise InputError(
                f"{what} must have a header of at most {MAX_HEADER} bytes, got {length}"
            )
        before = _MAGIC + 2 + wide
        text = start[before:] + stream.read(before + length - len(start))
        content = io.BytesIO(start[_MAGIC + 2 : before] + text)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
        else:
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(content)
        if any(type(length) is not int or length < 0 for length in shape):
            raise InputError(f"{what} must have a shape of whole numbers, got {_shown(shape)}")
        return ArrayHeader(shape, dtype, "F" if fortran else "C", before + len(text))


def check_size(
    what: str, shape: Sequence[int], dtype: np.dtype[Any], most: int = MAX_ARRAY_BYTES
) -> None:
    """Check that an array is not too large to be read, as of a file whose arrays need not be whole.

    Raises:
        InputError: it takes more than ``most`` bytes.
    """
    size = math.prod(map(int, shape)) * dtype.itemsize
    if size > most:
        raise InputError(
            f"{what} must take at most {memory_size(most)}, got shape "
            f"{_shown(tuple(shape))}, {memory_size(size)}"
        )


def _exactly(count: int) -> str:
    return f"{count} bytes" if count < 10**12 else memory_size(count)


def _shown(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 60 else f"{text[:57]}..."
