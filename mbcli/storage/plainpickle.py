"""Safe reading of foreign pickles and object arrays: no code in them is ever run.

Research data is often distributed as Python pickles, which may call any function when loaded. Here
a pickle may only name the few types and functions that numbers, strings, plain containers and numpy
arrays consist of. Even these are our own replacements: dtypes and array contents are checked before
they reach numpy, since a forged dtype can make numpy interpret raw bytes as pointers.
"""

from __future__ import annotations

import importlib
import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.bounds import MAX_ARRAY_BYTES
from mbcli.errors import InputError
from mbcli.storage.arrays import opened_npz, parse_header, read_npy

# bool, integers, floats, complex, bytes, str, objects; no records, no dates.
_KINDS = "biufcSUO"


class PlainRecord:
    """An object of a foreign class, reduced to its plain saved state.

    Attributes:
        state: usually a dict of its attributes by name.
    """

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def load_plain_pickle(stream: IO[bytes], what: str, *, records: Iterable[str] = ()) -> Any:
    """Read one pickle of numbers, strings, plain containers and numpy arrays.

    Pickles from Python 2 and from numpy 1 and 2 are supported; bytes from Python 2 become str by
    Latin-1. Arrays may be of a private subclass: convert them with ``np.asarray``.

    Args:
        stream: positioned at the start of the pickle.
        what: the file, for messages.
        records: packages, such as ``"scipy.sparse"``, whose classes may be named: their objects
            become :class:`PlainRecord`, and no code of the package is run or even imported.

    Raises:
        InputError: the pickle is truncated or damaged, or names anything else.
    """
    with reading(what, "a complete pickle"):
        return _PlainUnpickler(stream, what, tuple(records)).load()


def load_plain_npy(content: bytes, what: str) -> npt.NDArray[Any]:
    """Read an ``.npy`` file or member; object arrays are read by :func:`load_plain_pickle`.

    Raises:
        InputError: it is truncated or damaged, or its objects are not plain.
    """
    stream = io.BytesIO(content)
    header = parse_header(stream, what)
    if not header.dtype.hasobject:
        stream.seek(0)
        return read_npy(stream, len(content), what)
    with reading(what, "a complete numpy array"):
        objects = np.asarray(load_plain_pickle(stream, what))
    if objects.shape != header.shape or objects.dtype != header.dtype:
        raise InputError(
            f"{what} must hold an array of shape {header.shape} as its header says, "
            f"got {objects.shape}"
        )
    return objects


def load_plain_npz(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the named arrays of an ``.npz`` archive.

    Raises:
        InputError: no such file or array, or the archive is truncated, damaged or not plain.
    """
    with opened_npz(path) as archive:
        return {key: load_plain_npy(archive.content(key), f"{path} ({key})") for key in keys}


def npz_keys(path: Path) -> list[str]:
    """Names of the arrays of an ``.npz`` archive.

    Raises:
        InputError: no such file, or not such an archive.
    """
    with opened_npz(path) as archive:
        return archive.names


def numpy_values() -> list[Any]:
    """The types and functions in pickled numeric numpy scalars and arrays, for ``torch.load``.

    They are passed to ``torch.serialization.safe_globals``. Published checkpoints contain such
    numbers besides tensors. numpy 2 moved ``numpy.core`` to ``numpy._core``; a file may have been
    saved with either.
    """
    multiarray = importlib.import_module("numpy._core.multiarray")
    numbers = [np.dtype(kind) for kind in ("?", "i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8")]
    allowed: list[Any] = [np.dtype, np.ndarray, *{type(number) for number in numbers}]
    for module in ("numpy._core.multiarray", "numpy.core.multiarray"):
        allowed += [(getattr(multiarray, n), f"{module}.{n}") for n in ("scalar", "_reconstruct")]
    return allowed


def dense(value: Any) -> Any:
    """Convert arrays saved by chumpy and scipy.sparse; other values are returned unchanged.

    Args:
        value: from :func:`load_plain_pickle` or :func:`load_plain_npz`, with both packages among
            ``records``.

    Raises:
        ValueError: an object of another kind, or a damaged one (also KeyError, TypeError and
            IndexError).
    """
    if isinstance(value, np.ndarray) and value.dtype.kind == "O" and value.ndim == 0:
        return dense(value[()])
    if not isinstance(value, PlainRecord):
        return value
    state = value.state
    if not isinstance(state, dict):
        raise ValueError(f"an object of {type(state).__name__}")
    if "x" in state:  # chumpy.Ch
        return dense(state["x"])
    if {"a", "idxs", "preferred_shape"} <= set(state):  # chumpy.Select
        picked = np.ravel(dense(state["a"]))[np.asarray(state["idxs"])]
        return picked.reshape(state["preferred_shape"])
    if {"data", "indices", "indptr"} <= set(state):  # scipy.sparse, column format
        rows, columns = state["_shape"]
        if not 0 <= rows * columns * 8 <= MAX_ARRAY_BYTES:
            raise ValueError(f"a sparse array of {rows} x {columns}")
        out = np.zeros((rows, columns))
        counts = np.diff(state["indptr"])
        if len(counts) != columns:
            raise ValueError("a sparse array that is not in column format")
        np.add.at(out, (state["indices"], np.repeat(np.arange(columns), counts)), state["data"])
        return out
    raise ValueError(f"an object of {', '.join(map(str, state))}")


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that resolves only the names in `_ALLOWED`."""

    def __init__(self, stream: IO[bytes], what: str, records: tuple[str, ...]) -> None:
        super().__init__(stream, encoding="latin1")
        self._what = what
        self._records = records

    def find_class(self, module: str, name: str) -> Any:
        if any(f"{module}.".startswith(f"{package}.") for package in self._records):
            return PlainRecord
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise InputError(
                f"{self._what} must hold numbers, strings, plain containers and numpy arrays only, "
                f"got {module}.{name}: it was not run"
            ) from None


class _DType:
    """Replaces ``numpy.dtype``: created from its short name and the byte order of its state."""

    def __init__(self, name: str, align: object = False, copy: object = False) -> None:
        if not isinstance(name, str):
            raise ValueError(f"a dtype must have a name, got {name!r}")
        dtype = np.dtype(name)
        if dtype.kind not in _KINDS or dtype.names is not None or dtype.subdtype is not None:
            raise ValueError(f"an array must hold numbers, strings or objects, got dtype {name!r}")
        self.dtype = dtype

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # The rest of the state repeats the name, or is for dtypes that are not plain.
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray[Any, Any]):
    """Replaces ``numpy.ndarray``: accepts its state only if contents and dtype are consistent."""

    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        shape, dtype, fortran, content = state[-4:]
        if not isinstance(dtype, _DType):
            raise ValueError(f"an array must have a dtype, got {type(dtype).__name__}")
        of_objects = dtype.dtype.kind == "O"
        if not isinstance(content, list if of_objects else (bytes, str)):
            raise ValueError(f"an array of {dtype.dtype} cannot hold a {type(content).__name__}")
        if isinstance(content, str):
            content = content.encode("latin1")
        length = math.prod(_checked_shape(shape)) * (1 if of_objects else dtype.dtype.itemsize)
        if len(content) != length:
            raise ValueError(f"an array of shape {shape} must hold {length}, got {len(content)}")
        checked: Any = (1, shape, dtype.dtype, bool(fortran), content)
        super().__setstate__(checked)


def _checked_shape(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"an array must have a shape, got {shape!r}")
    return shape


# Types that array and object pickles name for construction; they are only compared.
_ARRAY_MARK = object()
_OBJECT_MARK = object()


def _reconstruct(mark: object, shape: object, dtype: object) -> _Array:
    """Replaces numpy's function of this name: an empty array that then receives its state."""
    if mark is not _ARRAY_MARK:
        raise ValueError("an array must be a numpy.ndarray")
    return np.zeros(0, np.uint8).view(_Array)


def _scalar(dtype: _DType, content: bytes | str) -> Any:
    """Replaces numpy's function of this name: one number or string."""
    return _from_bytes(content, dtype, (), "C")[()]


def _from_buffer(buffer: bytes, dtype: _DType, shape: object, order: str) -> npt.NDArray[Any]:
    """Replaces numpy's function of this name: an array of protocol 5."""
    return _from_bytes(buffer, dtype, _checked_shape(shape), order)


def _from_bytes(
    content: bytes | str, dtype: object, shape: tuple[int, ...], order: str
) -> npt.NDArray[Any]:
    if not isinstance(dtype, _DType) or dtype.dtype.kind == "O":
        raise ValueError("bytes must come with a dtype of numbers or strings")
    raw = content.encode("latin1") if isinstance(content, str) else bytes(content)
    if len(raw) != math.prod(shape) * dtype.dtype.itemsize:
        raise ValueError(f"{dtype.dtype} in shape {shape} cannot be {len(raw)} bytes")
    flat = np.ndarray(math.prod(shape), dtype.dtype, raw)
    return flat.reshape(shape, order="F" if order == "F" else "C").copy()


def _latin1(text: str, encoding: str) -> bytes:
    """Replaces ``codecs.encode``, by which protocol 2 represents bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes must be written as latin1, got {encoding!r}")
    return text.encode("latin1")


def _bytes() -> bytes:
    """Replaces ``bytes``, by which protocol 2 represents empty bytes."""
    return b""


def _bytearray(content: bytes | str = b"", encoding: str = "latin1") -> bytearray:
    """Replaces ``bytearray``, which with a number would allocate that many bytes."""
    if not isinstance(content, (bytes, str)):
        raise ValueError(f"bytes must be made of bytes, got {type(content).__name__}")
    return bytearray(_latin1(content, encoding) if isinstance(content, str) else content)


class _Maker:
    """A function that the pickle can only call; it cannot, for example, set its attributes."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *values: Any) -> Any:
        return self._make(*values)

    def __setstate__(self, state: object) -> None:
        raise ValueError("a function has no state")


def _record(kind: object, base: object, state: object) -> PlainRecord:
    """Replaces ``copyreg._reconstructor``, by which protocols 0 and 1 create objects."""
    if kind is not PlainRecord or base is not _OBJECT_MARK or state is not None:
        raise ValueError("an object must be of a class that may be named")
    return PlainRecord()


def _allowed() -> dict[tuple[str, str], Any]:
    names: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): _ARRAY_MARK,
        ("numpy", "dtype"): _Maker(_DType),
        ("collections", "OrderedDict"): OrderedDict,
        ("_codecs", "encode"): _Maker(_latin1),
    }
    for core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
        names[f"{core}.multiarray", "_reconstruct"] = _Maker(_reconstruct)
        names[f"{core}.multiarray", "scalar"] = _Maker(_scalar)
        names[f"{core}.numeric", "_frombuffer"] = _Maker(_from_buffer)
    for builtins, copyreg in (("builtins", "copyreg"), ("__builtin__", "copy_reg")):  # Python 3, 2
        names[builtins, "object"] = _OBJECT_MARK
        names[copyreg, "_reconstructor"] = _Maker(_record)
        for kind in (set, frozenset, complex):
            names[builtins, kind.__name__] = kind
        names[builtins, "bytes"] = _Maker(_bytes)
        names[builtins, "bytearray"] = _Maker(_bytearray)
    return names


_ALLOWED = _allowed()
