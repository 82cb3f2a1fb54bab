"""``mbcli keypoints``, and keypoint files given to ``mbcli infer``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.motion import load_motion

SHORT = ("--end", "0.3")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def done(*words: object) -> Result:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def kp(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kp") / "kp.npz"
    done("keypoints", walk, "--out", path, *SHORT)
    return path


def test_tracks_are_written_with_what_they_rest_on(kp: Path):
    with np.load(kp, allow_pickle=False) as archive:
        assert str(archive["format"]) == "mbcli.keypoints/1"
        frames, people, joints, _ = archive["data"].shape
        meta = json.loads(str(archive["meta"]))
    assert (frames, joints) == (9, 17)
    assert people >= 1
    assert meta["backend"] == "movenet"
    assert "comes with mbcli" in meta["pose2d"]["reason"]
    assert "mended" in meta
    assert [row["name"] for row in meta["weights"]] == ["movenet-thunder", "movenet-multipose"]


def test_nobody_follows_the_background(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def follow(*_: object) -> None:
        raise AssertionError("the background is followed")

    monkeypatch.setattr("mbcli.placing.background.Background.__call__", follow)
    done("keypoints", walk, "--out", tmp_path / "kp.npz", "--end", "0.05")


def test_every_way_gives_the_same_motion(kp: Path, walk: Path, tiny_lifter: Path, tmp_path: Path):
    direct = tmp_path / "direct.npz"
    done("infer", walk, "--out", direct, "--weights", tiny_lifter, *SHORT)
    want = load_motion(direct)
    for format, suffix in (("mbcli", "npz"), ("coco", "json"), ("alphapose", "json")):
        file = tmp_path / f"{format}.{suffix}"
        done("keypoints", kp, "--out", file, "--format", format)
        out = tmp_path / f"{format}_pose.npz"
        done("infer", walk, "--keypoints", file, "--out", out, "--weights", tiny_lifter, *SHORT)
        got = load_motion(out)
        np.testing.assert_allclose(got.positions, want.positions, atol=1e-4)
        assert got.track_ids.tolist() == want.track_ids.tolist()
        assert got.meta["backend"] == format
        assert got.meta["source"] == str(walk)
        assert got.meta["pose2d"]["keypoints"] == str(file)


def test_the_summary_says_what_was_taken_and_what_would_be_better(walk: Path, tmp_path: Path):
    result = done("keypoints", walk, "--out", tmp_path / "kp.json", *SHORT)
    assert "movenet: it comes with mbcli" in result.stderr
    assert "mbcli weights fetch" in result.stderr
    asked = done(
        "keypoints", walk, "--out", tmp_path / "a.json", "--pose2d", "movenet", "--json", *SHORT
    )
    (row,) = json.loads(asked.stdout)["results"]
    assert row["pose2d"]["reason"] == "as asked for"
    assert row["pose2d"]["hint"] == ""


def test_no_line_of_the_summary_is_without_a_value(kp: Path, tmp_path: Path) -> None:
    coco, out = tmp_path / "coco.json", tmp_path / "again.npz"
    done("keypoints", kp, "--out", coco)
    # A file of keypoints needs no weights.
    result = done("keypoints", coco, "--image-size", "1280x720", "--fps", "30", "--out", out)
    lines = [line.split(maxsplit=1) for line in result.stderr.splitlines() if line.startswith("  ")]
    assert [words[0] for words in lines] == ["people", "frames", "2D", "result", "next"]
    assert all(len(words) == 2 for words in lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "kp.csv"], "--out must end in .npz or .json"),
        (["--out", "kp.npz", "--format", "coco"], "--out must end in .json"),
        (["--out", "kp.npz", "--image-size", "wide"], "--image-size must be WIDTHxHEIGHT"),
        (["--out", "kp.npz", "--pose2d", "mmpose", "--pose2d-mode", "light"], "--pose2d-mode has"),
        (["--out", "kp.npz", "--pose2d-mode", "light"], "mbcli weights fetch"),
        (["--out", "kp.npz", "--joint-map", "none.json"], "none.json"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], said: str, walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = run("keypoints", walk, *SHORT, *words)
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert said in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words", [["--pose2d", "blazepose"], ["--pose2d-checkpoint", "blazepose-full"]]
)
def test_nobody_looks_for_keypoints_that_a_file_has(
    words: list[str], kp: Path, walk: Path, tmp_path: Path
) -> None:
    flag, value = words
    for source in ([kp], [walk, "--keypoints", kp]):
        result = run("infer", *source, *words, "--out", tmp_path / "q.npz")
        assert result.exit_code == 1
        said = f"{flag} is for pictures, but the keypoints come from {kp}, got {value}"
        assert result.stderr == f"error: {said}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--every", "0"], "--every must be 1 (all frames) or more, got 0"),
        (["--every", "-1"], "--every must be 1 (all frames) or more, got -1"),
        (["--start", "-1"], "--start must be 0 or more seconds, got -1"),
        (["--start", "1", "--end", "0.5"], "--end must be later than --start (1 s), got 0.5 s"),
    ],
)
@pytest.mark.parametrize("command", ["infer", "keypoints"])
def test_an_invalid_excerpt_of_keypoints_is_reported(
    command: str, words: list[str], said: str, kp: Path, tmp_path: Path
):
    coco = tmp_path / "coco.json"
    done("keypoints", kp, "--out", coco)
    for source, more in ((kp, []), (coco, ["--image-size", "1280x720", "--fps", "30"])):
        result = run(command, source, *more, *words, "--out", tmp_path / "q.npz")
        assert result.exit_code == 1
        assert result.stderr == f"error: {said}\n"
        assert not (tmp_path / "q.npz").exists()


def test_broken_keypoints_are_one_line(kp: Path, tmp_path: Path):
    whole = tmp_path / "kp.json"
    done("keypoints", kp, "--out", whole)
    cut = tmp_path / "cut.json"
    cut.write_bytes(whole.read_bytes()[:-200])
    other = tmp_path / "other.json"
    other.write_text('{"colour": "red"}')
    for path, said in ((cut, "is no whole JSON file"), (other, "no keypoint file")):
        result = run("infer", path, "--out", tmp_path / "x.npz", "--image-size", "9x9", "--fps", 9)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert said in line
    assert not (tmp_path / "x.npz").exists()
