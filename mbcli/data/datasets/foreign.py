"""Files of other programs, read as plain data; every defect is reported as a DataError."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.errors import DataError
from mbcli.storage.arrays import map_npy as storage_map
from mbcli.storage.plainpickle import load_plain_npz, load_plain_pickle


def read_pickle(path: Path) -> Any:
    """Read a pickle of numbers, strings, plain containers and numpy arrays.

    Raises:
        DataError: no such file, or it is damaged or contains anything else.
    """
    with reading(path, "a complete pickle", DataError), path.open("rb") as stream:
        return load_plain_pickle(stream, str(path))


def read_npz(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the named arrays of an ``.npz`` archive; object arrays may hold plain data only.

    Raises:
        DataError: no such file or array, or it is damaged or contains anything else.
    """
    with reading(path, "a complete .npz archive", DataError):
        return load_plain_npz(path, keys)


def map_npy(path: Path) -> npt.NDArray[Any]:
    """Open an ``.npy`` file of numbers, memory-mapped where possible.

    Raises:
        DataError: no such file, or it is damaged or contains anything but numbers.
    """
    mapped = storage_map(path, DataError)
    if mapped.dtype.kind not in "iuf":
        raise DataError(f"{path} must be an array of numbers, got {mapped.dtype}")
    return mapped


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises:
        DataError: no such file, or it is truncated or otherwise not JSON.
    """
    with reading(path, "a complete JSON file", DataError):
        return json.loads(path.read_bytes())
