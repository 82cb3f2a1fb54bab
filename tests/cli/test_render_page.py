from __future__ import annotations

from pathlib import Path

import pytest
from motions import walking
from typer.testing import CliRunner

from mbcli.cli.app import app

RUNNER = CliRunner()


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    path = tmp_path / "pose.npz"
    walking(frames=8).save(path)
    return path


def run(*words: object) -> tuple[int, str]:
    done = RUNNER.invoke(app, ["render", *map(str, words)])
    return done.exit_code, done.output


def test_a_page(pose: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, output = run(pose, "--out", page)
    assert code == 0, output
    assert f"{page}: 8 frames of 1 person, 0.6 MB" in output.replace("\n", "")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert 'id="video-data"' not in text


def test_a_page_with_its_video(pose: Path, walk: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, output = run(pose, "--out", page, "--video", walk, "--embed-video", "--quiet")
    assert (code, output) == (0, "")
    assert 'id="video-data"' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--video", "x.mp4"], "--video is for"),
        (["--azimuth", "20"], "--azimuth is for"),
        (["--frame", "2"], "--frame is for"),
        (["--columns", "2"], "--columns is for"),
        (["--embed-video"], "is not recorded in it: name it with --video"),
        (["--person", "7"], "largest or one of 1, got 7"),
    ],
)
def test_options_that_a_page_has_not(
    pose: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    page = tmp_path / "page.html"
    code, output = run(pose, "--out", page, *words)
    assert code == 1
    assert said in output.replace("\n", " ")
    assert not page.exists()


def test_embedding_is_for_pages(pose: Path, tmp_path: Path) -> None:
    code, output = run(pose, "--out", tmp_path / "out.mp4", "--embed-video")
    assert code == 1
    assert "--embed-video is for .html only" in output.replace("\n", " ")
