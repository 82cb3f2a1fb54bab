"""MATLAB files, read as numpy arrays: version 5 by scipy, version 7.3, which is HDF5, by h5py."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError, DataError, first_line

# What scipy raises on damaged files, besides its own error.
_DAMAGE = (ValueError, TypeError, NotImplementedError, EOFError, KeyError, MemoryError)


def read_mat5(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """The named variables; a cell is an array of objects.

    Raises:
        ConfigError: scipy is not installed.
        DataError: no such file or variable, or it is damaged.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise ConfigError(
            f"{path} is a MATLAB file, and to read it scipy is needed: pip install scipy"
        ) from error
    wanted = tuple(keys)
    try:
        data = loadmat(path, variable_names=list(wanted))
    except OSError as error:
        if error.errno is None:  # scipy's word for a file that ends too early
            raise DataError(f"{path} is no whole MATLAB 5 file: {first_line(error)}") from error
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (MatReadError, zlib.error, *_DAMAGE) as error:
        raise DataError(f"{path} is no whole MATLAB 5 file: {first_line(error)}") from error
    return {key: data[key] for key in _present(path, wanted, data)}


def read_mat73(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """The named arrays; their axes are the reverse of MATLAB's.

    Raises:
        ConfigError: h5py is not installed.
        DataError: no such file or array, or it is damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f"{path} is a MATLAB 7.3 file, and to read it h5py is needed: pip install h5py"
        ) from error
    wanted = tuple(keys)
    try:
        with h5py.File(path, "r") as file:
            return {key: np.asarray(file[key]) for key in _present(path, wanted, file)}
    except (OSError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise DataError(f"{path} is no whole MATLAB 7.3 file: {first_line(error)}") from error


def _present(path: Path, wanted: tuple[str, ...], found: Any) -> tuple[str, ...]:
    missing = [key for key in wanted if key not in found]
    if missing:
        raise DataError(f"{path} must hold {', '.join(missing)}")
    return wanted
