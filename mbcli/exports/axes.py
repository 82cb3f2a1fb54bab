"""From camera axes to those of other programs: y or z up, metres or millimetres.

Internally, x points right, y down and z away from the camera. Both conversions below are proper
rotations, so that left stays left:

    y up    (x, -y, -z)   somebody facing the camera looks along +z
    z up    (x, z, -y)    somebody facing the camera looks along -y

Where the floor is known, and ``--space`` does not say otherwise, the origin is on it and the
vertical axis along gravity. Else the camera is assumed to be level and is the origin, and every
file says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mbcli.exports.options import ExportOptions, Up
from mbcli.motion import Motion3D, heights
from mbcli.types import FloatArray

Unit = Literal["m", "mm"]

PER_METRE: dict[Unit, float] = {"m": 1.0, "mm": 1000.0}
_UNIT_NAMES = {1.0: "metres", 1000.0: "millimetres", 100.0: "centimetres"}
_TURNS: dict[Up, tuple[tuple[int, int, int], ...]] = {
    "y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}


@dataclass(frozen=True, eq=False)
class Axes:
    """The axes and the unit of a file.

    Attributes:
        up: the axis that points up.
        per_metre: units of the file per metre.
        notes: sentences on units, axes and assumptions, to be stored in the file.
    """

    up: Up
    per_metre: float
    notes: tuple[str, ...]

    def place(self, in_world: FloatArray) -> FloatArray:
        """(..., 3) metres in the world of the motion, y down, in the axes of the file."""
        return in_world @ turn(self.up).T * self.per_metre


@dataclass(frozen=True, eq=False)
class Placed(Axes):
    """A motion in the axes and the unit of a file.

    Attributes:
        positions: (T, P, J, 3) float64, every joint; NaN where the person is absent.
    """

    positions: FloatArray


def place(motion: Motion3D, options: ExportOptions, unit: Unit = "m") -> Placed:
    """The joints of a short motion, or of a single person, in the axes of `axes_of`."""
    axes = axes_of(motion, options, unit)
    return Placed(axes.up, axes.per_metre, axes.notes, axes.place(motion.in_world))


def axes_of(motion: Motion3D, options: ExportOptions, unit: Unit = "m") -> Axes:
    """The axes requested by ``options``.

    Args:
        motion: the motion to export.
        options: ``up`` (None means y) and ``scale``.
        unit: the format's unit of length, further scaled by ``options.scale``.
    """
    up: Up = "y" if options.up is None else options.up
    per_metre = PER_METRE[unit] * (1.0 if options.scale is None else options.scale)
    return Axes(up, per_metre, notes(motion, up=up, per_metre=per_metre))


def turn(up: Up) -> FloatArray:
    """(3, 3) rotation from axes with y down to axes with ``up`` up."""
    return np.array(_TURNS[up], dtype=np.float64)


def notes(motion: Motion3D, *, up: Up, per_metre: float) -> tuple[str, ...]:
    """Sentences on the units and axes of positions, and on assumptions."""
    unit = _UNIT_NAMES.get(per_metre, f"1/{per_metre:g} of a metre")
    axes = f"axes: right-handed, {up} up; {vertical(motion)}"
    return (f"units: {unit}", axes, *assumptions(motion))


def vertical(motion: Motion3D) -> str:
    """A sentence on the origin and what is up, and why it is not the floor."""
    camera, noted = motion.camera, motion.meta.get("world")
    found: Mapping[str, Any] = noted if isinstance(noted, Mapping) else {}
    if camera.grounded and found.get("upright_used") == 0:
        return (
            "origin at the height of the lowest feet, below the first frame's camera, which is "
            f"taken to be level: the floor was {found['found']}; {camera.behaviour}"
        )
    if camera.grounded:
        degrees = found.get("spread_degrees")
        within = "" if degrees is None else f" to within {degrees:.1f} degrees"
        return (
            "origin on the estimated floor, vertical axis along the estimated gravity"
            f"{within}; {camera.behaviour}"
        )
    which = "the camera" if camera.fixed else "the first frame's camera"
    why = "no world was estimated"
    if found:
        why = "--space camera" if found["sure"] else f"the floor was {found['found']}"
    return f"origin at {which}, which is taken to be level ({why})"


def assumptions(motion: Motion3D) -> tuple[str, ...]:
    """Sentences on what was assumed or given, and on refinement."""
    said = []
    noted = motion.meta.get("assumptions")
    known: Mapping[str, Any] = noted if isinstance(noted, Mapping) else {}
    height, camera = known.get("height"), motion.camera
    if isinstance(height, Mapping):
        metres = ", ".join(dict.fromkeys(f"{one:g}" for one in heights(motion)))
        how = height.get("words") or _how(bool(height.get("given")))
        said.append(f"body height: {metres} m, {how}")
    along = dict.fromkeys(f"{pixels:.1f}" for pixels in camera.focal.tolist())
    focal = known.get("focal")
    words = focal.get("words") if isinstance(focal, Mapping) else None
    said.append(f"focal length: {', '.join(along)} pixels, {words or _how(camera.focal_given)}")
    return (*said, _refined(motion))


def _refined(motion: Motion3D) -> str:
    """What refinement has done, from its own report."""
    if motion.refinement is None:
        return "not refined"
    report = motion.meta.get("refinement")
    if not isinstance(report, Mapping):
        return "refined"
    done = []
    people = report.get("outliers", {}).get("people", [])
    if any(person.get("replaced") for person in people):
        done.append("outliers replaced")
    if any(person.get("frames") for person in report.get("gaps", {}).get("people", [])):
        done.append(f"gaps up to {report['gaps']['max_gap']:g} s filled")
    if "filter" in report:
        done.append(f"{report['filter']['name']} at {report['filter']['cutoff']:g} Hz")
    if "bones" in report:
        done.append("bone lengths made constant")
    if report.get("feet", {}).get("standing"):
        done.append("feet kept from sliding")
    return "refined: " + (", ".join(done) or "no joint was changed")


def _how(given: bool) -> str:
    return "given" if given else "assumed"
