"""Where values of foreign files become ours: whatever a reader raises becomes one line.

A file may hold anything, and the libraries that read it raise whatever they stumble over. Each kind
of file has one place where it is read, inside `reading`. Beyond it, an exception that is not an
`MbcliError` is a defect of mbcli.
"""

from __future__ import annotations

import csv
import lzma
import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mbcli.errors import InputError, MbcliError, first_line

# What readers of damaged, forged or unexpected files raise. The built-in ones include their
# subclasses: overflow, missing keys, wrong encodings, full recursion, unknown compression.
READER_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    ValueError,
    csv.Error,
    lzma.LZMAError,
    pickle.PickleError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
_LONGEST = 200  # characters of a library's message, which may quote the file


@contextmanager
def reading(
    what: Path | str, kind: str, error: type[MbcliError] = InputError, *, verdict: str = "is not"
) -> Iterator[None]:
    """Read a foreign file: whatever the body raises becomes one line that names the file.

    Args:
        what: the file, and possibly a part of it.
        kind: what it should be, with its article: ``a readable pose.npz``.
        error: class of the errors, also of an InputError that the body raises.
        verdict: what stands between the two in the message.

    Raises:
        MbcliError: of class ``error``; others that the body raises itself pass unchanged.
    """
    try:
        yield
    except InputError as problem:
        if issubclass(error, InputError):
            raise
        raise error(str(problem)) from problem
    except MbcliError:
        raise
    except READER_ERRORS as problem:
        if isinstance(problem, OSError) and problem.errno is not None and problem.strerror:
            raise error(f"{what} cannot be read: {problem.strerror}") from problem
        raise error(f"{what} {verdict} {kind}: {reason(problem)}") from problem


def reason(problem: BaseException) -> str:
    """What a reader stumbled over, in words."""
    if isinstance(problem, RecursionError):
        return "it is nested too deeply"
    if isinstance(problem, MemoryError):
        return "it needs more memory than there is"
    if isinstance(problem, OverflowError):
        return f"a number in it is too large ({first_line(problem)})"
    if isinstance(problem, KeyError) and problem.args:
        text = " ".join(str(problem.args[0]).split())
        # Libraries raise sentences, dictionaries the missing key.
        return text[:_LONGEST] if " " in text else f"{text[:_LONGEST]} is missing"
    if isinstance(problem, tokenize.TokenError) and len(problem.args) > 1:
        problem = ValueError(problem.args[0])  # the second is the place in the header
    line = first_line(problem)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
