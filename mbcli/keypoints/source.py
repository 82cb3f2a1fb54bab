"""A keypoint file or folder, read once for all formats that may recognise it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.text import decoded, is_text, table
from mbcli.storage.inputs import check_there

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP_SIGNATURE = b"PK\x03\x04"
# Bytes that identify the content; the binary part of pictures and videos begins well before.
_START = 4096
# Brackets and what may follow them in JSON; Python prints other things in brackets too.
_JSON = re.compile(r"[\[{][\[{\s]*(?:$|[\]}\"0-9tfn-]|NaN|Infinity)")
_BETWEEN = re.compile(r"[,\s]*")  # between JSON documents


@dataclass(frozen=True)
class Source:
    """A file or folder that may hold keypoints; its content is read on first use.

    Attributes:
        path: its path.
        joint_map: the user's joint names -> ours; used by formats with free names only.
    """

    path: Path
    joint_map: dict[str, str] | None = None

    @cached_property
    def kind(self) -> str:
        """``folder``, ``npz``, ``hdf5``, ``json``, ``text`` or ``other``, by content.

        Raises:
            InputError: the file does not exist or cannot be read.
        """
        if self.path.is_dir():
            return "folder"
        start = self._read(_START)  # no more is read of a video
        if start.startswith(_HDF5_SIGNATURE):
            return "hdf5"
        if start.startswith(_ZIP_SIGNATURE):
            return "npz"
        if not is_text(start, whole=len(start) < _START):
            return "other"
        text = decoded(start, self.path).lstrip()
        return "json" if _JSON.match(text) else "text" if text else "other"

    @cached_property
    def document(self) -> Any:
        """The parsed JSON, or a list of documents if the file has one per line.

        Raises:
            InputError: the content is truncated or no JSON.
        """
        return parse_json(self._bytes, self.path)

    @cached_property
    def text(self) -> str:
        """The text of the file, in any encoding of `mbcli.keypoints.text`.

        Raises:
            InputError: the file is no text.
        """
        return decoded(self._bytes, self.path)

    @cached_property
    def rows(self) -> list[list[str]]:
        """The rows of a table with any separator; empty rows are left out.

        Raises:
            InputError: the file is no text, or no table.
        """
        return table(self.text, self.path)

    @cached_property
    def _bytes(self) -> bytes:
        return self._read(-1)

    def _read(self, length: int) -> bytes:
        check_there(self.path)
        try:
            with self.path.open("rb") as stream:
                return stream.read(length)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror}") from error


def parse_json(content: bytes, path: Path) -> Any:
    """Parse JSON; NaN and infinite numbers, which JSON does not have, become None.

    Several documents in a row, as written by loggers, become a list.

    Raises:
        InputError: the content is truncated or no JSON.
    """
    parser = json.JSONDecoder(parse_constant=lambda _: None)
    text = decoded(content, path).strip()
    documents: list[Any] = []
    at = 0
    try:
        while at < len(text) or not documents:
            document, end = parser.raw_decode(text, at)
            documents.append(document)
            at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing too
    # ValueError: no JSON, or a number with more digits than Python reads.
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{path} is no whole JSON file{place}: {error}") from error
    return documents[0] if len(documents) == 1 else documents
