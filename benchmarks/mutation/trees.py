"""Copies of the checkout in which mutants are tried, each by a process of its own."""

from __future__ import annotations

import compileall
import contextlib
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Loaded before the processes branch off, so that none waits for them again. They start no threads
# when they are loaded with one thread each (`prepare`).
_HEAVY = (
    *("pytest", "numpy", "scipy.optimize", "scipy.signal", "scipy.ndimage", "scipy.spatial"),
    *("cv2", "torch", "supervision", "trackers"),
)
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


@dataclass
class Try:
    """Tests that run in a tree.

    Attributes:
        process: its id, also that of its group.
        until: on the monotonic clock; then it is ended.
        started: on the monotonic clock.
    """

    process: int
    until: float
    started: float

    @classmethod
    def of(cls, tree: Path, tests: Sequence[str], log: Path, limit: float) -> Try:
        """Start tests.

        Args:
            tree: the copy of the project.
            tests: files and folders, in this order; the first failure ends them.
            log: where their output goes.
            limit: seconds after which they are ended.
        """
        now = time.monotonic()
        process = os.fork()
        if not process:
            _run(tree, tests, log)
        return cls(process, now + limit, now)

    def result(self) -> str | None:
        """``survived``, ``killed``, ``timed out``; None while the tests run."""
        done, status = os.waitpid(self.process, os.WNOHANG)
        if done:
            self.end()
            return "killed" if status else "survived"
        if time.monotonic() < self.until:
            return None
        self.end()
        os.waitpid(self.process, 0)
        return "timed out"

    def end(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)


def _run(tree: Path, tests: Sequence[str], log: Path) -> None:
    """In the new process: run the tests, and end with 0 only if all of them pass."""
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

        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
