"""The errors that mbcli raises deliberately.

    MbcliError                  exit code 1, one line: the rule, the value, the choices
    ├── InputError              a video, image or keypoint file that cannot be used
    │   └── NobodyFoundError    decoded successfully, but no person passed the thresholds
    ├── OutputError             a result that cannot be written to the requested path
    ├── WeightsError            a weights file that is missing, damaged or of another model
    ├── DataError               a motion recording or clip store that violates its format
    ├── ConfigError             an option or a configuration value that breaks its rule
    └── ProcessError            one of several training processes died

Any other exception that reaches the user is a defect of mbcli, unless the system has refused
something: `explained`.
"""

from __future__ import annotations

import errno
import re

_SHOWN = 60  # characters of a name that is too long
_FULL = (errno.ENOSPC, errno.EDQUOT)
# How NumPy, PyTorch, onnxruntime, the dynamic linker and Python say that memory is short; most of
# them raise a RuntimeError or an ImportError.
_NO_MEMORY = re.compile(
    r"(?i)can(?:no|')t allocate memory|unable to allocate|bad_?alloc|out of memory"
    r"|failed to map segment|start new thread"
)


class MbcliError(Exception):
    """Base of all errors that are shown to the user as one line."""


class InputError(MbcliError):
    """The given input cannot be read, or contains nothing to work on."""


class NobodyFoundError(InputError):
    """The input was read, but no person was found in it."""


class OutputError(MbcliError):
    """The result cannot be written to the requested path."""


class WeightsError(MbcliError):
    """A weights file is missing, damaged, unsafe or of another architecture."""


class DataError(MbcliError):
    """A motion recording or a clip store violates its format."""


class ConfigError(MbcliError):
    """An option or configuration value breaks its rule."""


class ProcessError(MbcliError):
    """One of several cooperating processes died, so the others cannot continue."""


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, or the exception's name without a message."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def one_line(error: BaseException) -> str:
    """The message of an exception without line breaks."""
    return " ".join(str(error).split())


def explained(error: BaseException) -> str | None:
    """The line that tells users of an error; None for a defect of mbcli.

    It is the message of an `MbcliError`, or what the system refuses: memory, room, a name.
    """
    if isinstance(error, MbcliError):
        return one_line(error)
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return f"there is not enough memory: {one_line(error) or 'a request for more has failed'}"
    # Files have names, and are written where errors are reported; what is printed has none.
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
        return f"what is printed cannot be written: {error.strerror}"
    # Whichever of the options it is, the name is looked up before it is said to be missing.
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG and error.filename:
        return f"{error.filename!s:.{_SHOWN}}... cannot be used: {error.strerror}"
    return None
