"""A calibration file, read once for all formats that may recognise it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mbcli.boundary import reading
from mbcli.errors import InputError
from mbcli.storage.inputs import check_there

_MOST = 2**24  # bytes: a calibration of a hundred cameras has some 100 kB


@dataclass(frozen=True)
class Content:
    """The content of a calibration file.

    Attributes:
        path: the file.
        data: its bytes.
    """

    path: Path
    data: bytes

    @classmethod
    def of(cls, path: Path) -> Content:
        """Read a file.

        Raises:
            InputError: it does not exist, is a folder or too large, or cannot be read.
        """
        check_there(path)
        if path.is_dir():
            raise InputError(f"a calibration must be a file, got the folder {path}")
        if path.stat().st_size > _MOST:
            raise InputError(
                f"a calibration must be at most {_MOST / 1e6:.0f} MB, got {path} with "
                f"{path.stat().st_size / 1e6:.0f} MB"
            )
        with reading(path, "a readable file"):
            return cls(path, path.read_bytes())

    @cached_property
    def text(self) -> str:
        """Its text; raises UnicodeDecodeError for other bytes."""
        return self.data.decode("utf-8-sig")

    @cached_property
    def yaml(self) -> Any:
        """Its YAML as plain values; raises ValueError for anything else."""
        import yaml

        try:
            return yaml.safe_load(self.text)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
