"""What the CSV and the JSON layouts of BlazePose landmarks have in common."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from mbcli.keypoints.joint_names import recognised
from mbcli.skeleton import BLAZEPOSE33
from mbcli.types import FloatArray

LANDMARKS = len(BLAZEPOSE33)
FRAME_NAMES = ("frame", "frame_idx", "frame_index", "frame_id", "frame_number", "frame_num")
# Name -> seconds in its unit; None where the numbers must tell.
TIME_NAMES: dict[str, float | None] = {
    "timestamp": None,
    "time": None,
    "timestamp_ms": 1e-3,
    "time_ms": 1e-3,
    "timestamp_s": 1.0,
    "time_s": 1.0,
}


@dataclass(frozen=True, eq=False)
class LandmarkRows:
    """One person in one frame a row, as the file tells it.

    Attributes:
        frame: frame of each of the R rows.
        points: (R, 33, 3) x, y, visibility; NaN where the file has none.
        frames: frames that the file tells of, those without people included.
        persons: identity of each row; None if the file tells none.
        times: time of each row in `time_unit`; None if the file tells none.
        time_unit: in seconds; None if the numbers must tell.
        size: (width, height), if the file says so.
        fps: frames per second, if the file says so.
        warnings: what had to be assumed, one line each.
    """

    frame: list[int]
    points: FloatArray
    frames: int
    persons: list[int] | None
    times: list[float] | None = None
    time_unit: float | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    warnings: tuple[str, ...] = ()


def first_of(
    names: Container[str], wanted: tuple[str, ...] | dict[str, float | None]
) -> str | None:
    """The first of the wanted names that is there."""
    return next((name for name in wanted if name in names), None)


def landmark_number(name: str) -> int | None:
    """Number of a landmark from its own number or name, or None."""
    if name.isascii() and name.isdigit():
        return int(name)
    joint = recognised(name)
    return BLAZEPOSE33.index(joint) if joint in BLAZEPOSE33.joints else None
