"""The outcome of one input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mbcli.report import InferReport
from mbcli.storage.journal import Journal


@dataclass(frozen=True)
class Result:
    """The outcome of one input.

    Attributes:
        source: the input.
        target: the result, as planned; None after an error.
        files: the files written, if they are others than ``target``.
        report: times and counts of an inference; None for other commands and after an error.
        track_ids: track ids in the result.
        meta: metadata as in the file.
        error: why there is no result.
        notes: what there is to say about it, one line each.
        overlay: the video or picture drawn, if requested.
        following: the words of a command that goes on with the result, none if there is nobody.
        finished: whether an earlier run made the result.
    """

    source: Path
    target: Path | None = None
    files: tuple[Path, ...] = ()
    report: InferReport | None = None
    track_ids: tuple[int, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    notes: tuple[str, ...] = ()
    overlay: Path | None = None
    following: tuple[str, ...] = ()
    finished: bool = False


def noted(work: Journal, report: InferReport) -> tuple[str, ...]:
    """What there is to say about the 2D stage and its input."""
    went_on = (work.went_on,) if work.went_on else ()
    return (*went_on, *(f"warning: {warning}" for warning in report.warnings))
