"""Signals at any moment: the command ends soon, with the shell's status, and leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mbcli.storage.signals import status

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

# Moments that a timer would seldom hit, reached by code that runs in the command's own process.
_WHILE_LOADING = """
import os, signal, sys, importlib.abc

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "onnxruntime":
            try:
                os.kill(os.getpid(), {number})
            except KeyboardInterrupt:
                raise ImportError("initialization failed") from None

sys.meta_path.insert(0, Interrupting())
from mbcli.__main__ import main
sys.argv[0] = "mbcli"
main()
"""
_WHILE_READING_THE_COMMAND_LINE = """
import os, sys
from typer.core import TyperCommand
from mbcli.__main__ import main

TyperCommand.make_context = lambda *_, **__: os.kill(os.getpid(), {number})
sys.argv[0] = "mbcli"
main()
"""
_SWALLOWED = """
import os, signal, sys, time
from pathlib import Path
from mbcli.cli.interruption import interruptible
from mbcli.storage.output import written_whole

with interruptible(), written_whole(Path(sys.argv[1]), overwrite=False) as part:
    part.write_text("half")
    while True:
        try:
            os.kill(os.getpid(), {number})
            time.sleep(60)
        except BaseException:
            time.sleep(60)
"""
_IN_A_STRING = """
import os, signal
from mbcli.cli.interruption import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)
with interruptible():
    exec("os.kill(os.getpid(), {number})")
"""
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def run(code: str, number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run code, in which a shell in the background has not switched off SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.run(
            [sys.executable, "-c", code.replace("{number}", str(int(number))), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_library_that_is_interrupted_while_it_loads(
    number: signal.Signals, walk: Path, tmp_path: Path
) -> None:
    done = run(_WHILE_LOADING, number, "infer", str(walk), "--out", str(tmp_path / "pose.npz"))
    assert done.returncode == status(number), done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_while_the_command_line_is_read(number: signal.Signals) -> None:
    done = run(_WHILE_READING_THE_COMMAND_LINE, number, "infer", "walk.mp4")
    assert (done.returncode, done.stderr) == (status(number), "interrupted\n")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_while_code_in_a_string_runs(number: signal.Signals, tmp_path: Path) -> None:
    # As dataclasses do while modules load; Python itself would end with SIGINT.
    (tmp_path / "command.py").write_text(_IN_A_STRING.replace("{number}", str(int(number))))
    done = subprocess.run(
        [sys.executable, "-m", "command"], cwd=tmp_path, stderr=subprocess.PIPE, check=False
    )
    assert done.returncode == status(number), done.stderr


@pytest.mark.parametrize("number", NUMBERS)
def test_a_command_that_does_not_react_is_ended_within_two_seconds(
    number: signal.Signals, tmp_path: Path
) -> None:
    started = time.monotonic()
    done = run(_SWALLOWED, number, str(tmp_path / "new" / "x.txt"))
    assert done.returncode == status(number), done.stderr
    assert done.stderr == "interrupted\n"
    assert list(tmp_path.iterdir()) == []
    assert 1 < time.monotonic() - started < 10


def test_signals_that_nohup_ignores_stay_ignored(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from mbcli.__main__ import main
signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.argv = ["mbcli", "--version"]
os.kill(os.getpid(), signal.SIGHUP)
from mbcli.cli.interruption import interruptible
with interruptible():
    os.kill(os.getpid(), signal.SIGHUP)
    print("on")
"""
    assert run(code, 0).stdout == "on\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_drawing_that_is_stopped_leaves_nothing(
    number: signal.Signals, walk: Path, tiny_lifter: Path, tmp_path: Path
) -> None:
    pose, out = tmp_path / "pose.npz", tmp_path / "out"
    words = [sys.executable, "-m", "mbcli"]
    subprocess.run(
        [*words, "infer", str(walk), "--out", str(pose), "--weights", str(tiny_lifter), "-q"],
        check=True,
    )
    process = subprocess.Popen(
        [*words, "render", str(pose), "--video", str(walk), "--out", str(out / "drawn.mp4")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not list(out.glob(".mbcli-*/drawn.mp4")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(number)
        _, report = process.communicate(timeout=30)
    assert process.returncode == status(number)
    assert report.splitlines()[-1] == "interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["pose.npz"]
