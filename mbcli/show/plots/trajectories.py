"""Trajectories of joints through space, seen from above and from the side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mbcli.show.plots.ink import SIDES, SMALL, SURE, Dashes, person_ink, side_of
from mbcli.show.plots.selection import Selection, joint_groups
from mbcli.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_USUAL = ("pelvis",)
_FULL, _FAINT = 1.3, 0.6  # points
_WIDTH = 7.2  # inches
_AROUND, _OVER = 1.5, 1.9  # inches of width and height outside the views
_NARROWEST = 0.25  # minimum span, as a share of the widest
_RIGHT, _UP, _AWAY = 0, 1, 2  # columns of a position
_MIDDLE: Dashes = (0.0, (6.0, 1.2, 1.0, 1.2))  # points, dash and dot: neither left nor right


def draw_trajectories(
    chosen: Selection, joints: tuple[str, ...], *, title: str, remark: str
) -> Figure:
    """Draw trajectories of joints: from above, from the camera, and from the side.

    All views have one scale. A ring marks the beginning and a disc the end; dots are whole
    seconds. Lines are thin where confidence is below 0.5.

    Raises:
        ConfigError: there is no such joint.
    """
    from matplotlib.figure import Figure

    skeleton = chosen.motion.skeleton
    names = [n for group in joint_groups(skeleton, joints, _USUAL).values() for n in group]
    grounded = chosen.motion.camera.grounded
    numbers = [skeleton.index(name) for name in names]
    points = {column: _in_ground(chosen, column, numbers) for column in chosen.columns}
    spans = _spans(np.stack([*points.values()]))
    wide, high, deep = (end - begin for begin, end in spans)
    inches = (_WIDTH - _AROUND) / (wide + deep)
    size = (_WIDTH, (deep + high) * inches + _OVER)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    grid = figure.subplots(2, 2, width_ratios=(wide, deep), height_ratios=(deep, high))
    grid[0, 1].remove()
    start = "" if grounded else " of the camera"
    labels = {
        _RIGHT: f"to the right{start} [m]",
        _UP: f"above the {'floor' if grounded else 'camera'} [m]",
        _AWAY: f"away{' from the camera' if not grounded else ''} [m]",
    }
    views = (
        ("from above", grid[0, 0], _RIGHT, _AWAY),
        ("from the camera", grid[1, 0], _RIGHT, _UP),
        ("from the side", grid[1, 1], _AWAY, _UP),
    )
    for view, axes, across, along in views:
        for column in chosen.columns:
            for place, (name, number) in enumerate(zip(names, numbers, strict=True)):
                way = points[column][:, place][:, [across, along]]
                stroke = _dashes(name, names)
                _draw(axes, chosen, way, column, stroke, number)
        axes.set(xlim=spans[across], ylim=spans[along], aspect="equal")
        axes.set_title(view, loc="left")
        axes.set_xlabel(labels[across], fontsize=SMALL)
        axes.set_ylabel(labels[along], fontsize=SMALL)
        axes.locator_params(nbins=6, steps=(1, 2, 5, 10))
    _legend(figure, chosen, names)
    figure.supxlabel(remark, x=0.01, ha="left", fontsize=SMALL, color="#606060")
    return figure


def _in_ground(chosen: Selection, column: int, joints: list[int]) -> FloatArray:
    """(R, N, 3) metres of a person's joints: right, up, away."""
    alone = chosen.alone(column)
    points = alone.camera.to_world(alone.in_camera[:, 0, joints])
    points[..., 1] *= -1
    return points


def _spans(points: FloatArray) -> list[tuple[float, float]]:
    """Lowest and highest right, up and away of (..., 3), with a margin and a minimum width."""
    flat = points.reshape(-1, 3)
    low, high = np.fmin.reduce(flat), np.fmax.reduce(flat)
    widths = np.maximum(1.1 * (high - low), 0.5)
    widths = np.maximum(widths, _NARROWEST * widths.max())
    middle = (low + high) / 2
    return list(zip((middle - widths / 2).tolist(), (middle + widths / 2).tolist(), strict=True))


def _dashes(joint: str, names: list[str]) -> Dashes:
    """The line style of a joint; the body's middle is drawn like the right side if it is alone."""
    side = side_of(joint)
    if not side and any(side_of(name) for name in names):
        return _MIDDLE
    return SIDES[side].dashes


def _draw(
    axes: Axes, chosen: Selection, way: FloatArray, column: int, dashes: Dashes, number: int
) -> None:
    colour = person_ink(column)
    there = np.flatnonzero(np.isfinite(way).all(axis=-1))
    if not len(there):
        return
    axes.plot(*way.T, color=colour, linestyle=dashes, linewidth=_FAINT)
    sure = chosen.alone(column).confidence[:, 0, number] >= SURE
    axes.plot(*np.where(sure[:, None], way, np.nan).T, color=colour, ls=dashes, linewidth=_FULL)
    seconds = chosen.times[there]
    whole = there[np.flatnonzero(np.diff(np.floor(seconds + 1e-6), prepend=np.floor(seconds[0])))]
    axes.plot(*way[whole].T, ".", color=colour, markersize=3)
    first, last = way[there[0]], way[there[-1]]
    # The ring encloses the disc if somebody ends where they began.
    axes.plot(*first, "o", color=colour, markersize=6.5, markerfacecolor="none", zorder=3)
    axes.plot(*last, "o", color=colour, markersize=3.5, zorder=3)
    axes.annotate(
        str(int(chosen.motion.track_ids[column])),
        (float(first[0]), float(first[1])),
        xytext=(5, 4),
        textcoords="offset points",
        fontsize=SMALL,
        color=colour,
    )


def _legend(figure: Figure, chosen: Selection, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    def line(label: str, **style: object) -> Line2D:
        return Line2D([], [], label=label, **({"linewidth": _FULL} | style))  # type: ignore[arg-type]

    lines = [line(chosen.person(column), color=person_ink(column)) for column in chosen.columns]
    for side in SIDES:
        joints = [name.removeprefix(f"{side}_") for name in names if side_of(name) == side]
        if joints:
            label = f"{side} {', '.join(joints)}".strip()
            dashes = _dashes(f"{side}_", names)
            lines.append(line(label, color="#303030", linestyle=dashes))
    mark: dict[str, object] = {"color": "#303030", "linewidth": 0}
    lines += [
        line("beginning", marker="o", markersize=6.5, markerfacecolor="none", **mark),
        line("end", marker="o", markersize=3.5, **mark),
        line("whole seconds", marker=".", markersize=3, **mark),
        line(f"confidence below {SURE}", color="#303030", linewidth=_FAINT),
    ]
    figure.legend(
        handles=lines, loc="outside upper right", ncols=4, handlelength=2.6, borderaxespad=0.2
    )
