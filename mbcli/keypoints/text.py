"""Text files in the encodings that programs write, and tables as saved by spreadsheets.

UTF-8 with or without a byte order mark, UTF-16 with one (PowerShell, Excel's "Unicode text"), and
Windows-1252 if few letters are outside ASCII. Columns are separated by commas, semicolons (if
numbers have a decimal comma), tabs or blanks.
"""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

from mbcli.errors import InputError

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATORS = (",", ";", "\t")
# Not in any text: control characters except tabs, ends of lines and pages, and Windows' end of
# file.
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a")
# Starts of pictures and videos that begin with words; a few are text throughout.
_NO_TABLES = tuple(f"P{kind}{end}".encode() for kind in range(1, 8) for end in " \t\r\n")
_NO_TABLES += (b"YUV4MPEG2", b"#EXTM3U", b"<")
_LETTERS = 0.25  # share of bytes outside ASCII; Western text in Windows-1252 has fewer, noise half


def is_text(start: bytes, *, whole: bool) -> bool:
    """Whether a file with this start is text that may hold keypoints.

    Args:
        start: its first bytes.
        whole: whether that is the whole file, so that the last character cannot be cut.
    """
    if start.startswith(_UTF16_MARKS):
        # A cut character has one byte of two.
        return "\0" not in start[: len(start) // 2 * 2].decode("utf-16", "replace")
    if start.removeprefix(codecs.BOM_UTF8).startswith(_NO_TABLES) or _CONTROLS & {*start}:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, final=whole)
    except UnicodeDecodeError:
        return sum(byte > 127 for byte in start) <= _LETTERS * len(start)
    return True


def decoded(content: bytes, path: Path) -> str:
    """Decode bytes to text.

    Raises:
        InputError: the bytes begin like UTF-16 but are not.
    """
    if content.startswith(_UTF16_MARKS):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is no whole text in UTF-16: {error}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def table(text: str, path: Path) -> list[list[str]]:
    """The rows of a table as lists of cells, without empty rows.

    The separator is the one that splits the first row into most cells.

    Raises:
        InputError: a quotation is not closed.
    """
    lines = text.replace("\f", "\n").replace("\v", "\n").strip("\x1a\0")
    head = next((line for line in lines.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=lambda mark: len(next(csv.reader([head], delimiter=mark), [])))
    try:
        if separator in head:
            cells = csv.reader(io.StringIO(lines, newline=""), delimiter=separator, strict=True)
            rows = [[cell.strip() for cell in row] for row in cells]
        else:
            rows = [line.split() for line in lines.splitlines()]
    except csv.Error as error:
        raise InputError(f"{path} is no table of text: {error}") from error
    return [row for row in rows if any(row)]
