"""Inputs of one run: finding them, running them, and telling how each ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from mbcli.batch.inputs import gather
from mbcli.batch.options import BatchOptions
from mbcli.batch.plan import KEYPOINTS, REFINED, Plan, plan
from mbcli.batch.result import Result
from mbcli.batch.run import failed, run_all
from mbcli.batch.work import Engine, Work
from mbcli.cli.guard import FAILED, show_error
from mbcli.cli.interruption import cause
from mbcli.cli.screen import Screen
from mbcli.cli.summary import show_summary, write_json


def pose_files(folder: Path) -> list[Path]:
    """The results of ``mbcli infer`` and ``refine`` in a folder, by name, in natural order."""
    from mbcli.video.images import files_with_suffix

    found = files_with_suffix(folder, (".npz",))
    return [path for path in found if not path.stem.endswith(KEYPOINTS)]


def unrefined_files(folder: Path) -> list[Path]:
    """The results of ``mbcli infer`` in a folder, by name."""
    return [path for path in pose_files(folder) if not path.stem.endswith(REFINED)]


def planned(
    words: Sequence[Path] | None,
    out: Path | None,
    batch: BatchOptions,
    *,
    inside: Callable[[Path], Sequence[Path]],
    suffixes: Sequence[str],
    beside: str = "",
) -> Plan:
    """Find the inputs, and pair them with their results: see `gather` and `plan`."""
    if not words and batch.inputs_from is None:
        raise typer.BadParameter("name at least one file or folder, or --inputs-from")
    inputs = gather(words or (), inside, recursive=batch.recursive, inputs_from=batch.inputs_from)
    return plan(inputs, out, suffixes, beside=beside + suffixes[0])


def run_jobs(
    plan: Plan,
    work: Work,
    screen: Screen,
    batch: BatchOptions,
    *,
    as_json: bool = False,
    debug: bool = False,
) -> None:
    """Run all jobs and report them, each as it ends and all at the end.

    Raises:
        typer.Exit: an input has no result.
        Exception: see `mbcli.batch.run.run_all`.
    """

    def done(result: Result) -> None:
        if result.error is not None:
            show_error(result.error)
        for note in result.notes:
            screen.say(note)
        if as_json:
            write_json(result, indent=None if plan.batch else 2)

    results = run_all(
        plan,
        work,
        screen,
        jobs=batch.jobs,
        engine=_engine(batch, len(plan.jobs), debug=debug),
        done=done,
        interrupted=lambda error: cause(error) is not None,
        debug=debug,
    )
    if not as_json:
        show_summary(screen, results)
    if failed(results):
        raise typer.Exit(FAILED)


def _engine(batch: BatchOptions, total: int, *, debug: bool) -> Engine | None:
    if batch.engine == "local":
        return None
    from mbcli.batch.ray_engine import RayEngine

    return RayEngine(batch.ray_address, total, 60 * batch.ray_split, debug)
