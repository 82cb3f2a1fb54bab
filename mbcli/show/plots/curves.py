"""Curves over time: one column per person, one row per quantity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mbcli.show.plots.ink import SIDES, SMALL, SURE
from mbcli.show.plots.panels import Curve, CurvePanel
from mbcli.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 3.6, 1.32  # inches of a panel
_LEFT, _TOP, _BOTTOM = 0.75, 0.75, 0.7  # inches of labels around the panels
_FULL, _FAINT = 1.3, 0.6  # points


def draw_curves(
    times: FloatArray,
    people: Sequence[tuple[str, Sequence[CurvePanel]]],
    *,
    title: str,
    remark: str,
) -> Figure:
    """Draw the panels of each person below each other, with axes shared between people.

    Lines are thin where confidence is below 0.5.

    Args:
        times: (R,) seconds.
        people: name and panels of each person, with equal quantities for all.
        title: text above the figure.
        remark: text below it.
    """
    from matplotlib.figure import Figure

    rows, columns = len(people[0][1]), len(people)
    size = (_LEFT + _WIDTH * columns, _TOP + _HEIGHT * rows + _BOTTOM)
    figure = Figure(figsize=size, layout="constrained")
    # A figure of one person is too narrow for title and legend in one line.
    shown = title if columns > 1 else f"\n{title}"
    figure.suptitle(shown, x=0.01, ha="left", fontsize=9, fontweight="bold")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey="row")
    for column, (name, panels) in enumerate(people):
        for row, panel in enumerate(panels):
            axes = grid[row, column]
            for curve in panel.curves:
                _draw(axes, times, curve, turns=panel.unit == "°")
            _describe(axes, panel)
            if panel.limits is not None:
                axes.set_ylim(*panel.limits)
            if column == 0:
                _name(axes, panel)
        grid[0, column].text(
            0, 1.3, name, transform=grid[0, column].transAxes, fontweight="bold", va="bottom"
        )
        grid[-1, column].set_xlabel("time [s]")
    if len(times) > 1:
        grid[0, 0].set_xlim(times[0], times[-1])
    figure.align_ylabels(grid[:, 0])
    _legend(figure, [panel for _, panels in people for panel in panels])
    figure.supxlabel(remark, x=0.01, ha="left", fontsize=SMALL, color="#606060")
    return figure


def _draw(axes: Axes, times: FloatArray, curve: Curve, *, turns: bool) -> None:
    """Draw a curve; with ``turns`` the values are degrees, and jumps over 180 are not drawn."""
    stroke = SIDES[curve.side]
    colour = stroke.colour
    # Of somebody who comes and goes, only the frames with them, and those beside.
    there = np.flatnonzero(np.isfinite(curve.values))
    frames = slice(max(int(there[0]) - 1, 0), int(there[-1]) + 2) if len(there) else slice(0)
    times, curve = times[frames], curve.part(frames)
    if curve.low is not None and curve.high is not None:
        axes.fill_between(times, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
    line = curve.values.copy()
    if turns:
        line[1:][np.abs(np.diff(curve.values)) > 180] = np.nan
    axes.plot(times, line, color=colour, linestyle=stroke.dashes, linewidth=_FAINT)
    sure = np.where(curve.confidence >= SURE, line, np.nan)
    axes.plot(times, sure, color=colour, linestyle=stroke.dashes, linewidth=_FULL)
    # A line needs two points; isolated values would be invisible.
    alone = _alone(curve.values)
    axes.plot(times[alone], curve.values[alone], ".", color=colour, markersize=2.5)


def _alone(values: FloatArray) -> npt.NDArray[np.bool_]:
    """(R,) whether a value has no neighbour."""
    there = np.pad(np.isfinite(values), 1)
    return there[1:-1] & ~there[:-2] & ~there[2:]


def _describe(axes: Axes, panel: CurvePanel) -> None:
    """Write mean and range of each curve and of its confidence above the panel."""
    for number, curve in enumerate(sorted(panel.curves, key=lambda c: c.side, reverse=True)):
        values = curve.values[np.isfinite(curve.values)]
        sure = curve.confidence[np.isfinite(curve.values)]
        side = f"{SIDES[curve.side].label}: " if curve.side else ""
        if len(values):
            low, high = (
                values if end is None else end[np.isfinite(end)] for end in (curve.low, curve.high)
            )
            text = f"{side}mean {_figure(values.mean(), panel)}, "
            text += f"{_figure(low.min(), panel)} to {_figure(high.max(), panel)}"
            if panel.limits is None:
                text += f"; confidence {sure.mean():.2f}, {sure.min():.2f} to {sure.max():.2f}"
        else:
            text = f"{side}undetermined"
        axes.annotate(
            text,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 2 + number * (SMALL + 1.5)),
            textcoords="offset points",
            fontsize=SMALL,
            color=SIDES[curve.side].colour,
        )


def _figure(value: float, panel: CurvePanel) -> str:
    """A number with its meaningful digits."""
    if panel.unit == "°":
        return f"{round(value)}°".replace("-", "\N{MINUS SIGN}")
    return f"{value:.2f}"


def _name(axes: Axes, panel: CurvePanel) -> None:
    unit = f" [{panel.unit}]" if panel.unit else ""
    axes.set_ylabel(f"{panel.label}{unit}" + (f"\n({panel.note})" if panel.note else ""))
    axes.yaxis.label.set_fontsize(SMALL)


def _legend(figure: Figure, panels: Sequence[CurvePanel]) -> None:
    from matplotlib.lines import Line2D

    sides = [side for side in SIDES if any(c.side == side for p in panels for c in p.curves)]
    lines = [
        Line2D([], [], color=s.colour, linestyle=s.dashes, linewidth=_FULL, label=s.label)
        for s in (SIDES[side] for side in sides)
    ]
    if any(panel.limits is None for panel in panels):
        label = f"thin: confidence below {SURE}"
        lines.append(Line2D([], [], color="#303030", linewidth=_FAINT, label=label))
    figure.legend(
        handles=lines,
        loc="outside upper right",
        ncols=len(lines),
        handlelength=2.6,
        borderaxespad=0.2,
    )
