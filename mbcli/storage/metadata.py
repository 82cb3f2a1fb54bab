"""The metadata of a result: a JSON object, some parts of which are used by the program.

Those parts are validated when a file is read, so that no other code has to; parts that are only for
human readers may contain anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from mbcli.bounds import MAX_FRAMES, MAX_RATE

Rule = Callable[[str, Any], None]


def read_metadata(text: str) -> dict[str, Any]:
    """Parse and validate the metadata.

    Raises:
        ValueError: the text is not a JSON object with finite numbers, or a part used by the
            program violates the format.
    """
    found = parse_finite(text)
    _META("its metadata", found)
    return dict(found)


def parse_finite(text: str) -> Any:
    """Parse JSON whose numbers are finite.

    Raises:
        ValueError: it is not.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("its metadata are nested too deeply") from None


def check_facts(value: Any) -> None:
    """Validate what the program uses of what the training of weights has recorded.

    Raises:
        ValueError: it is not a JSON object, or one of these values is of another kind.
    """
    _FACTS("facts", value)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"its metadata must hold finite numbers, got {text}")
    return value


def _one(kinds: tuple[type, ...], what: str) -> Rule:
    def check(name: str, value: Any) -> None:
        # In Python a bool is an int.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{name} must be {what}, got {value!r:.40}")

    return check


_TEXT, _FLAG = _one((str,), "a text"), _one((bool,), "true or false")
_NUMBER, _WHOLE = _one((int, float), "a number"), _one((int,), "a whole number")


def _number(least: float, most: float) -> Rule:
    def check(name: str, value: Any) -> None:
        _NUMBER(name, value)
        if not least <= value <= most:
            raise ValueError(f"{name} must be {least:g}..{most:g}, got {value!r:.40}")

    return check


def _object(needed: dict[str, Rule] | None = None, **optional: Rule) -> Rule:
    def check(name: str, value: Any) -> None:
        _one((dict,), "a JSON object")(name, value)
        for key, rule in {**(needed or {}), **optional}.items():
            if key in value:
                rule(f"{name}, {key}", value[key])
            elif key not in optional:
                raise ValueError(f"{name} must hold {key}")

    return check


def _list(each: Rule, least: int = 0, most: float = math.inf) -> Rule:
    def check(name: str, value: Any) -> None:
        _one((list,), "a list")(name, value)
        if not least <= len(value) <= most:
            raise ValueError(f"{name} must hold {least}..{most} values, got {len(value)}")
        for one in value:
            each(name, one)

    return check


def _one_or_more(each: Rule) -> Rule:
    some = _list(each, 1)

    def check(name: str, value: Any) -> None:
        (some if isinstance(value, list) else each)(name, value)

    return check


def _heights(name: str, value: Any) -> None:
    _one((dict,), "a JSON object")(name, value)
    for number, height in value.items():
        _object({"metres": _NUMBER})(f"{name}, {number}", height)


_SPAN = {
    "start": _NUMBER,
    "end": _NUMBER,
    "frames": _list(_WHOLE, 2, 2),
    "track_ids": _list(_WHOLE, 1, 2),
    "labels": _list(_object({"name": _TEXT, "probability": _NUMBER}), 1),
}
_META = _object(
    version=_TEXT,
    source=_TEXT,
    assumptions=_object(
        height=_object({"metres": _NUMBER, "given": _FLAG}, words=_TEXT, people=_heights),
        focal=_object({"pixels": _NUMBER, "given": _FLAG}, words=_TEXT),
    ),
    resampled=_object({"from_fps": _NUMBER, "to_fps": _NUMBER}),
    refinement=_object(
        gaps=_object({"max_gap": _NUMBER}),
        filter=_object({"name": _TEXT, "cutoff": _NUMBER}),
    ),
    actions=_list(_object(_SPAN)),
)

_RATE = _number(least=0.01, most=MAX_RATE)
_FACTS = _object(
    skeleton=_TEXT,
    window=_TEXT,
    root=_TEXT,
    axes=_TEXT,
    root_relative=_FLAG,
    fps=_one_or_more(_RATE),
    span=_number(least=0.01, most=MAX_FRAMES),
    frames=_number(least=1, most=MAX_FRAMES),
)
