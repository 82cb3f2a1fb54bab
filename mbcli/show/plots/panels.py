"""Quantities over time: angles, speeds and confidence as curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.errors import ConfigError
from mbcli.kinematics.angles import (
    ANGLES,
    JointAngles,
    angle_confidence,
    angle_names,
    angles_by_person,
)
from mbcli.show.plots.ink import side_of
from mbcli.show.plots.selection import Selection, joint_groups
from mbcli.types import FloatArray

_USUAL_ANGLES = (
    *("hip_flexion", "knee_angle", "ankle_angle", "shoulder_elevation", "elbow_flex"),
    *("trunk_forward_lean", "trunk_side_lean", "lumbar_rotation"),
)
# Angles of joints whose names they do not start with.
_OF_JOINT = {
    "shoulder": ("shoulder_elevation", "shoulder_plane", "arm_flex", "arm_add", "arm_rot"),
    "trunk": (
        *("trunk_forward_lean", "trunk_side_lean", "trunk_heading"),
        *("lumbar_extension", "lumbar_bending", "lumbar_rotation"),
    ),
}
_USUAL_SPEEDS = ("pelvis", "wrist", "ankle")
_USUAL_CONFIDENCE = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over time.

    Attributes:
        side: ``"left"``, ``"right"`` or ``""``.
        values: (R,), NaN where missing.
        confidence: (R,) 0..1, confidence of the values.
        low: (R,) lower end of a band around them.
        high: (R,) its upper end.
    """

    side: str
    values: FloatArray
    confidence: FloatArray
    low: FloatArray | None = None
    high: FloatArray | None = None

    def part(self, frames: slice) -> Curve:
        """Some of its frames."""
        low, high = (None if end is None else end[frames] for end in (self.low, self.high))
        return Curve(self.side, self.values[frames], self.confidence[frames], low, high)


@dataclass(frozen=True)
class CurvePanel:
    """Curves that share their axes.

    Attributes:
        label: name of the quantity.
        unit: unit of the values.
        note: the positive direction, if it is a convention.
        curves: the curves.
        limits: limits of the axis; None fits the values.
    """

    label: str
    unit: str
    note: str
    curves: tuple[Curve, ...]
    limits: tuple[float, float] | None = None


def angle_panels(chosen: Selection, joints: tuple[str, ...]) -> list[list[CurvePanel]]:
    """The angles of each person, one panel per quantity, with left and right together.

    Raises:
        ConfigError: there is no such joint or angle.
    """
    names = _angle_names(joints, angle_names(chosen.motion.skeleton))
    wanted = tuple(name for group in names for name in group)
    return [
        [_angle_panel(angles, sure, group) for group in names]
        for angles, sure in (_angles(chosen, column, wanted) for column in chosen.columns)
    ]


def _angles(
    chosen: Selection, column: int, wanted: tuple[str, ...]
) -> tuple[JointAngles, FloatArray]:
    """Some angles (R, N) of a person, and their confidences."""
    motion = chosen.motion
    # Headings continue over the whole motion; the rest of it is left out afterwards.
    names, degrees = angles_by_person(motion.whole(column))
    degrees = degrees.filled_with(degrees.rows[:, [names.index(name) for name in wanted]])
    sure = angle_confidence(chosen.alone(column).confidence[:, 0], wanted, motion.skeleton)
    return JointAngles(wanted, degrees.whole(0)[chosen.rows]), sure


def _angle_panel(angles: JointAngles, sure: FloatArray, names: tuple[str, ...]) -> CurvePanel:
    curves = tuple(
        Curve(ANGLES[name].side, angles.of(name), sure[:, angles.names.index(name)])
        for name in names
    )
    first = ANGLES[names[0]]
    return CurvePanel(first.label, "°", f"+ {first.positive}", curves)


def _quantity(name: str) -> str:
    """The name of an angle without its side."""
    return name[:-2] if ANGLES[name].side else name


def _angle_names(joints: tuple[str, ...], known: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Names of angles among those ``known``, grouped by quantity."""
    quantities = dict.fromkeys(_quantity(name) for name in known)
    found: dict[str, list[str]] = {}
    for wanted in joints or [name for name in _USUAL_ANGLES if name in quantities]:
        plain = wanted.lower().replace("-", "_")
        side, _, rest = plain.partition("_")
        sided = side in ("left", "right") and bool(rest)
        part = rest if sided else plain
        among = [
            name
            for name in known
            if part in (name, _quantity(name), name.partition("_")[0])
            or _quantity(name) in _OF_JOINT.get(part, ())
        ]
        if sided:
            among = [name for name in among if ANGLES[name].side == side]
        if not among:
            feet = ("ankle", "foot") if "ankle_angle" in quantities else ()
            parts = ("hip", "knee", *feet, "shoulder", "elbow", "trunk", "pelvis")
            raise ConfigError(
                f"--joint must be one of {', '.join(parts)}, those of the limbs also with left_ or "
                f"right_, or an angle ({', '.join(quantities)}), got {wanted!r}"
            )
        for name in among:
            group = found.setdefault(_quantity(name), [])
            if name not in group:
                group.append(name)
    return [tuple(names) for names in found.values()]


def speed_panels(chosen: Selection, joints: tuple[str, ...]) -> list[list[CurvePanel]]:
    """The speed of joints of each person in metres per second.

    It is measured along the straight line between the previous and the next frame.

    Raises:
        ConfigError: there is no such joint.
    """
    skeleton = chosen.motion.skeleton
    groups = joint_groups(skeleton, joints, _USUAL_SPEEDS)

    def panels(column: int) -> list[CurvePanel]:
        whole = chosen.motion.whole(column)
        speeds = _speeds(whole.in_camera, whole.timestamps)[chosen.rows, 0]
        sure = chosen.alone(column).confidence[:, 0]
        return [panel(speeds, sure, *group) for group in groups.items()]

    def panel(
        speeds: FloatArray, sure: FloatArray, group: str, names: tuple[str, ...]
    ) -> CurvePanel:
        numbers = [(name, skeleton.index(name)) for name in names]
        curves = tuple(
            Curve(side_of(name), speeds[:, number], sure[:, number]) for name, number in numbers
        )
        return CurvePanel(f"speed of {group}", "m/s", "", curves)

    return [panels(column) for column in chosen.columns]


def _speeds(points: FloatArray, times: FloatArray) -> FloatArray:
    """(T, P, J) metres per second of (T, P, J, 3); one-sided where one neighbour is missing."""
    if len(times) < 2:
        return np.full(points.shape[:-1], np.nan)
    steps = np.diff(times).reshape(-1, 1, 1, 1)
    forward = np.diff(points.astype(np.float64), axis=0) / steps
    after, before = np.full(points.shape, np.nan), np.full(points.shape, np.nan)
    after[:-1], before[1:] = forward, forward
    # Weighted by the time steps: the distance from the previous frame to the next one.
    both = np.full(points.shape, np.nan)
    both[1:-1] = (points[2:] - points[:-2]) / (steps[1:] + steps[:-1])
    velocity = np.where(np.isfinite(both), both, np.where(np.isfinite(after), after, before))
    # A missing joint has no speed, even if its neighbours exist.
    velocity[~np.isfinite(points).all(axis=-1)] = np.nan
    return np.linalg.norm(velocity, axis=-1)


def confidence_panels(chosen: Selection, joints: tuple[str, ...]) -> list[list[CurvePanel]]:
    """The confidence of each person: mean and range over all joints, and each joint.

    Raises:
        ConfigError: there is no such joint.
    """
    skeleton = chosen.motion.skeleton
    groups = joint_groups(skeleton, joints, _USUAL_CONFIDENCE)

    def panel(scores: FloatArray, group: str, names: tuple[str, ...]) -> CurvePanel:
        curves = []
        for name in names:
            values = scores[:, skeleton.index(name)]
            curves.append(Curve(side_of(name), values, np.ones(len(values))))
        return CurvePanel(f"confidence of {group}", "", "", tuple(curves), (0.0, 1.0))

    return [
        [
            overall(chosen, column),
            *(panel(_scores(chosen, column), *group) for group in groups.items()),
        ]
        for column in chosen.columns
    ]


def overall(chosen: Selection, column: int) -> CurvePanel:
    """Mean and range of the confidence of all joints of a person."""
    values = _scores(chosen, column)
    present = np.isfinite(values)
    count = present.sum(axis=-1)
    total = np.where(present, values, 0.0).sum(axis=-1)
    mean = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    low, high = np.fmin.reduce(values, axis=-1), np.fmax.reduce(values, axis=-1)
    curve = Curve("", mean, np.ones(len(values)), low, high)
    return CurvePanel("confidence", "", "mean and range of all joints", (curve,), (0.0, 1.0))


def _scores(chosen: Selection, column: int) -> FloatArray:
    """(R, J) confidence of a person, NaN where a joint is missing."""
    alone = chosen.alone(column)
    there = np.isfinite(alone.positions[:, 0]).all(axis=-1)
    return np.where(there, alone.confidence[:, 0], np.nan)
