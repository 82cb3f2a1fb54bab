"""``mbcli refine``: a pose.npz with holes filled, jumps taken out and the rest smoothed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mbcli.cli.arguments import Overwrite, Pose, Quiet
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.errors import ConfigError, OutputError
from mbcli.refinement.options import RefineOptions


@command
def refine(
    pose: Pose,
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The .npz file to write; the numbers before refinement stay in it.",
        ),
    ],
    overwrite: Overwrite = False,
    options: RefineOptions,
    quiet: Quiet = False,
) -> None:
    """Refine a pose.npz: fill gaps, remove outliers, smooth, steady bones and feet, find the floor.

    A file that is refined already is refined anew, from the raw numbers in it.
    """
    if out.suffix.lower() != ".npz":
        raise OutputError(f"--out must end in .npz, got {out}")
    if not options.changes:
        raise ConfigError(
            "there is nothing to do: give one or more of --max-gap, --outliers, --filter, "
            "--bones, --feet, --world"
        )
    # Imported on use, so that --help answers at once.
    from mbcli.cli.screen import Screen
    from mbcli.motion import load_motion, save_motion
    from mbcli.storage.output import check_output

    check_output(out, overwrite=overwrite, inputs=(pose,))
    motion = refined(load_motion(pose), options)
    save_motion(out, motion, overwrite=overwrite)
    done = "; ".join(_done(motion.meta["refinement"]))
    Screen(quiet=quiet).say(f"{out}: {len(motion.timestamps)} frames; {done}")


def _done(told: Mapping[str, Any]) -> list[str]:
    """What was done, from ``meta["refinement"]``."""
    parts = []
    if "outliers" in told:
        people = told["outliers"]["people"]
        replaced, kept = (sum(person[key] for person in people) for key in ("replaced", "kept"))
        left = f", {kept} more left for want of frames to fill from" if kept else ""
        parts.append(f"{replaced} outliers replaced{left}")
    if "gaps" in told:
        parts.append(f"{sum(person['frames'] for person in told['gaps']['people'])} frames filled")
    if "filter" in told:
        chosen = told["filter"]
        parts.append(f"{chosen['name']} at {chosen['cutoff']:.3g} Hz")
    if "bones" in told:
        parts.append("constant bone lengths")
    if "feet" in told:
        standing, seen = told["feet"]["standing"], told["feet"]["of"]
        parts.append(f"feet standing {100 * standing / max(seen, 1):.0f} % of the time")
    if "world" in told:
        sure = told["world"]["spread_degrees"]
        within = "" if sure is None else f", within {sure:.1f} degrees"
        parts.append(
            f"gravity from {told['world']['source']}{within}, the camera taken to stand still"
        )
    return parts
