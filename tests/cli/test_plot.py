from __future__ import annotations

from pathlib import Path

import pytest
from motions import walking
from typer.testing import CliRunner

from mbcli.cli.app import app
from mbcli.motion import save_motion

runner = CliRunner()


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    path = tmp_path / "pose.npz"
    save_motion(path, walking(frames=30, people=2))
    return path


def test_a_figure_of_one_person_refined_first(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "knee.svg"
    words = ("plot", str(pose), "--out", str(out), "--person", "2", "--joint", "knee")
    done = runner.invoke(app, [*words, "--filter", "butterworth", "--start", "0.2"])
    assert done.exit_code == 0, done.output
    assert "angles of 1 person in 24 frames" in done.stderr
    text = out.read_text(encoding="utf-8")
    assert "knee flexion" in text
    assert "camera taken to be level; refined" in text
    # A second time it is in the way.
    again = runner.invoke(app, list(words))
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr


def test_quiet_says_nothing(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "way.pdf"
    words = ["plot", str(pose), "-o", str(out), "--what", "trajectories", "-q"]
    done = runner.invoke(app, words)
    assert (done.exit_code, done.output) == (0, "")
    assert out.is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "a.bmp"), "--out must end in .pdf, .svg, .png, got a.bmp"),
        (
            ("--out", "a.pdf", "--person", "5"),
            "--person must be all, largest or one of 1, 2, got 5",
        ),
        (("--out", "a.pdf", "--joint", "tail"), "got 'tail'"),
        (("--out", "a.pdf", "--cutoff", "3"), "--cutoff"),
    ],
)
def test_errors_are_one_line(
    words: tuple[str, ...], message: str, pose: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pose.parent)
    done = runner.invoke(app, ["plot", str(pose), *words])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (pose.parent / "a.pdf").exists()


def test_a_file_that_is_not_a_pose_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pose.npz").write_bytes(b"PK\x03\x04 not really")
    words = ["plot", str(tmp_path / "pose.npz"), "--out", str(tmp_path / "a.pdf")]
    done = runner.invoke(app, words)
    assert done.exit_code == 1
    assert "not a readable pose.npz" in done.stderr
