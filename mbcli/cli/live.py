"""``mbcli live``: a camera in, poses out while it runs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.cli import arguments as a
from mbcli.cli.parameters import command, without
from mbcli.live.options import NOT_LIVE, LiveOptions

if TYPE_CHECKING:
    from mbcli.cli.screen import Screen
    from mbcli.live.run import LiveReport, LiveRun
    from mbcli.live.view import View


@command
def live(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CAMERA",
            show_default=False,
            help="Number of a camera, such as 0; an address such as rtsp://HOST/PATH; or a video "
            "file, which is played at its own speed.",
        ),
    ],
    *,
    out: Annotated[
        Path | None, a.output("Record into this .npz file, as mbcli infer would make it.")
    ] = None,
    overwrite: a.Overwrite = False,
    options: Annotated[LiveOptions, without(*NOT_LIVE)],
    quiet: a.Quiet = False,
    as_json: a.AsJson = False,
    files: tuple[str, ...],
) -> None:
    """Everybody's 3D pose while a camera runs. Ctrl-C ends the run, and keeps the recording."""
    # Imported on use, to keep --help fast.
    import json

    from mbcli.batch.plan import check_suffix
    from mbcli.cli.screen import Screen
    from mbcli.live.feed import open_feed
    from mbcli.live.run import LiveRun
    from mbcli.live.view import open_view
    from mbcli.live.vmc import Avatar, OscSender
    from mbcli.motion import save_motion
    from mbcli.storage.output import check_output

    if out is not None:
        check_suffix(out, (".npz",))
        check_output(out, overwrite=overwrite, inputs=(source, *files))
    screen = Screen(quiet=quiet)
    with ExitStack() as opened:
        feed = open_feed(source, rotate=options.rotate)
        opened.callback(feed.close)
        run = LiveRun(feed, options, record=out is not None)
        if options.osc is not None:
            sender, avatar = OscSender(*options.osc), Avatar()
            opened.callback(sender.close)
            run.each = lambda pose: sender.send(
                avatar.messages(pose.motion, pose.row, pose.frame.time)
            )
        view = open_view(options.view, options.port)
        if view is not None:
            opened.callback(view.close)
        _watch(run, view, screen)
    report = run.report()
    _tell(screen, report)
    if out is not None and report.seen:
        save_motion(out, run.recorded(), overwrite=overwrite)
        screen.say(f"{out}: {report.seen} frames, lifted once more with what follows each pose")
    if as_json:
        recorded = None if out is None else str(out)
        typer.echo(json.dumps({"ok": True, "out": recorded, **asdict(report)}, indent=2))


def _watch(run: LiveRun, view: View | None, screen: Screen) -> None:
    """Show poses until the feed ends, somebody ends the run, or a signal comes."""
    from mbcli.live.page import Page
    from mbcli.live.view import drawn
    from mbcli.storage.signals import handled

    if isinstance(view, Page):
        screen.say(f"watch it at {view.url}")
    screen.say("Ctrl-C ends the run")
    with handled(lambda number, frame: run.stop()):
        for pose in run.poses():
            if view is not None and not view.show(drawn(pose, run.report())):
                run.stop()


def _tell(screen: Screen, report: LiveReport) -> None:
    screen.say(
        f"{report.given} frames in {report.seconds:.1f} s; {report.given - report.seen} left out, "
        f"{report.lifted} lifted: {report.fps:.1f} a second"
    )
    screen.say(
        f"from a frame to its pose: {1000 * report.latency:.0f} ms, "
        f"1 in 20 more than {1000 * report.slowest:.0f}"
    )
