"""``mbcli refine``: fill gaps in a pose.npz, remove outliers and smooth it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mbcli.batch.options import BatchOptions
from mbcli.batch.plan import REFINED
from mbcli.cli.arguments import AsJson, Overwrite, PoseFiles, Quiet, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.errors import ConfigError
from mbcli.refinement.options import RefineOptions

if TYPE_CHECKING:
    from mbcli.batch.result import Result
    from mbcli.batch.work import Watcher


@command
def refine(
    poses: PoseFiles = None,
    *,
    out: Annotated[
        Path | None,
        output(
            "The .npz file to write, which also keeps the unrefined values; or a folder; or a name "
            "with {name}, {folder} or {parent} of the input. By default NAME.refined.npz beside it."
        ),
    ] = None,
    batch: BatchOptions,
    overwrite: Overwrite = False,
    options: RefineOptions,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: bool,
) -> None:
    """Refine a pose.npz: fill gaps, remove outliers, smooth, steady bones and feet, find the floor.

    A file that was refined before is refined anew from its raw values.
    """
    if not options.changes:
        raise ConfigError(
            "there is nothing to do: give at least one of --max-gap, --outliers, --filter, "
            "--bones, --feet, --world"
        )
    # Imported on use, to keep --help fast.
    from mbcli.cli.jobs import planned, run_jobs, unrefined_files
    from mbcli.cli.screen import Screen

    plan = planned(poses, out, batch, inside=unrefined_files, suffixes=(".npz",), beside=REFINED)
    work = Refining(options, overwrite)
    run_jobs(plan, work, Screen(quiet=quiet), batch, as_json=as_json, debug=debug)


@dataclass(frozen=True)
class Refining:
    """``mbcli refine`` of one file after the other."""

    options: RefineOptions
    overwrite: bool

    def key(self, source: Path) -> str:
        """The fingerprint of a result."""
        from mbcli.batch.finished import fingerprint

        return fingerprint("refine", [self.options], [source])

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Refine one file."""
        from mbcli.batch.result import Result
        from mbcli.cli.summary import long_file
        from mbcli.motion import load_motion, save_motion
        from mbcli.storage.output import check_output

        check_output(target, overwrite=self.overwrite, inputs=(source,))
        motion = refined(load_motion(source), self.options)
        save_motion(target, motion, overwrite=self.overwrite)
        done = "; ".join(_done(motion.meta["refinement"], motion.meta.get("world", {})))
        note = f"{target}: {len(motion.timestamps)} frames; {done}"
        return Result(source, target, notes=(*long_file(target, motion), note))


def _done(report: Mapping[str, Any], world: Mapping[str, Any]) -> list[str]:
    """What was done, from ``meta["refinement"]`` and ``meta["world"]``."""
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
        chosen, asked = report["filter"], report["options"]["cutoff"]
        parts.append(f"{chosen['name']} at {chosen['cutoff']:.3g} Hz")
        if asked is not None and f"{asked:.3g}" != f"{chosen['cutoff']:.3g}":
            parts[-1] += f", the nearest to {asked:.3g} Hz in this clip"
    if "bones" in report:
        parts.append("constant bone lengths")
    if "feet" in report:
        standing, seen = report["feet"]["standing"], report["feet"]["of"]
        parts.append(f"feet standing {100 * standing / max(seen, 1):.0f} % of the time")
    if report["options"]["world"] and "found" in world:
        parts.append(f"world: {world['found']}")
    return parts
