"""Figures of angles, speeds, confidence and trajectories, by Matplotlib."""

from __future__ import annotations

from mbcli.show.plots.figure import plot
from mbcli.show.plots.options import PlotOptions

__all__ = ["PlotOptions", "plot"]
