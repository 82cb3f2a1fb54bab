"""Opening HDF5 files with the optional h5py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mbcli.errors import ConfigError, InputError


@contextmanager
def opened_hdf5(path: Path) -> Iterator[Any]:
    """Open an ``h5py.File`` for reading; its errors within the block become an InputError.

    Raises:
        ConfigError: h5py is not installed.
        InputError: the file is truncated or damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            f"{path} is an HDF5 file, and to read it h5py is needed: pip install 'mbcli[keypoints]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        text = str(error).strip("'\"").splitlines()
        raise InputError(
            f"{path} is no whole HDF5 file: {text[0] if text else type(error).__name__}"
        ) from error


def text_of(value: Any) -> str:
    """An attribute or element as text; writers of HDF5 store bytes, text or nothing."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, str) else ""
