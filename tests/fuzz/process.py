"""One case in a process of its own, with bounds on time and memory, and what came of it."""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from .cases import Case

Verdict = Literal[
    "exit 0", "one line", "traceback", "crash", "time", "memory", "leftovers", "lines"
]

SECONDS = 60.0  # of processor time, which does not depend on what else the machine does
_PATIENCE = 5 * SECONDS  # of wall time
BYTES = 2 * 10**9
_ROOM = 6 * 10**9  # address space beyond what the libraries take; beyond it the case fails
_USAGE = 2  # exit status of a wrong command line, whose message has several lines


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        case: the case.
        verdict: the row's column.
        status: exit status, or minus the signal.
        seconds: processor time, or wall time if it was stopped.
        peak: bytes, above what the libraries take.
        said: what is to be looked at.
    """

    case: Case
    verdict: Verdict
    status: int
    seconds: float
    peak: int
    said: str


def load() -> None:
    """Load what commands load on use once, so that cases need not."""
    import av  # noqa: F401
    import cv2
    import h5py  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import scipy.interpolate
    import scipy.io
    import scipy.signal  # noqa: F401
    import torch

    import mbcli.cli.app
    import mbcli.data.formats
    import mbcli.exports.export
    import mbcli.lift.action.recognition
    import mbcli.lift.lifter
    import mbcli.pipeline
    import mbcli.refinement.refine
    import mbcli.show.render
    import mbcli.train.engine  # noqa: F401

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def run(case: Case) -> Outcome:
    """Run a case in a fork of this process, which must have no threads."""
    folder = Path(tempfile.mkdtemp(prefix="mbcli-fuzz-"))
    inside = folder / "case"
    inside.mkdir()
    try:
        case.prepare(inside)
        before = _files(inside)
        child = os.fork()
        if child == 0:
            _child(case, inside, folder)
        status, seconds, usage = _waited(child)
        said = (folder / "stderr").read_text("utf-8", "replace")
        left = sorted(_files(inside) - before - _outputs(case))
        peak = max(0, usage.ru_maxrss * 1024 - _baseline())
        verdict, detail = _verdict(case, status, seconds, peak, said, left)
        return Outcome(case, verdict, status, seconds, peak, detail)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _child(case: Case, inside: Path, folder: Path) -> None:
    status = 70
    try:
        os.setsid()
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(inside)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))
        status = _called(list(case.command))
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def call(folder: Path, command: tuple[str, ...]) -> None:
    """Run a command in a folder, in a fork, to make an input of its result."""
    child = os.fork()
    if child == 0:
        _child(Case("", "", command, lambda _: None), folder, folder)
    status, _, _ = _waited(child)
    assert status == 0, (folder / "stderr").read_text()


def _called(command: list[str]) -> int:
    from mbcli.cli.app import app

    sys.argv = ["mbcli", *command]
    try:
        app(command, prog_name="mbcli")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _waited(child: int) -> tuple[int, float, resource.struct_rusage]:
    """Exit status, seconds as in `Outcome`, and what was used."""
    handle = os.pidfd_open(child)
    try:
        ended = bool(select.select([handle], [], [], _PATIENCE)[0])
        if not ended:
            os.killpg(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
    finally:
        os.close(handle)
    seconds = usage.ru_utime + usage.ru_stime if ended else _PATIENCE
    return os.waitstatus_to_exitcode(status), seconds, usage


def _verdict(
    case: Case, status: int, seconds: float, peak: int, said: str, left: list[str]
) -> tuple[Verdict, str]:
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if seconds >= SECONDS:
        return "time", last
    if peak > BYTES:
        return "memory", f"{peak / 1e9:.1f} GB; {last}"
    if "Traceback (most recent call last)" in said:
        return "traceback", _where(said)
    if status < 0 or status > _USAGE:
        return "crash", last
    if status and left:
        return "leftovers", ", ".join(left)
    if not status:
        return "exit 0", ""
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    lists = case.command[:2] == ("data", "check")  # what is broken, a line each
    if lists or status == _USAGE or (len(errors) == 1 and last == errors[0]):
        return "one line", last
    return "lines", said.strip()[-300:]


def _where(said: str) -> str:
    """The exception, and the line of ours that it came from."""
    lines = said.strip().splitlines()
    ours = [line.strip() for line in lines if "/mbcli/" in line and line.strip().startswith("File")]
    return f"{lines[-1][:160]} @ {ours[-1].split('/mbcli/')[-1] if ours else '?'}"


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _outputs(case: Case) -> set[str]:
    return {"run"} if case.command and case.command[0] in ("pretrain", "finetune") else set()


@cache
def _baseline() -> int:
    """Bytes that the libraries take in a fork of this process which does nothing."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    return os.wait4(child, 0)[2].ru_maxrss * 1024
