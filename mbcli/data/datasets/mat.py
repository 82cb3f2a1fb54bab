"""MATLAB files, read as numpy arrays: version 5 with scipy, version 7.3 (HDF5) with h5py."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading, reason
from mbcli.errors import ConfigError, DataError
from mbcli.storage.arrays import check_size


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
    # scipy's own error for damaged files is an Exception and no more.
    try:
        with reading(path, "a complete MATLAB 5 file", DataError):
            data = loadmat(path, variable_names=list(wanted))
    except MatReadError as error:
        raise DataError(f"{path} is not a complete MATLAB 5 file: {reason(error)}") from error
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
    with reading(path, "a complete MATLAB 7.3 file", DataError), h5py.File(path, "r") as file:
        present = _present(path, wanted, file)
        for key in present:
            check_size(f"{path} ({key})", file[key].shape, file[key].dtype)
        return {key: np.asarray(file[key]) for key in present}


def _present(path: Path, wanted: tuple[str, ...], found: Any) -> tuple[str, ...]:
    missing = [key for key in wanted if key not in found]
    if missing:
        raise DataError(f"{path} must hold {', '.join(missing)}")
    return wanted
