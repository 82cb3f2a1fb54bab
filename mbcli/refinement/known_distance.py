"""A distance on the floor that is known: ``--known-distance``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mbcli.errors import ConfigError


@dataclass(frozen=True)
class KnownDistance:
    """Two points on the floor whose distance is known.

    Attributes:
        start: x, y in pixels.
        end: x, y in pixels.
        metres: between them.
        frame: number of the frame in the source.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    metres: float
    frame: int


def read_known_distance(text: str) -> KnownDistance:
    """Parse ``X1,Y1,X2,Y2=METRESm@FRAME``, such as ``310,640,905,655=0.9m@120``.

    Raises:
        ConfigError: the text has another form.
    """
    number = r"(-?[0-9]{1,6}(?:\.[0-9]{1,6})?)"
    found = re.fullmatch(
        rf"{number},{number},{number},{number}={number}m?@([0-9]{{1,8}})", text.replace(" ", "")
    )
    if found is None or float(found[5]) <= 0 or found.group(1, 2) == found.group(3, 4):
        raise ConfigError(
            "--known-distance must be two pixels on the floor, metres and a frame, such as "
            f"310,640,905,655=0.9m@120, got {text!r}"
        )
    x1, y1, x2, y2, metres = (float(part) for part in found.groups()[:5])
    return KnownDistance((x1, y1), (x2, y2), metres, int(found[6]))
