"""Runs in processes of their own: killed, resumed, and shared between two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mbcli.train.state import CHECKPOINT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and process start"),
]


def start(config: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mbcli", "pretrain", str(config), *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def children(parent: int) -> list[int]:
    """Processes that train beside the first, by Linux's own list."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    found = map(int, path.read_text().split())
    return [pid for pid in found if b"pretrain" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def finish(config: Path, *words: str) -> None:
    process = start(config, *words)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def weights(config: Path) -> dict[str, torch.Tensor]:
    return torch.load(config.parent / config.stem / CHECKPOINT, weights_only=True)["model"]


def test_killed_and_resumed_is_the_same_to_the_bit(make_config) -> None:
    run = {"steps": 60, "log_every": 1, "save_every": 3, "validate_every": 30}
    whole, broken = make_config("whole", run=run), make_config("broken", run=run)
    finish(whole)
    process = start(broken)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("step 10 "):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=60)
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    kept = torch.load(broken.parent / "broken" / CHECKPOINT, weights_only=True)["step"]
    assert 9 <= kept < 60
    finish(broken, "--resume")
    first, second = weights(whole), weights(broken)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_processes_are_one_with_the_doubled_batch(make_config) -> None:
    run = {"steps": 6, "batch": 16, "validate_every": 6}
    alone, shared = make_config("alone", run=run), make_config("shared", run=run)
    finish(alone)
    finish(shared, "--set", "run.devices=2")
    first, second = weights(alone), weights(shared)
    # Six steps at 1e-3 move a weight by up to 6e-3.
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 1e-4
    moved = make_config("other", run={**run, "seed": 1})
    finish(moved)
    other = weights(moved)
    assert max(float((first[name] - other[name]).abs().max()) for name in first) > 1e-3


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_process_that_dies_is_reported_in_one_line_and_costs_nothing(make_config) -> None:
    run = {"steps": 100_000, "batch": 16, "log_every": 1, "save_every": 2, "validate_every": 10**6}
    config = make_config("broken", run={**run, "devices": 2})
    process = start(config)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("step 10 "):
            (child,) = children(process.pid)
            os.kill(child, signal.SIGKILL)
            break
    lines = process.stderr.read().splitlines()
    process.stderr.close()
    process.wait(timeout=60)
    assert process.returncode == 1
    (error,) = [line for line in lines if line.startswith("error: ")]
    assert "one of the 2 processes of this training died" in error
    assert not [line for line in lines if "Traceback" in line]
    kept = torch.load(config.parent / "broken" / CHECKPOINT, weights_only=True)["step"]
    assert kept >= 8
