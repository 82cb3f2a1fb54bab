"""An option in one place: its default, help, unit, choices and range, as a field of a dataclass.

    @dataclass(frozen=True)
    class Options:
        every: int = option(1, "Take every n-th frame.", panel="What to read", least=1)

        def __post_init__(self) -> None:
            check(self)

`check` holds the values to what their fields say, whoever has set them; `mbcli.cli.parameters`
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
}
_SHOWN = 60  # characters of a wrong value that an error shows


@dataclass(frozen=True)
class Option:
    """What is known of an option besides its name, type and default.

    Attributes:
        help: a sentence for ``--help``.
        panel: the heading under which ``--help`` lists it.
        metavar: how ``--help`` writes its value.
        unit: of a number, in the plural.
        choices: all values that it may have.
        least: smallest number.
        above: a number must be greater than this.
        most: greatest number.
        below: a number must be less than this.
        pattern: regular expression that a text must match as a whole.
        must: the rule in words, where ``choices`` and range do not say it.
        shown: what ``--help`` says of a default of None.
        parse: from the text on the command line to the value, where the type does not say how.
        reads: whether its value may name a file that is read.
        suffixes: of the files for which it does something; empty is all.
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

    def rule(self) -> str:
        """What a value must be, as the end of a sentence."""
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
        """Whether a value of the right type keeps the rule."""
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
    """A field of a frozen dataclass; see `Option` for what can be said of it."""
    return field(default=default, metadata={_KEY: Option(help, **described)})


def described(options: type[DataclassInstance] | DataclassInstance) -> list[Field[Any]]:
    """The fields that are options, in order."""
    return [one for one in fields(options) if _KEY in one.metadata]


def of(one: Field[Any]) -> Option:
    """What a field says of itself."""
    described: Option = one.metadata[_KEY]
    return described


def flag(name: str) -> str:
    """The flag of a field: ``pose2d_mode`` is ``--pose2d-mode``."""
    return "--" + name.replace("_", "-")


def check(options: DataclassInstance) -> None:
    """Hold every option to its type and its rule.

    Raises:
        ConfigError: one does not keep them.
    """
    for one in described(options):
        value, about = getattr(options, one.name), of(one)
        kinds = str(one.type).split(" | ")
        if value is None and "None" in kinds:
            continue
        types = tuple(kind for name in kinds for kind in _TYPES.get(name, ()))
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
    """A value as errors show it."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and value:
        return ",".join(map(str, value))
    return f"{value!r:.{_SHOWN}}"
