"""Parameters of gait from the strides of each foot.

A stride lasts from one heel strike of a foot to its next one. Symmetry is that of Robinson, Herzog
and Nigg (1987, Journal of Manipulative and Physiological Therapeutics 10, 172):
100 (R - L) / ((R + L) / 2), 0 where both sides are equal, positive where the right side's value is
larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.errors import ConfigError
from mbcli.gait.events import SIDES, FootEvents, gait_events, read_from
from mbcli.motion import Motion3D
from mbcli.people import columns_of
from mbcli.types import FloatArray

UNITS = {
    "cadence": "steps/min",
    "stride_time": "s",
    "stride_length": "m",
    "step_time": "s",
    "stance_share": "of the stride",
    "speed": "m/s",
}
"""The parameters and their units. Step time is from the other foot's heel strike to this foot's."""


@dataclass(frozen=True, eq=False)
class Gait:
    """How one person walks.

    Attributes:
        person: track id.
        read_from: the joints that showed the events, in words.
        strides: number of strides of the right and the left foot.
        means: parameter -> mean of the right and the left foot, NaN where undetermined.
        symmetry: parameter -> percent, see the module.
        events: time in seconds, side and ``"heel strike"`` or ``"toe off"``, in order.
    """

    person: int
    read_from: str
    strides: dict[str, int]
    means: dict[str, dict[str, float]]
    symmetry: dict[str, float]
    events: tuple[tuple[float, str, str], ...]


def gait_of(motion: Motion3D, person: str) -> tuple[list[Gait], list[str]]:
    """The gait of those people who make a whole stride with each foot.

    Args:
        motion: of everybody.
        person: which people are asked for, as ``--person``.

    Returns:
        Their gait, and a few words on everybody else.

    Raises:
        ConfigError: nobody of them makes a stride with each foot, or ``person`` is unknown.
    """
    found, short = [], []
    for column in columns_of(person, motion.keypoints):
        alone, number = motion.alone(column), int(motion.track_ids[column])
        events = gait_events(alone)
        strides = {side: _strides(alone, events, side) for side in SIDES}
        if not all(strides.values()):
            counts = " and ".join(f"{len(strides[side])} with the {side}" for side in SIDES)
            short.append(f"person {number} makes {counts}")
            continue
        found.append(_gait(alone, number, events, strides))
    if not found:
        said = "; ".join(short) or "there is nobody"
        raise ConfigError(f"gait needs a whole stride of each foot: {said}")
    return found, short


def _gait(
    motion: Motion3D,
    number: int,
    events: list[FootEvents],
    strides: dict[str, list[dict[str, float]]],
) -> Gait:
    means = {side: _mean(strides[side]) for side in SIDES}
    right, left = (means[side] for side in SIDES)
    symmetry = {
        name: 200 * (right[name] - left[name]) / (right[name] + left[name]) for name in UNITS
    }
    listed = [
        (_at(frame, motion.timestamps), foot.side, what)
        for foot in events
        for what, frames in (("heel strike", foot.strikes), ("toe off", foot.offs))
        for frame in frames
    ]
    counts = {side: len(strides[side]) for side in SIDES}
    return Gait(number, read_from(motion), counts, means, symmetry, tuple(sorted(listed)))


def _strides(motion: Motion3D, events: list[FootEvents], side: str) -> list[dict[str, float]]:
    """The parameters of each stride of a foot."""
    found = []
    joint = f"{side}_ankle" if read_from(motion) == "ankle" else f"{side}_heel"
    places = motion.in_world[:, 0, motion.skeleton.index(joint)][:, [0, 2]]
    others = [frame for foot in events if foot.side != side for frame in foot.strikes]
    for foot in events:
        if foot.side != side:
            continue
        for start, stop in zip(foot.strikes, foot.strikes[1:], strict=False):
            offs = [frame for frame in foot.offs if start < frame < stop]
            if len(offs) != 1:
                continue
            begins, ends = (_at(frame, motion.timestamps) for frame in (start, stop))
            lasts = ends - begins
            way = [_at(stop, column) - _at(start, column) for column in places.T]
            length = float(np.linalg.norm(way))
            before = [frame for frame in others if start < frame < stop]
            step = ends - _at(before[0], motion.timestamps) if len(before) == 1 else np.nan
            found.append(
                {
                    "cadence": 120 / lasts,
                    "stride_time": lasts,
                    "stride_length": length,
                    "step_time": step,
                    "stance_share": (_at(offs[0], motion.timestamps) - begins) / lasts,
                    "speed": length / lasts,
                }
            )
    return found


def _at(frame: float, values: FloatArray) -> float:
    """The value of (T,) between two frames."""
    return float(np.interp(frame, np.arange(len(values)), values))


def _mean(strides: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each parameter, without what is undetermined."""
    means = {}
    for name in UNITS:
        values = np.array([stride[name] for stride in strides])
        known = values[np.isfinite(values)]
        means[name] = float(known.mean()) if len(known) else float("nan")
    return means
