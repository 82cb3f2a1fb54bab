"""Refinement as a first step of every command that takes a pose.npz."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.refinement.options import RefineOptions


def refined(motion: Motion3D, options: RefineOptions) -> Motion3D:
    """The motion refined as requested; the motion itself if nothing is."""
    if not options.changes:
        return motion
    # Imported on use: it loads SciPy.
    from mbcli.refinement.refine import refine

    return refine(motion, options)
