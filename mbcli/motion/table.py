"""Columns of the tables of positions that ``mbcli export`` writes; see `mbcli.exports.tables`."""

from __future__ import annotations

from collections.abc import Sequence

from mbcli.skeleton import BODY23, H36M17

ROW = ("frame", "time", "person")
JOINT = "joint"  # of the long shape
VALUES = ("x", "y", "z", "confidence")
EXPECTED = (*VALUES, "expected_error")


def wide_columns(joints: Sequence[str], values: Sequence[str]) -> list[str]:
    """The columns of the wide shape after those of `ROW`."""
    return [f"{joint}_{value}" for joint in joints for value in values]


def holds_positions(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table, header first, has the columns and joints of such an export."""
    header = [*rows[0]]
    first = tuple(row[len(ROW)] for row in rows[1 : 1 + len(H36M17)] if len(row) > len(ROW))
    # Those of BODY23 begin with those of H36M17.
    long = first == H36M17.joints
    return any(
        header == [*ROW, *wide_columns(skeleton.joints, values)]
        or (long and header == [*ROW, JOINT, *values])
        for skeleton in (H36M17, BODY23)
        for values in (VALUES, EXPECTED)
    )
