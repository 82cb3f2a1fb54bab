"""Every error that mbcli raises on purpose.

    MbcliError                  exit code 1, one line: the rule, the value, the choices
    ├── InputError              a video, image or keypoint file that cannot be used
    │   └── NobodyFoundError    decoded well, but no person passed the thresholds
    ├── OutputError             a result that cannot be written where it was asked for
    ├── WeightsError            a weights file that is missing, damaged or of another model
    ├── DataError               a motion recording or clip store that breaks its own format
    ├── ConfigError             an option or a configuration value outside its rule
    └── ProcessError            one of several processes of a training died

Anything else that escapes is a defect of mbcli.
"""

from __future__ import annotations


class MbcliError(Exception):
    """Base of all errors that are shown to the user as one line."""


class InputError(MbcliError):
    """The given input cannot be read, or holds nothing to work on."""


class NobodyFoundError(InputError):
    """The input was read, but no person was found in it."""


class OutputError(MbcliError):
    """The result cannot be written where it was asked for."""


class WeightsError(MbcliError):
    """A weights file is missing, damaged, unsafe or of another architecture."""


class DataError(MbcliError):
    """A motion recording or a clip store breaks the rules of its format."""


class ConfigError(MbcliError):
    """An option or configuration value is outside its rule."""


class ProcessError(MbcliError):
    """One of the processes that work together died, so the others cannot go on."""


def first_line(error: BaseException) -> str:
    """The first line of what somebody else's error says; its name if it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
