"""Files of other programs, read as data; what is wrong with them is told as a DataError."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import DataError, InputError
from mbcli.storage.plainpickle import load_plain_npz, load_plain_pickle


def read_pickle(path: Path) -> Any:
    """A pickle of numbers, texts, plain containers and numpy arrays.

    Raises:
        DataError: no such file, or it is damaged or holds anything else.
    """
    try:
        with path.open("rb") as stream:
            return load_plain_pickle(stream, str(path))
    except InputError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def read_npz(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """The named arrays of an ``.npz`` archive; arrays of objects hold plain data only.

    Raises:
        DataError: no such file or array, or it is damaged or holds anything else.
    """
    try:
        return load_plain_npz(path, keys)
    except InputError as error:
        raise DataError(str(error)) from error


def map_npy(path: Path) -> npt.NDArray[Any]:
    """An array of numbers in an ``.npy`` file, mapped from disk where that is possible.

    Raises:
        DataError: no such file, or it is damaged or holds other than numbers.
    """
    try:
        mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} must be a whole .npy array of numbers: {error}") from error
    if mapped.dtype.kind not in "iuf":
        raise DataError(f"{path} must be an array of numbers, got {mapped.dtype}")
    return mapped


def read_json(path: Path) -> Any:
    """A JSON document.

    Raises:
        DataError: no such file, or it is cut off or otherwise no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no whole JSON file: {error}") from error
