"""Opening HDF5 files with the optional h5py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mbcli.boundary import reading
from mbcli.bounds import MAX_KEYPOINT_BYTES
from mbcli.errors import ConfigError
from mbcli.storage.arrays import check_size


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
    with reading(path, "a complete HDF5 file"), h5py.File(path, "r") as file:
        yield file


def whole(data: Any) -> Any:
    """All values of a data set, whose shape may be of far more than the file holds.

    Raises:
        InputError: it would take too much memory.
    """
    check_size(f"{data.file.filename} ({data.name})", data.shape, data.dtype, MAX_KEYPOINT_BYTES)
    return data[()]


def text_of(value: Any) -> str:
    """An attribute or element as text; writers of HDF5 store bytes, text or nothing."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, str) else ""
