"""The metadata of a result: a JSON object, some parts of which are used by the program.

Those parts are validated when a file is read, so that no other code has to; parts that are only for
human readers may contain anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

Rule = Callable[[str, Any], None]


def read_metadata(text: str) -> dict[str, Any]:
    """Parse and validate the metadata.

    Raises:
        ValueError: the text is not a JSON object with finite numbers, or a part used by the
            program violates the format.
    """
    try:
        found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("its metadata are nested too deeply") from None
    _META("its metadata", found)
    return dict(found)


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
        height=_object({"metres": _NUMBER, "given": _FLAG}),
        focal=_object({"pixels": _NUMBER, "given": _FLAG}),
    ),
    resampled=_object({"from_fps": _NUMBER, "to_fps": _NUMBER}),
    refinement=_object(
        gaps=_object({"max_gap": _NUMBER}),
        filter=_object({"name": _TEXT, "cutoff": _NUMBER}),
    ),
    actions=_list(_object(_SPAN)),
)
