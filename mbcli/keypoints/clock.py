"""Convert the clocks of keypoint files to seconds of the video.

People save whatever their program offers: seconds, milli-, micro- or nanoseconds, counted from the
beginning of the video, the start of the machine or 1970, rounded to milliseconds or hundredths; or
the time of day. The unit is the one that gives a frame rate cameras have. A clock that starts
elsewhere is moved to 0. If time stamps match a usual rate except for rounding, the exact rate and
times are used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from mbcli.timeline import stretches, usual_rate
from mbcli.types import FloatArray, IntArray

# Frames per second. Fewer lose the motion; high-speed cameras reach about the maximum. The ranges
# of the units below meet, so that a rate belongs to exactly one of them.
RATES = (1.0, 1000.0)
_UNITS = (1.0, 1e-3, 1e-6, 1e-9)  # seconds
# The usual rates of cameras and programs, the more common first: rounded times may fit several.
_USUAL = (
    *(30.0, 25.0, 24.0, 60.0, 50.0, 30000 / 1001, 60000 / 1001, 24000 / 1001, 15.0, 10.0),
    *(120.0, 20.0, 100.0, 12.0, 12.5, 240.0, 48.0, 90.0, 200.0, 120000 / 1001, 5.0),
)
_NEAR = 0.05  # relative; a rate further from the measured one does not match
_LONGEST = 86_400.0  # seconds; a clock that starts beyond a day did not start with the video
_SINCE_1970 = (946_684_800.0, 4_102_444_800.0)  # seconds since 1970: the years 2000 to 2100
_SPARSE = 100.0  # seconds between frames; if they are further apart, the unit is another
_SAME = 0.01  # relative; rates that differ by less are the same
_FINEST = 1e-6  # seconds; no camera is more exact
_COARSE = 0.5  # of a frame; coarser rounding does not separate frames
_DIGITS = 9  # decimals of a second: nanoseconds
_OF_DAY = re.compile(r"(\d+):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?")
_AT_THE_END = re.compile(r".*\s(\d+:\d{2}:\d{2}(?:[.,]\d+)?)")


@dataclass(frozen=True, eq=False)
class Clock:
    """Times of the frames of a file.

    Attributes:
        fps: frames per second; None if unknown.
        timestamps: (frames,) seconds; None if unknown.
        problem: why they are unknown, or an empty text.
        notes: what had to be assumed, one line each.
    """

    fps: float | None = None
    timestamps: FloatArray | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()


def sound_rate(fps: float) -> bool:
    """Whether cameras record at such a rate."""
    low, high = RATES
    return bool(low * (1 - _NEAR) <= fps <= high * (1 + _NEAR))


def of_day(cell: str) -> float | None:
    """Seconds of an ISO 8601 date with time, or of a time of day; None for anything else.

    Of dates in other notations only the time of day is used.
    """
    if found := _OF_DAY.fullmatch(cell.strip()):
        hours, minutes, seconds = found[1], found[2], (found[3] or "0").replace(",", ".")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    # Python 3.10 accepts three or six decimals of a second, and no Z.
    text = cell.strip().replace("Z", "+00:00")
    text = re.sub(r"[.,](\d+)", lambda found: f".{found[1]:0<6.6}", text, count=1)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        last = _AT_THE_END.fullmatch(cell.strip())
        return None if last is None else of_day(last[1])


def frames_by_time(times: Sequence[float]) -> list[int]:
    """Frame numbers for rows with a time but no frame: rows with equal times form a frame."""
    if not np.isfinite(times).all():
        return [*range(len(times))]
    return [int(n) for n in np.unique(times, return_inverse=True)[1].reshape(-1)]


def clock_of(times: FloatArray, index: IntArray, frames: int, unit: float | None) -> Clock:
    """Work out the clock of a file.

    Args:
        times: (R,) time of each row as in the file; NaN if it has none.
        index: (R,) frame of each row.
        frames: number of frames, from 0 on, to give times for.
        unit: unit of the times in seconds; None if it is to be inferred.
    """
    known = np.isfinite(times)
    numbers, first = np.unique(index[known], return_index=True)
    stamps = np.asarray(times, np.float64)[known][first]
    if len(numbers) < 2:
        return Clock()
    steps = np.diff(stamps)
    if stamps[-1] <= stamps[0] or (steps < 0).any():
        place = int(np.argmax(steps < 0)) if (steps < 0).any() else len(steps) - 1
        return Clock(
            problem=f"its times do not increase: {stamps[place + 1]:.10g} after "
            f"{stamps[place]:.10g} in frame {numbers[place + 1]}"
        )
    if unit is None and (stamps == numbers).all():
        return Clock(problem="its times are the numbers of its frames")
    moved = steps > 0
    # Stamps that repeat for some frames show the rate only over many frames.
    step = float(np.median(steps / np.diff(numbers)))
    if not moved.all():
        step = float((stamps[-1] - stamps[0]) / (numbers[-1] - numbers[0]))
    unit = _unit(step, float(stamps[0])) if unit is None else unit
    rate = 1 / (step * unit)
    if not sound_rate(rate):
        return Clock(problem=f"its times give {rate:.4g} frames/s")
    notes: tuple[str, ...] = ()
    seconds = (stamps - stamps[0]) * unit
    if stamps[0] * unit > _LONGEST:
        notes = (f"times start at {stamps[0]:.16g}, which is taken as the video's beginning",)
        seconds += numbers[0] / rate
    else:
        seconds += stamps[0] * unit
    grid = max(_grid(stamps) * unit, 4 * float(np.spacing(np.abs(stamps).max())) * unit, _FINEST)
    usual = _usual(seconds, numbers, rate, grid)
    if usual is not None:
        rate, seconds = usual
    elif not moved.all():
        return Clock(problem="its times stand still for some frames")
    filled = _of_all(seconds, numbers, frames, rate)
    mean = usual_rate(filled, rate)
    return Clock(rate if abs(mean - rate) < _SAME * rate else mean, filled, notes=notes)


def _unit(step: float, start: float) -> float:
    """The unit, in seconds, in which these frame distances and this start make sense."""
    for unit in _UNITS:
        if _SINCE_1970[0] < start * unit < _SINCE_1970[1] and step * unit < _SPARSE:
            return unit
    longest = (1 + _NEAR) / RATES[0]
    return next((unit for unit in _UNITS if step * unit <= longest), _UNITS[-1])


def _grid(times: FloatArray) -> float:
    """Rounding step of the times in their unit: 1, 0.1, 0.01 ...; at most 1 for large numbers."""
    off = times - times[0]
    slack = 8 * np.spacing(np.abs(times).max())
    for digits in range(_DIGITS + 1):
        grid = 10.0**-digits
        if (np.abs(off - np.rint(off / grid) * grid) <= slack).all():
            return grid
    return 0.0


def _usual(
    seconds: FloatArray, numbers: IntArray, rate: float, grid: float
) -> tuple[float, FloatArray] | None:
    """The usual rate whose rounded times these are, and its exact times.

    Frames are counted by their times, or by their numbers if the times are rounded too coarsely.
    """
    pieces = [(0, len(seconds))]
    if (np.diff(seconds) > 0).all():
        pieces = [(part.start, part.stop) for part in stretches(seconds, rate)]
    for usual in _USUAL:
        if abs(1 / usual - 1 / rate) > _NEAR / rate + grid:
            continue
        exact = np.empty_like(seconds)
        for start, stop in pieces:
            ticks = np.rint((seconds[start:stop] - seconds[start]) * usual)
            if grid * usual > _COARSE:
                ticks = (numbers[start:stop] - numbers[start]).astype(np.float64)
            exact[start:stop] = seconds[start] + ticks / usual
        off = seconds - exact
        if all(np.ptp(off[start:stop]) <= grid * (1 + _NEAR) for start, stop in pieces):
            return usual, exact
    return None


def _of_all(seconds: FloatArray, numbers: IntArray, frames: int, rate: float) -> FloatArray:
    """(frames,) times of all frames, interpolated from those that are known."""
    every = np.arange(frames)
    filled = np.interp(every, numbers, seconds)
    before, after = every < numbers[0], every > numbers[-1]
    filled[before] = seconds[0] - (numbers[0] - every[before]) / rate
    filled[after] = seconds[-1] + (every[after] - numbers[-1]) / rate
    return filled
