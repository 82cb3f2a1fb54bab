"""An option in one place: its default, help, unit, choices and range, as a field of a dataclass.

    @dataclass(frozen=True)
    class Options:
        every: int = option(1, "Use every n-th frame.", panel="Input", least=1)

        def __post_init__(self) -> None:
            check(self)

`check` validates the values against their fields, wherever they come from; `mbcli.cli.parameters`
turns the same fields into the flags of a command. Nothing here loads numpy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

DEVICE = r"auto|cpu|cuda(:[0-9]+)?|mps"
DEVICES = "auto, cpu, cuda, cuda:N or mps"

_KEY = "option"
_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "dict": (dict,),
}
_SHOWN = 60  # characters of a wrong value that an error shows


@dataclass(frozen=True)
class Option:
    """Description of an option besides its name, type and default.

    Attributes:
        help: a sentence for ``--help``.
        panel: the heading it is listed under in ``--help``.
        metavar: placeholder of the value in ``--help``.
        unit: unit of a number, in the plural.
        choices: all allowed values.
        least: smallest number allowed.
        above: a number must be greater than this.
        most: largest number allowed.
        below: a number must be less than this.
        pattern: regular expression that a whole text must match.
        must: the rule in words, if ``choices`` and range do not express it.
        shown: what ``--help`` shows for a default of None.
        parse: converts the text on the command line to the value, if the type does not say how.
        reads: whether its value may name a file to read.
        suffixes: suffixes of the files it applies to; empty means all.
        lifts: whether it applies to lifting alone, so that `mbcli keypoints` leaves it out.
    """

    help: str
    panel: str | None = None
    metavar: str | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    pattern: str | None = None
    must: str = ""
    shown: str | None = None
    parse: Callable[[str], Any] | None = None
    reads: bool = False
    suffixes: tuple[str, ...] = ()
    lifts: bool = False

    def rule(self) -> str:
        """The rule for a value, as the end of a sentence."""
        if self.must:
            return self.must
        if self.choices:
            return listed(self.choices)
        unit = f" {self.unit}" if self.unit else ""
        if self.least is not None:
            upper = " or more" if self.most is None else f"..{self.most:g}"
            return f"{self.least:g}{upper}{unit}"
        kind = "a number" if self.above is None else "a positive number"
        return f"{kind} of {self.unit}" if self.unit else kind

    def allows(self, value: object) -> bool:
        """Whether a value of the right type satisfies the rule."""
        if self.choices:
            return value in self.choices
        if isinstance(value, str):
            return re.fullmatch(self.pattern or r"(?s).*\S.*", value) is not None
        if not isinstance(value, int | float) or isinstance(value, bool):
            return True
        try:
            return (
                math.isfinite(value)
                and (self.least is None or value >= self.least)
                and (self.above is None or value > self.above)
                and (self.most is None or value <= self.most)
                and (self.below is None or value < self.below)
            )
        except OverflowError:  # a whole number beyond all floats
            return False


def option(default: Any, help: str, **described: Any) -> Any:
    """A field of a frozen dataclass; `Option` lists what may describe it."""
    return field(default=default, metadata={_KEY: Option(help, **described)})


def described(options: type[DataclassInstance] | DataclassInstance) -> list[Field[Any]]:
    """The fields that are options, in order."""
    return [one for one in fields(options) if _KEY in one.metadata]


def of(one: Field[Any]) -> Option:
    """The description of a field."""
    described: Option = one.metadata[_KEY]
    return described


def flag(name: str) -> str:
    """The flag of a field: ``pose2d_mode`` is ``--pose2d-mode``."""
    return "--" + name.replace("_", "-")


def check(options: DataclassInstance) -> None:
    """Check every option against its type and its rule.

    Raises:
        ConfigError: a value breaks its rule.
    """
    for one in described(options):
        value, about = getattr(options, one.name), of(one)
        kinds = str(one.type).split(" | ")
        if value is None and "None" in kinds:
            continue
        bare = [name.partition("[")[0] for name in kinds]
        types = tuple(kind for name in bare for kind in _TYPES.get(name, ()))
        right = not types or (
            isinstance(value, types) and isinstance(value, bool) == ("bool" in kinds)
        )
        if not (right and about.allows(value)):
            rule = "True or False" if types == (bool,) else about.rule()
            if types == (str,) and not (about.must or about.choices):
                rule = "a text"
            raise ConfigError(f"{flag(one.name)} must be {rule}, got {shown(value)}")


def listed(names: Sequence[str]) -> str:
    """``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def shown(value: object) -> str:
    """A value as shown in error messages."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and value:
        return ",".join(map(str, value))
    return f"{value!r:.{_SHOWN}}"
