"""What a process and its children do behind Python's back: strace looks on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_STRACE = shutil.which("strace")
_CALLS = (
    "connect,sendto,sendmsg,sendmmsg,listen,"
    "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
)
_TALKS = re.compile(r"\b(?:connect|send\w+|listen)\(.*\bAF_INET")
_WRITES = re.compile(r"\b(?:O_WRONLY|O_RDWR|O_CREAT)\b|\b(?:creat|mkdir|rename)\w*\(")
_NAMED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@cache
def can_trace() -> bool:
    """Whether strace is there and allowed to trace."""
    if _STRACE is None:
        return False
    return not subprocess.run([_STRACE, "true"], capture_output=True, check=False).returncode


@dataclass(frozen=True)
class Trace:
    """What a process did.

    Attributes:
        talks: strace's lines of connections over the internet's protocols, of what was sent and
            of doors that were opened.
        strangers: files and folders it made or opened to write that are neither results nor
            temporary nor in mbcli's cache.
    """

    talks: tuple[str, ...]
    strangers: tuple[Path, ...]


def trace(place: Path, *words: object) -> Trace:
    """Run Python with the given words in the folder ``work`` of a place, with a home of its own.

    Environment variables are few. In particular there is no ``CI``, which makes some libraries
    keep quiet by themselves.
    """
    home, work, temporary = (place / name for name in ("home", "work", "temporary"))
    for folder in (home, work, temporary):
        folder.mkdir(exist_ok=True)
    log = place / "trace"
    done = subprocess.run(
        [
            *(str(_STRACE), "--follow-forks", "--seccomp-bpf", "-qq", "-s", "300"),
            *("-e", f"trace={_CALLS}", "-o", str(log)),
            *(sys.executable, *map(str, words)),
        ],
        cwd=work,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    written = {
        work / _NAMED.findall(line)[-1]
        for line in lines
        if _WRITES.search(line) and not re.search(r"= -1 E|O_TMPFILE", line)
    }
    own = (work, temporary, home / ".cache" / "mbcli", Path("/dev"))
    strangers = {path for path in written if not any(path.is_relative_to(part) for part in own)}
    strangers -= {home / ".cache"}
    return Trace(tuple(filter(_TALKS.search, lines)), tuple(sorted(strangers)))
