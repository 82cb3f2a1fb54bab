"""Copies of the checkout in which mutants are tried, and the processes that try them."""

from __future__ import annotations

import compileall
import contextlib
import math
import os
import py_compile
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

# Loaded before the processes branch off, so that none waits for them again. They start no threads
# when they are loaded with one thread each (`prepare`).
_HEAVY = (
    *("pytest", "numpy", "scipy.optimize", "scipy.signal", "scipy.ndimage", "scipy.spatial"),
    *("cv2", "torch", "supervision", "trackers"),
)
_LEAST_LIMIT = 5.0  # seconds of computing
_LIMIT = 5.0  # times what the tests take without a change
_SHARED = "shared"  # beside the checkout: files that some tests look for


def prepare() -> None:
    """Load what the tests need from outside the project; once, before the first try."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    for name in _HEAVY:
        with contextlib.suppress(ImportError):
            __import__(name)


def copied(checkout: Path, folder: Path) -> Path:
    """A copy of the files that git knows, compiled, with the shared files within its reach.

    Args:
        checkout: the project.
        folder: where the copy is put; made anew.

    Raises:
        RuntimeError: git knows no files there.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise RuntimeError(f"{checkout} must be a checkout, git says: {listed.stderr.strip()}")
    tree = folder / "tree"
    for name in filter(None, listed.stdout.split("\0")):
        if (checkout / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, tree / name)
    if (checkout.parent / _SHARED).is_dir():
        (folder / _SHARED).symlink_to(checkout.parent / _SHARED)
    # Compared by content: a mutant may be as long as what it replaces, and of the same second.
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(tree, quiet=2, invalidation_mode=mode)
    return tree


def anew(tree: Path, tests: Sequence[str], log: Path, seconds: float | None = None) -> str:
    """What becomes of tests in a new process, see `outcome`.

    Args:
        tree: the copy of the project.
        tests: files and folders, in this order; the first failure ends them.
        log: where their output goes.
        seconds: of computing after which they are ended.
    """
    process = os.fork()
    if not process:
        if seconds is not None:
            restrict(seconds)
        branch(tree, tests, log)
    return outcome(process)


def limit(seconds: float) -> float:
    """How long tests may compute that take some time without a change."""
    return max(_LEAST_LIMIT, _LIMIT * seconds)


def restrict(seconds: float) -> None:
    """End this process after some time of computing, or twenty times as long on the clock."""
    whole = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    signal.alarm(20 * whole)


def branch(tree: Path, tests: Sequence[str], log: Path, plugins: Sequence[Any] = ()) -> NoReturn:
    """In a new process: run the tests, and end with 0 only if all of them pass."""
    code = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(tree)
        # The checkout, from which this process comes, must not be found.
        sys.path[0] = str(tree)
        os.environ["PYTHONPATH"] = str(tree)
        for name in [n for n in sys.modules if n.partition(".")[0] in ("mbcli", "benchmarks")]:
            del sys.modules[name]
        import pytest

        options = ["-x", "-q", "-p", "no:cacheprovider"]
        code = int(pytest.main([*options, *tests], plugins=list(plugins)))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def outcome(process: int) -> str:
    """``survived``, ``killed`` or ``timed out``, when a process that leads a group has ended."""
    _, status = os.waitpid(process, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
        return "timed out"
    return "killed" if status else "survived"
