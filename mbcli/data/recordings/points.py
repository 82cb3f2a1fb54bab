"""From named points over time, without a tree, to a figure of our joints.

Points are joint centres, by any names that `names` knows, or the markers of a known set, see
`markers`. Points do not say how a head is turned: with a nose, it looks there; else it nods and
leans with the neck and looks where the trunk does. Without a head it stands on the trunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.feet import Toes
from mbcli.data.recordings.figure import Figure
from mbcli.data.recordings.heads import Head
from mbcli.data.recordings.markers import marker_figure
from mbcli.data.recordings.names import NEEDED, SIDES, Tree, check_complete, match_names
from mbcli.data.recordings.topology import find_joints
from mbcli.errors import DataError
from mbcli.geometry import unit as _direction
from mbcli.timeline import runs
from mbcli.types import FloatArray

_TRUNK = ("pelvis", "spine", "thorax")
_GAP = 0.1  # seconds up to which a lost point is put on the line between its neighbours
_NECK = 0.16  # from the shoulders to the head's centre of rotation, in legs: see `proportions`


def figure_of_points(
    names: Sequence[str],
    places: FloatArray,
    fps: float,
    *,
    tree: Tree | None = None,
    joint_map: Mapping[str, str] | None = None,
    usual_up: str = "y",
    unit: float | None = None,
    level: float | None = None,
    note: str = "",
) -> Figure:
    """Find our joints among points.

    Args:
        names: of N points.
        places: (F, N, 3) in the file's unit and axes, NaN where missing.
        fps: frames per second.
        tree: of the points, if the file has one.
        joint_map: the user's word, see `match_names`.
        usual_up: see `Figure`.
        unit: metres per unit by the file's word, or None.
        level: see `Head`.
        note: what was guessed while reading.

    Raises:
        DataError: joints are missing; the message lists the names.
    """
    places = _bridged(places, fps)
    notes = [note] if note else []
    if tree is None:
        found = match_names(names, joint_map=joint_map)
    else:
        found, said = find_joints(names, tree, places, joint_map)
        notes += [said] if said else []
    missing = [ours for ours in NEEDED if ours not in found]
    if missing not in ([], ["head"]):
        by_markers = None if joint_map else marker_figure(names, places, fps, unit)
        if by_markers is None:
            check_complete(names, found, joint_map)
            raise AssertionError
        figure, said = by_markers
        notes.append(said)
        return replace(figure, usual_up=usual_up, note="; ".join(notes))
    joints = {ours: places[:, index] for ours, index in found.items()}
    if missing and "nose" not in found:
        notes.append("no point is the head; it was put upon the trunk")
    limbs = {n: p for n, p in joints.items() if n in (*NEEDED[:-1], *_TRUNK, "nose")}
    head, skull = _head(joints, level)
    toes = {
        side: Toes(_direction(joints[f"{side}_toes"] - joints[f"{side}_ankle"]))
        for side in SIDES
        if f"{side}_toes" in joints
    }
    note = "; ".join(notes)
    figure = Figure({**limbs, "skull": skull}, head, fps, usual_up, unit, note, toes)
    if not np.logical_and.reduce([np.isfinite(p).all(-1) for p in figure.joints.values()]).any():
        raise DataError("a frame must hold all joints, got none")
    return figure


def _head(joints: Mapping[str, FloatArray], level: float | None) -> tuple[Head, FloatArray]:
    """How the head is turned, and the joint that turns with it."""

    def middle(part: str) -> FloatArray:
        return (joints[f"left_{part}"] + joints[f"right_{part}"]) / 2

    shoulders = middle("shoulder")
    trunk = shoulders - middle("hip")
    if "nose" not in joints:
        if "head" in joints:
            return Head(level=level), joints["head"]
        leg = np.linalg.norm(middle("hip") - middle("knee"), axis=-1) + np.linalg.norm(
            middle("knee") - middle("ankle"), axis=-1
        )
        return Head(level=level), shoulders + _NECK * np.nanmedian(leg) * _direction(trunk)
    behind = middle("ear") if {"left_ear", "right_ear"} <= {*joints} else shoulders
    if "head" in joints:
        top = joints["head"]
    else:
        # As in `FACE`: the head joint is above the ears by half of the nose's distance from them.
        apart = np.nanmedian(np.linalg.norm(joints["nose"] - behind, axis=-1))
        top = behind + 0.5 * apart * _direction(trunk)
    up = _direction(top - shoulders)
    ahead = joints["nose"] - (behind if "left_ear" in joints else top)
    forward = _direction(ahead - (ahead * up).sum(-1, keepdims=True) * up)
    turn = np.stack([forward, up, np.cross(up, forward)], axis=-1)
    return Head(turn, np.eye(3), offset=np.zeros(3), keep_nose=True), top


def _bridged(places: FloatArray, fps: float) -> FloatArray:
    """The points with short gaps filled along straight lines."""
    out = np.array(places, dtype=np.float64)
    for point in range(out.shape[1]):
        lost: npt.NDArray[np.bool_] = np.asarray(~np.isfinite(out[:, point]).all(axis=-1))
        for start, end in runs(lost):
            if start > 0 and end < len(out) and end - start <= max(1, _GAP * fps):
                share = np.linspace(0, 1, end - start + 2)[1:-1, None]
                before, after = out[start - 1, point], out[end, point]
                out[start:end, point] = before + share * (after - before)
        out[~np.isfinite(out[:, point]).all(axis=-1), point] = np.nan
    return out
