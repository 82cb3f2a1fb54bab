"""Repeated measurements: medians with their spread, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

Clock = Callable[[], float]


def seconds(work: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Time of one call, by default on the wall."""
    start = clock()
    work()
    return clock() - start


def in_turn(
    works: Mapping[str, Callable[[], object]], rounds: int, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each work in each round, in which all take turns; a first round is left out."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(-1, rounds):
        for name, work in works.items():
            taken = seconds(work, clock)
            if number >= 0:
                times[name].append(taken)
    return times


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median, and the quartiles about it."""
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return {"median": middle, "low": low, "high": high}


def told(figure: Mapping[str, float], digits: int = 2) -> str:
    """A figure of :func:`spread` in words."""
    return (
        f"{figure['median']:.{digits}f} ({figure['low']:.{digits}f} to {figure['high']:.{digits}f})"
    )


def arguments(module_doc: str | None, rounds: int) -> argparse.ArgumentParser:
    """A command line with the options that all these benchmarks have."""
    parser = argparse.ArgumentParser(description=(module_doc or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is text, the others are figures."""
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def write(path: Path | None, facts: Mapping[str, Any]) -> None:
    """Write figures as JSON, with what the machine is and how busy it was."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    machine = {"system": platform.platform(), "cores": os.cpu_count(), "load_at_end": load}
    if path is not None:
        path.write_text(json.dumps({"machine": machine, **facts}, indent=2) + "\n", "utf-8")
