"""MATLAB files, read as numpy arrays: version 5 with scipy, version 7.3 (HDF5) with h5py."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError, DataError, first_line

# Exceptions that scipy raises on damaged files, besides its own error class.
_DAMAGE = (ValueError, TypeError, NotImplementedError, EOFError, KeyError, MemoryError)


def read_mat5(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the named variables; a cell becomes an array of objects.

    Raises:
        ConfigError: scipy is not installed.
        DataError: no such file or variable, or it is damaged.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise ConfigError(
            f"{path} is a MATLAB file; reading it needs scipy: pip install scipy"
        ) from error
    wanted = tuple(keys)
    try:
        data = loadmat(path, variable_names=list(wanted))
    except OSError as error:
        if error.errno is None:  # how scipy reports a truncated file
            raise DataError(
                f"{path} is not a complete MATLAB 5 file: {first_line(error)}"
            ) from error
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (MatReadError, zlib.error, *_DAMAGE) as error:
        raise DataError(f"{path} is not a complete MATLAB 5 file: {first_line(error)}") from error
    return {key: data[key] for key in _present(path, wanted, data)}


def read_mat73(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the named arrays; their axes are in reverse order compared with MATLAB.

    Raises:
        ConfigError: h5py is not installed.
        DataError: no such file or array, or it is damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f"{path} is a MATLAB 7.3 file; reading it needs h5py: pip install h5py"
        ) from error
    wanted = tuple(keys)
    try:
        with h5py.File(path, "r") as file:
            return {key: np.asarray(file[key]) for key in _present(path, wanted, file)}
    except (OSError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not a complete MATLAB 7.3 file: {first_line(error)}") from error


def _present(path: Path, wanted: tuple[str, ...], found: Any) -> tuple[str, ...]:
    missing = [key for key in wanted if key not in found]
    if missing:
        raise DataError(f"{path} must hold {', '.join(missing)}")
    return wanted
