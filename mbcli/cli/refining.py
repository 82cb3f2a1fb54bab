"""Refinement on the way: what every command that takes a pose.npz can do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.refinement.options import RefineOptions


def refined(motion: Motion3D, options: RefineOptions) -> Motion3D:
    """The motion refined as asked for; the motion itself if nothing is."""
    if not options.changes:
        return motion
    # Imported on use: it loads SciPy.
    from mbcli.refinement.refine import refine

    return refine(motion, options)
