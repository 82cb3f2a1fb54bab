"""``mbcli refine``: fill gaps in a pose.npz, remove outliers and smooth it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from mbcli.cli.arguments import Overwrite, PoseFile, Quiet, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.errors import ConfigError, OutputError
from mbcli.refinement.options import RefineOptions


@command
def refine(
    pose: PoseFile,
    *,
    out: Annotated[
        Path,
        output("The .npz file to write; it also keeps the unrefined values."),
    ],
    overwrite: Overwrite = False,
    options: RefineOptions,
    quiet: Quiet = False,
) -> None:
    """Refine a pose.npz: fill gaps, remove outliers, smooth, steady bones and feet, find the floor.

    A file that was refined before is refined anew from its raw values.
    """
    if out.suffix.lower() != ".npz":
        raise OutputError(f"--out must end in .npz, got {out}")
    if not options.changes:
        raise ConfigError(
            "there is nothing to do: give at least one of --max-gap, --outliers, --filter, "
            "--bones, --feet, --world"
        )
    # Imported on use, to keep --help fast.
    from mbcli.cli.screen import Screen
    from mbcli.motion import load_motion, save_motion
    from mbcli.storage.output import check_output

    check_output(out, overwrite=overwrite, inputs=(pose,))
    motion = refined(load_motion(pose), options)
    save_motion(out, motion, overwrite=overwrite)
    done = "; ".join(_done(motion.meta["refinement"]))
    Screen(quiet=quiet).say(f"{out}: {len(motion.timestamps)} frames; {done}")


def _done(report: Mapping[str, Any]) -> list[str]:
    """What was done, from ``meta["refinement"]``."""
    parts = []
    if "outliers" in report:
        people = report["outliers"]["people"]
        replaced, kept = (sum(person[key] for person in people) for key in ("replaced", "kept"))
        left = f", {kept} more kept for lack of frames to fill from" if kept else ""
        parts.append(f"{replaced} outliers replaced{left}")
    if "gaps" in report:
        filled = sum(person["frames"] for person in report["gaps"]["people"])
        parts.append(f"{filled} frames filled")
    if "filter" in report:
        chosen = report["filter"]
        parts.append(f"{chosen['name']} at {chosen['cutoff']:.3g} Hz")
    if "bones" in report:
        parts.append("constant bone lengths")
    if "feet" in report:
        standing, seen = report["feet"]["standing"], report["feet"]["of"]
        parts.append(f"feet standing {100 * standing / max(seen, 1):.0f} % of the time")
    if "world" in report:
        sure = report["world"]["spread_degrees"]
        within = "" if sure is None else f", within {sure:.1f} degrees"
        parts.append(f"gravity from {report['world']['source']}{within}, assuming a static camera")
    return parts
