"""The part of a motion shown in a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.errors import ConfigError, InputError
from mbcli.motion import Motion3D
from mbcli.people import EVERYBODY, columns_of, read_person
from mbcli.show.plots.options import PlotOptions
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, IntArray

MOST_PEOPLE = 6  # with distinguishable curves


@dataclass(frozen=True, eq=False)
class Selection:
    """Frames and people of a motion.

    Attributes:
        motion: the whole motion.
        rows: (R,) frames, as rows of the motion's arrays.
        columns: people, as columns of the motion's arrays.
        left_out: number of people left out for lack of room.
    """

    motion: Motion3D
    rows: IntArray
    columns: tuple[int, ...]
    left_out: int

    def alone(self, column: int) -> Motion3D:
        """A person in these frames."""
        return self.motion.part(slice(int(self.rows[0]), int(self.rows[-1]) + 1), [column])

    @property
    def times(self) -> FloatArray:
        """(R,) seconds."""
        return self.motion.timestamps[self.rows]

    def person(self, column: int) -> str:
        """The name of a person."""
        return f"person {int(self.motion.track_ids[column])}"


def select(motion: Motion3D, options: PlotOptions) -> Selection:
    """The requested frames and people.

    Raises:
        InputError: there is nothing to draw.
        ConfigError: a person or a time that does not exist.
    """
    if not len(motion.timestamps) or not len(motion.track_ids):
        raise InputError("the motion holds nobody to draw")
    rows = _rows(motion.timestamps, options)
    glimpsed = motion.glimpsed.part(
        slice(int(rows[0]), int(rows[-1]) + 1), range(len(motion.spans))
    )
    there = [int(glimpsed[column].sum()) for column in range(len(glimpsed.spans))]
    columns, left_out = columns_of(options.person, motion.keypoints), 0
    everybody = read_person(options.person) == EVERYBODY
    if everybody:
        seen = [column for column in columns if there[column]]
        columns = sorted(sorted(seen, key=lambda c: -there[c])[:MOST_PEOPLE])
        left_out = len(seen) - len(columns)
    if len(columns) > MOST_PEOPLE:
        raise ConfigError(f"--person must name at most {MOST_PEOPLE} people, got {len(columns)}")
    if not any(there[column] for column in columns):
        who = "nobody" if everybody else f"nothing of person {options.person}"
        raise InputError(f"the motion holds {who} in the {len(rows)} frames to draw")
    return Selection(motion, rows, tuple(columns), left_out)


def _rows(times: FloatArray, options: PlotOptions) -> IntArray:
    low = -np.inf if options.start is None else options.start
    high = np.inf if options.end is None else options.end
    rows = np.flatnonzero((times >= low) & (times <= high))
    if not len(rows):
        raise ConfigError(
            f"--start and --end must leave a frame between {times[0]:.2f} and {times[-1]:.2f} "
            f"seconds, got {low:g} to {high:g}"
        )
    return rows


def joint_groups(
    skeleton: Skeleton, wanted: tuple[str, ...], usual: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """Joints grouped without their side: ``wrist`` is the left and the right one.

    Args:
        skeleton: skeleton of the motion.
        wanted: names as in ``PlotOptions.joint``.
        usual: names used if ``wanted`` is empty.

    Raises:
        ConfigError: there is no such joint.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for name in wanted or usual:
        plain = name.lower().replace("-", "_")
        found = tuple(j for j in skeleton.joints if j == plain or j.partition("_")[2] == plain)
        if not found:
            known = dict.fromkeys(j.partition("_")[2] or j for j in skeleton.joints)
            raise ConfigError(
                f"--joint must be one of {', '.join(known)}, those of the limbs also with left_ or "
                f"right_, got {name!r}"
            )
        group = found[0].partition("_")[2] or found[0]
        groups[group] = tuple(dict.fromkeys((*groups.get(group, ()), *found)))
    return groups
