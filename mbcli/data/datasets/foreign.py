"""Files of other programs, read as plain data; every defect is reported as a DataError."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mbcli.errors import DataError, InputError
from mbcli.storage.arrays import map_npy as storage_map
from mbcli.storage.plainpickle import load_plain_npz, load_plain_pickle


def read_pickle(path: Path) -> Any:
    """Read a pickle of numbers, strings, plain containers and numpy arrays.

    Raises:
        DataError: no such file, or it is damaged or contains anything else.
    """
    try:
        with path.open("rb") as stream:
            return load_plain_pickle(stream, str(path))
    except InputError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def read_npz(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the named arrays of an ``.npz`` archive; object arrays may hold plain data only.

    Raises:
        DataError: no such file or array, or it is damaged or contains anything else.
    """
    try:
        return load_plain_npz(path, keys)
    except InputError as error:
        raise DataError(str(error)) from error


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
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a complete JSON file: {error}") from error
