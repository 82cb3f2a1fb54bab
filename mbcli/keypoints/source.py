"""One look at a keypoint file or folder, from which every format can tell whether it is its own."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mbcli.errors import InputError

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP_SIGNATURE = b"PK\x03\x04"


@dataclass(frozen=True)
class Source:
    """A file or folder that may hold keypoints; content is read once and on use.

    Attributes:
        path: where it is.
        joint_map: what the user says about joint names: theirs -> ours. Only formats with free
            names use it.
    """

    path: Path
    joint_map: dict[str, str] | None = None

    @cached_property
    def kind(self) -> str:
        """``folder``, ``npz``, ``hdf5``, ``json``, ``csv`` or ``other``, by content.

        Raises:
            InputError: no such file, or it cannot be read.
        """
        if self.path.is_dir():
            return "folder"
        start = self._read(64)  # of a video, no more than this is read
        if start.startswith(_HDF5_SIGNATURE):
            return "hdf5"
        if start.startswith(_ZIP_SIGNATURE):
            return "npz"
        text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
        if text[:1] in (b"{", b"["):
            return "json"
        if b"\0" in start or not text:
            return "other"
        return "csv"

    @cached_property
    def document(self) -> Any:
        """The parsed JSON.

        Raises:
            InputError: it is cut off or otherwise no JSON, or holds NaN or infinite numbers,
                which JSON does not know.
        """
        return parse_json(self._bytes, self.path)

    @cached_property
    def rows(self) -> list[list[str]]:
        """The rows of the comma-separated file, empty ones left out.

        Raises:
            InputError: it is no text in UTF-8, or no comma-separated file.
        """
        try:
            text = self._bytes.decode("utf-8-sig")
            return [row for row in csv.reader(text.splitlines(), strict=True) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.path} is no comma-separated text: {error}") from error

    @cached_property
    def _bytes(self) -> bytes:
        return self._read(-1)

    def _read(self, length: int) -> bytes:
        if not self.path.exists():
            raise InputError(f"no such file: {self.path}")
        try:
            with self.path.open("rb") as stream:
                return stream.read(length)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror}") from error


def parse_json(content: bytes, path: Path) -> Any:
    """Parse strict JSON; NaN and infinite numbers are refused.

    Raises:
        InputError: it is cut off or otherwise no JSON.
    """

    def refuse(constant: str) -> float:
        raise InputError(f"{path} must hold finite numbers, got {constant}")

    try:
        return json.loads(content, parse_constant=refuse)
    # ValueError: no JSON, no UTF-8, or a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{path} is no whole JSON file{place}: {error}") from error
