"""From camera axes to those of other programs: y or z up, metres or millimetres.

Inside, x points right, y down and z away from the camera. Both turns below are proper rotations,
so that left stays left:

    y up    (x, -y, -z)   somebody who faces the camera looks along +z
    z up    (x, z, -y)    somebody who faces the camera looks along -y

Where refinement has estimated the world, its axes and its origin on the floor are taken: the
vertical axis is then along gravity. Otherwise the camera is taken to be level and is the origin,
and every file says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mbcli.exports.options import ExportOptions, Up
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

Unit = Literal["m", "mm"]

PER_METRE: dict[Unit, float] = {"m": 1.0, "mm": 1000.0}
_UNIT_NAMES = {1.0: "metres", 1000.0: "millimetres", 100.0: "centimetres"}
_TURNS: dict[Up, tuple[tuple[int, int, int], ...]] = {
    "y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}


@dataclass(frozen=True, eq=False)
class Placed:
    """A motion in the axes and the unit of a file.

    Attributes:
        positions: (T, P, J, 3) float64, every joint; NaN where the person is absent.
        up: the axis that points up.
        per_metre: the file's units in a metre.
        notes: sentences on units, axes and what was assumed, for the file to say.
    """

    positions: FloatArray
    up: Up
    per_metre: float
    notes: tuple[str, ...]


def place(motion: Motion3D, options: ExportOptions, unit: Unit = "m") -> Placed:
    """The joints of a motion in the axes that ``options`` ask for.

    Args:
        motion: what to export.
        options: ``up`` (None is y) and ``scale``.
        unit: the format's unit of length; ``options.scale`` comes on top.
    """
    up: Up = "y" if options.up is None else options.up
    per_metre = PER_METRE[unit] * (1.0 if options.scale is None else options.scale)
    points = motion.in_world @ turn(up).T * per_metre
    return Placed(points, up, per_metre, notes(motion, up=up, per_metre=per_metre))


def turn(up: Up) -> FloatArray:
    """(3, 3) rotation from axes with y down to axes with ``up`` up."""
    return np.array(_TURNS[up], dtype=np.float64)


def notes(motion: Motion3D, *, up: Up, per_metre: float) -> tuple[str, ...]:
    """Sentences that say in which units and axes positions are, and what was assumed."""
    unit = _UNIT_NAMES.get(per_metre, f"1/{per_metre:g} of a metre")
    camera = motion.camera
    if camera.grounded:
        origin = (
            "origin on the estimated floor, vertical axis along the estimated gravity; "
            + camera.behaviour
        )
    else:
        which = "the camera" if camera.fixed else "the first frame's camera"
        origin = f"origin at {which}, which is taken to be level (no world was estimated)"
    return (f"units: {unit}", f"axes: right-handed, {up} up; {origin}", *assumptions(motion))


def assumptions(motion: Motion3D) -> tuple[str, ...]:
    """Sentences that say what was assumed or given, and what refinement has done."""
    said = []
    noted = motion.meta.get("assumptions")
    known: Mapping[str, Any] = noted if isinstance(noted, Mapping) else {}
    height, camera = known.get("height"), motion.camera
    if isinstance(height, Mapping):
        said.append(f"body height: {height.get('metres')} m, {_how(bool(height.get('given')))}")
    along = dict.fromkeys(f"{pixels:.1f}" for pixels in camera.focal.tolist())
    said.append(f"focal length: {', '.join(along)} pixels, {_how(camera.focal_given)}")
    return (*said, _refined(motion))


def _refined(motion: Motion3D) -> str:
    """What refinement has done, as it noted itself."""
    if motion.refinement is None:
        return "not refined"
    told = motion.meta.get("refinement")
    if not isinstance(told, Mapping):
        return "refined"
    done = []
    people = told.get("outliers", {}).get("people", [])
    if any(person.get("replaced") for person in people):
        done.append("outliers replaced")
    if "gaps" in told:
        done.append(f"gaps up to {told['gaps']['max_gap']:g} s filled")
    if "filter" in told:
        done.append(f"{told['filter']['name']} at {told['filter']['cutoff']:g} Hz")
    if "bones" in told:
        done.append("bone lengths made constant")
    if "feet" in told:
        done.append("feet kept from sliding")
    return "refined: " + ", ".join(done) if done else "refined"


def _how(given: bool) -> str:
    return "given" if given else "assumed"
