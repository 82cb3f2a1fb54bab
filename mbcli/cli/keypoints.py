"""``mbcli keypoints``: videos in, 2D keypoint tracks out."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mbcli.batch.options import BatchOptions
from mbcli.batch.plan import KEYPOINTS
from mbcli.cli import arguments as a
from mbcli.cli.looking import InParts
from mbcli.cli.parameters import command, without
from mbcli.errors import ConfigError
from mbcli.flags import described, of
from mbcli.keypoints import WRITTEN, WriteOptions, write_keypoints
from mbcli.options import InferOptions

if TYPE_CHECKING:
    from mbcli.batch.result import Result
    from mbcli.batch.work import Watcher
    from mbcli.storage.journal import Arrays

_LIFTING = without(*(one.name for one in described(InferOptions) if of(one).lifts))


@command
def keypoints(
    inputs: a.Sources = None,
    *,
    out: Annotated[
        Path | None,
        a.output(
            "The file to write, .npz or .json; or a folder; or a name with {name}, {folder} or "
            "{parent} of the input. By default INPUT.keypoints.npz beside each input."
        ),
    ] = None,
    batch: BatchOptions,
    how: WriteOptions,
    overwrite: a.Overwrite = False,
    restart: a.Restart = False,
    keypoints: a.KeypointFile = None,
    options: Annotated[InferOptions, _LIFTING],
    quiet: a.Quiet = False,
    as_json: a.AsJson = False,
    files: tuple[str, ...],
    debug: bool,
) -> None:
    """Every person's 2D keypoints from a video; a keypoint file is converted."""
    # Imported on use, to keep --help fast.
    from mbcli.cli.jobs import planned, run_jobs
    from mbcli.cli.screen import Screen
    from mbcli.video import list_videos

    suffixes = (
        tuple(dict.fromkeys(WRITTEN.values())) if how.format is None else (WRITTEN[how.format],)
    )
    plan = planned(
        inputs,
        out,
        batch,
        inside=list_videos,
        suffixes=suffixes,
        beside=KEYPOINTS,
    )
    if keypoints is not None and plan.several:
        raise ConfigError(f"--keypoints belongs to one video, got {len(plan.jobs)} inputs")
    line = shlex.join(["mbcli", *sys.argv[1:]])
    still = replace(options, camera_motion="still")  # nobody asks for the background
    work = Detecting(still, how, line, keypoints, files, overwrite, restart)
    run_jobs(plan, work, Screen(quiet=quiet), batch, as_json=as_json, debug=debug)


@dataclass(frozen=True, eq=False)
class Detecting(InParts):
    """``mbcli keypoints`` of one input after the other, with the options of the command."""

    options: InferOptions
    how: WriteOptions
    line: str
    keypoints: Path | None
    files: tuple[str, ...]
    overwrite: bool
    restart: bool
    seen: tuple[Arrays, ...] = ()

    def key(self, source: Path) -> str:
        """The fingerprint of a result."""
        from mbcli.batch.finished import fingerprint

        read = (source, self.keypoints, *self.files)
        return fingerprint("keypoints", [self.options, self.how], read)

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Find the keypoints of one input, and write them."""
        from mbcli.batch.result import Result, noted
        from mbcli.cli.following import lifting
        from mbcli.cli.summary import long_file
        from mbcli.report import Stopwatch
        from mbcli.storage.output import check_output
        from mbcli.tracks.source import kept_beside, opened

        inputs = (source, self.keypoints, *self.files)
        check_output(target, overwrite=self.overwrite, inputs=inputs)
        watch = Stopwatch()
        with kept_beside(
            target, source, self.options, restart=self.restart, seen=self.seen
        ) as work:
            with (
                progress.progress(source.name) as observer,
                opened(source, self.options, self.keypoints, work) as detect,
            ):
                detection = detect(observer, watch)
            meta = detection.meta(self.options, self.line)
            found = detection.keypoints
            write_keypoints(
                target, found, format=self.how.format, meta=meta, overwrite=self.overwrite
            )
        frames, people = found.spans.frames, len(found.spans)
        report = watch.report(frames=frames, people=people, warnings=detection.warnings)
        return Result(
            source,
            target,
            report=report,
            track_ids=tuple(found.track_ids.tolist()),
            meta=meta,
            notes=(
                *(long_file(target, found) if target.suffix == ".npz" else ()),
                *noted(work, report),
            ),
            following=lifting(target, source, found) if people else (),
        )
