"""Figures of angles, speeds, confidence and trajectories, by Matplotlib."""

from __future__ import annotations

from mbcli.plots.figure import plot
from mbcli.plots.options import PlotOptions

__all__ = ["PlotOptions", "plot"]
