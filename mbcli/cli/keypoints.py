"""``mbcli keypoints``: videos in, 2D keypoint tracks out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from mbcli.cli import arguments as a
from mbcli.cli.guard import FAILED
from mbcli.cli.parameters import command, without
from mbcli.errors import ConfigError
from mbcli.flags import described, of
from mbcli.keypoints import WRITTEN, WriteOptions, write_keypoints
from mbcli.options import InferOptions

_LIFTING = without(*(one.name for one in described(InferOptions) if of(one).lifts))


@command
def keypoints(
    inputs: a.Sources,
    *,
    out: Annotated[
        Path,
        a.output("The file to write, .npz or .json; a folder for several inputs."),
    ],
    how: WriteOptions,
    overwrite: a.Overwrite = False,
    keypoints: a.KeypointFile = None,
    options: Annotated[InferOptions, _LIFTING],
    quiet: a.Quiet = False,
    as_json: a.AsJson = False,
    files: tuple[str, ...],
    debug: bool,
) -> None:
    """Every person's 2D keypoints from a video; a keypoint file is converted."""
    # Imported on use, to keep --help fast.
    from mbcli.cli.jobs import plan, run_all
    from mbcli.cli.screen import Screen
    from mbcli.cli.summary import Result, show_summary, write_json
    from mbcli.report import Stopwatch
    from mbcli.storage.output import check_output
    from mbcli.tracks.source import opened

    suffixes = (
        tuple(dict.fromkeys(WRITTEN.values())) if how.format is None else (WRITTEN[how.format],)
    )
    jobs = plan(inputs, out, suffixes)
    if keypoints is not None and len(jobs) > 1:
        raise ConfigError(f"--keypoints belongs to one video, got {len(jobs)} inputs")
    line = shlex.join(["mbcli", *sys.argv[1:]])
    screen = Screen(quiet=quiet)

    def run(source: Path, target: Path) -> Result:
        check_output(target, overwrite=overwrite, inputs=(source, keypoints, *files))
        watch = Stopwatch()
        with (
            screen.progress(source.name) as observer,
            opened(source, options, keypoints) as detect,
        ):
            detection = detect(observer, watch)
        meta = detection.meta(options, line)
        write_keypoints(
            target, detection.keypoints, format=how.format, meta=meta, overwrite=overwrite
        )
        frames, people = detection.keypoints.present.shape
        report = watch.report(frames=frames, people=people, warnings=detection.warnings)
        for warning in report.warnings:
            screen.say(f"warning: {warning}")
        ids = tuple(detection.keypoints.track_ids.tolist())
        return Result(source, target, report, track_ids=ids, meta=meta)

    results = run_all(jobs, run, debug=debug)
    if as_json:
        write_json(results)
    else:
        show_summary(screen, results)
    if any(result.error is not None for result in results):
        raise typer.Exit(FAILED)
