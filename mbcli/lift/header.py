"""What a file of weights says of itself, whatever its container: a format, and JSON by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mbcli.boundary import reading
from mbcli.errors import WeightsError
from mbcli.lift.dimensions import DSTformerConfig, parse_dimensions
from mbcli.storage.metadata import check_facts, parse_finite

LIFTER = "mbcli.lifter/1"  # format of a lifter

_FORMAT = "format"  # key of the format's name

Origin = Literal["mbcli", "motionbert", "mmpose"]


@dataclass(frozen=True)
class CheckpointInfo:
    """Where a lifter's weights come from.

    Attributes:
        path: the file.
        sha256: of the whole file, hexadecimal.
        origin: the project whose format it is.
        metadata: what the training recorded about itself; empty for foreign files.
        has_feet: whether `mbcli.lift.checkpoint.load_feet` finds feet in the file.
    """

    path: Path
    sha256: str
    origin: Origin
    metadata: Mapping[str, Any] = field(default_factory=dict)
    has_feet: bool = False


def header(format: str, about: Mapping[str, Any]) -> dict[str, str]:
    """The texts that describe weights.

    Args:
        format: name of the format.
        about: JSON-ready values by name, of which ``facts`` is an object.

    Raises:
        TypeError: a value cannot be expressed as JSON.
    """
    return {_FORMAT: format, **{key: json.dumps(value) for key, value in about.items()}}


def read_header(
    path: Path,
    texts: Mapping[str, str],
    format: str,
    what: str,
    parse: Callable[[Mapping[str, Any]], Any],
) -> Any:
    """Read what :func:`header` has made.

    Args:
        path: the file, for messages.
        texts: by name.
        format: name of the format that it must have.
        what: what such a file holds, for messages.
        parse: converts the values; if it raises a KeyError, TypeError or ValueError, the file is
            rejected as not describing a ``what``.

    Returns:
        The result of ``parse``.

    Raises:
        WeightsError: another format, or wrongly described.
    """
    if texts.get(_FORMAT) != format:
        article = "an" if what[0] in "aeiou" else "a"
        raise WeightsError(
            f"{path} is not {article} {what} of mbcli: its metadata must say format {format!r}, "
            f"got {texts.get(_FORMAT)!r}"
        )
    with reading(path, what, WeightsError, verdict="describes no"):
        about = {k: parse_finite(v) for k, v in texts.items() if k != _FORMAT}
        check_facts(about["facts"])
        return parse(about)


def about_lifter(config: DSTformerConfig, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a lifter's file says: its dimensions, and what its training recorded about itself."""
    return {"dimensions": asdict(config), "facts": dict(facts)}


def parse_lifter(about: Mapping[str, Any]) -> tuple[DSTformerConfig, dict[str, Any]]:
    """The dimensions and the facts; raises what ``parse`` of `read_header` may raise."""
    return parse_dimensions(about["dimensions"]), dict(about["facts"])
