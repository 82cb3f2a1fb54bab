"""Text files of recordings as programs write them: encodings, decimal commas, missing blanks."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from mbcli.errors import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_STUCK = re.compile(r"(?<=[0-9.])(?=[-+][0-9.])")  # between the numbers of "1.5-2.25"
_DECIMAL = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")


class Text:
    """The lines of a file, and what had to be guessed about its numbers.

    UTF-8 and UTF-16, with or without a byte order mark, and any kind of line end are read; bytes
    of other encodings, which occur in comments, are replaced.

    Attributes:
        path: the file.
        lines: its lines, without their ends.
        notes: what was guessed, each once.

    Raises:
        DataError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        encoding = "utf-16" if content.startswith(_UTF16) else "utf-8-sig"
        self.lines = content.decode(encoding, errors="replace").splitlines()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Remember what was guessed."""
        if text not in self.notes:
            self.notes.append(text)

    def numbers(self, line: str) -> list[str]:
        """The words of a line of numbers, with decimal points.

        Commas and semicolons between numbers are blanks. A comma within a word is a decimal one
        if no word of the line has a point or more than one comma.
        """
        if "," in line or ";" in line:
            words = line.replace(";", " ").split()
            decimal = [w for w in words if _DECIMAL.fullmatch(w)]
            if decimal and "." not in line and not any(w.count(",") > 1 for w in words):
                self.note("decimal commas were read as points")
                line = " ".join(w.replace(",", ".") for w in words)
            else:
                line = " ".join(words).replace(",", " ")
        if _STUCK.search(line):
            self.note("missing blanks between numbers were put in")
            line = _STUCK.sub(" ", line)
        return line.split()
