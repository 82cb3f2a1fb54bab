"""``mbcli live`` as a process: to the end of a file, and until Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mbcli.cli.app import app
from mbcli.live.page import Page
from mbcli.motion import load_motion
from mbcli.video import VideoReader

LIVE = [sys.executable, "-m", "mbcli", "live"]


def test_to_the_end_of_a_file(walk: Path, tiny_lifter: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "pose.npz"
    words = ["--weights", tiny_lifter, "--view", "none", "--out", out, "--json"]
    done = subprocess.run(
        [*LIVE, *map(str, (walk, *words))], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    with VideoReader(walk) as reader:
        times = np.array([time for _, time in reader.times()])
    motion = load_motion(out)
    assert report["given"] == len(times)
    assert report["lifted"] <= report["seen"] == len(motion.timestamps) <= len(times)
    assert report["out"] == str(out)
    assert np.array_equal(motion.timestamps, times[motion.keypoints.frame_index])
    assert f"{len(times)} frames in" in done.stderr
    assert "from a frame to its pose: " in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_until_ctrl_c(walk: Path, tiny_lifter: Path, tmp_path: Path) -> None:
    with VideoReader(walk) as reader:
        picture = next(iter(reader)).image
    camera = Page()  # shows one picture again and again
    camera.show(picture)
    out = tmp_path / "pose.npz"
    words = [f"{camera.url}pictures", "--weights", tiny_lifter, "--view", "page", "--out", out]
    running = subprocess.Popen(
        [*LIVE, *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        # A shell in the background switches off SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert running.stderr is not None
    said = running.stderr.readline()
    assert said.startswith("watch it at http://127.0.0.1:"), said
    with urllib.request.urlopen(f"{said.split()[-1]}pictures") as answer:
        assert answer.readline() == b"--picture\r\n"
    running.send_signal(signal.SIGINT)
    _, rest = running.communicate(timeout=120)
    camera.close()
    assert running.returncode == 0, rest
    motion = load_motion(out)
    assert motion.meta["live"]["seen"] == len(motion.timestamps) >= 1
    assert motion.meta["source"] == f"{camera.url}pictures"
    assert f"{out}: " in rest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0", "--latency", "1", "--span", "0.5"], "--latency must be less than --span, got 1 and"),
        (["0", "--osc", "here"], "--osc must be HOST:PORT, such as 127.0.0.1:39539, got 'here'"),
        (["0", "--view", "none", "--out", "pose.json"], "--out must end in .npz"),
        (["0", "--out", "old.npz"], "the output old.npz exists"),
        (["none.mp4"], "no such file or folder: none.mp4"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.npz").touch()
    done = CliRunner().invoke(app, ["live", *words])
    assert done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    assert said in line
