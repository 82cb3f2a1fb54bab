"""Output for people during a run: progress, warnings and tables, all on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from mbcli.report import Observer, unobserved

_PLAIN_EVERY = 10.0  # seconds between plain lines
_LABELS = {
    "pose2d": "finding people",
    "lift": "lifting to 3D",
    "action": "recognising actions",
    "mesh": "recovering bodies",
    "import": "reading",
    "download": "downloading",
    "unpack": "unpacking",
}


class Screen:
    """Progress bars and tables on a terminal, plain lines elsewhere, nothing if quiet.

    Args:
        quiet: show nothing at all.
        stream: the output stream, by default stderr.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._console = Console(file=self._stream, quiet=quiet, highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self, title: str, *, in_bytes: bool = False) -> Iterator[Observer]:
        """Yield an observer for the stages of one job.

        Args:
            title: name of the job.
            in_bytes: whether the observer receives bytes instead of frames or files.
        """
        if self._quiet:
            yield unobserved
        elif self._console.is_terminal:
            with _bars(self._console, in_bytes=in_bytes) as bars:
                yield _BarObserver(bars, title)
        else:
            yield _PlainObserver(self._stream, title, in_bytes=in_bytes)

    def say(self, line: str) -> None:
        """Show one line."""
        self._console.print(line, markup=False)

    def pairs(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """Show pairs of names and values below a title."""
        if self._console.is_terminal:
            table = Table(title=title, show_header=False, title_justify="left")
            table.add_column(style="bold", no_wrap=True)
            table.add_column(overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            self._console.print(table, soft_wrap=False)
            return
        self.say(title)
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.say(f"  {name:<{width}}  {value}")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows under a header."""
        if self._console.is_terminal:
            table = Table(*header)
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            self._console.print(table, soft_wrap=False)
            return
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.say("  ".join(cells).rstrip())


class _RateColumn(ProgressColumn):
    """Frames per second over the last few seconds."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


def _bars(console: Console, *, in_bytes: bool) -> Progress:
    counts = (DownloadColumn(), TransferSpeedColumn())
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *(counts if in_bytes else (MofNCompleteColumn(), _RateColumn())),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )


class _BarObserver:
    """One bar per stage."""

    def __init__(self, bars: Progress, title: str) -> None:
        self._bars = bars
        self._title = title
        self._stage = ""
        self._task = bars.add_task(f"{title}: reading", total=None)

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self._stage = stage
            self._bars.remove_task(self._task)
            label = _LABELS.get(stage, stage)
            self._task = self._bars.add_task(f"{self._title}: {label}", total=total)
        # A container may claim fewer frames than it holds.
        expected = None if total is None else max(total, done)
        self._bars.update(self._task, completed=done, total=expected)


class _PlainObserver:
    """One line every ten seconds, and one at the start of each stage."""

    def __init__(self, stream: TextIO, title: str, *, in_bytes: bool) -> None:
        self._stream = stream
        self._title = title
        self._unit, self._scale = (" MB", 1e6) if in_bytes else ("", 1.0)
        self._stage = ""
        self._first = 0
        self._began = self._said = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        label = _LABELS.get(stage, stage)
        if stage != self._stage:
            self._stage, self._began, self._said = stage, now, now
            # A download may resume an earlier one; a frame is done when it is reported.
            self._first = done if self._unit else 0
            print(f"{self._title}: {label}", file=self._stream, flush=True)
        if now - self._said < _PLAIN_EVERY:
            return
        self._said = now
        speed = (done - self._first) / (now - self._began)
        of = "?" if total is None else self._amount(total)
        rate = f"{speed / self._scale:.1f}{self._unit}/s"
        line = f"{self._title}: {label}, {self._amount(done)} of {of}, {rate}"
        if total is not None and speed:
            line += f", {max(total - done, 0) / speed:.0f} s left"
        print(line, file=self._stream, flush=True)

    def _amount(self, count: int) -> str:
        return f"{count / self._scale:.0f}{self._unit}"
