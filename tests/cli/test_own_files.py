"""No command writes over what it reads, under whatever name, nor removes what it did not write."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walking
from typer.testing import CliRunner

import mbcli
from mbcli.cli.app import app
from mbcli.data.stores.store import StoreWriter
from mbcli.errors import OutputError
from mbcli.skeleton import BODY21

FIXTURES = Path(__file__).parent.parent / "fixtures"


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture
def place(walk: Path, tmp_path: Path) -> Path:
    """A video, its result, keypoints, stores; and other names of the files."""
    shutil.copy(walk, tmp_path / "walk.mp4")
    (tmp_path / "same.mp4").symlink_to("walk.mp4")
    shutil.copy(FIXTURES / "walk_keypoints.npz", tmp_path / "kp.npz")
    motion = replace(walking(4), meta={"source": str(tmp_path / "walk.mp4")})
    mbcli.save(tmp_path / "pose.npz", motion)
    for suffix in ("pdf", "rrd", "npy", "html", "png", "glb"):
        (tmp_path / f"pose.{suffix}").hardlink_to(tmp_path / "pose.npz")
    for name in ("a", "b"):
        with StoreWriter(tmp_path / name) as writer:
            rows = np.zeros((3, len(BODY21), 3), dtype=np.float32)
            writer.add(rows, name=name, subject=name, source="", fps=30)
    (tmp_path / "a" / "picture.png").touch()
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "infer walk.mp4 --out pose.npz --keypoints pose.npz",
        "infer kp.npz --out kp.npz --image-size 1280x720",
        "infer kp.npz pose.npz --out .",
        "infer walk.mp4 --out new.npz --overlay same.mp4",
        "infer walk.mp4 --out new.npz --mesh pose.glb --mesh-out pose.glb",
        "infer walk.mp4 --out new.npz --mesh x --mesh-out a --body-model a",
        "keypoints kp.npz --out kp.npz --image-size 1280x720",
        "keypoints walk.mp4 --out kp.npz --keypoints kp.npz",
        "refine pose.npz --out pose.npz --feet",
        "render pose.npz --out walk.mp4",
        "render pose.npz --out same.mp4 --layout 3d --no-sound",
        "render pose.npz --out same.mp4 --video walk.mp4",
        "render pose.npz --out pose.html",
        "render pose.npz --out pose.png",
        "export pose.npz --out pose.npy",
        "export pose.npz --out walk.mp4 --format json",
        "plot pose.npz --out pose.pdf",
        "view pose.npz --save pose.rrd",
        "evaluate pose.npz a --out pose.npz",
        "evaluate pose.npz a --out a/meta.json",
        "evaluate mbcli-lifter a --picture a/picture.png",
        "data preview a --out a/picture.png",
        "data merge a b --out b",
        "data import bvh a --out a",
        "data import keypoints kp.npz --out kp.npz",
    ],
)
def test_commands_refuse_to_write_onto_an_input(
    words: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = contents(place)
    result = CliRunner().invoke(app, [*words.split(), "--overwrite"])
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: the output must be a separate file")
    assert contents(place) == before


def test_functions_refuse_to_write_onto_the_video(place: Path) -> None:
    motion = mbcli.load(place / "pose.npz")
    before = contents(place)
    video = place / "same.mp4"
    for page in ("pose.html", "pose.rrd", "pose.pdf", "pose.npy", "pose.json"):
        (place / page).unlink(missing_ok=True)
        (place / page).hardlink_to(video)
    before = contents(place)
    for write in (
        lambda: mbcli.render(motion, video, overwrite=True),
        lambda: mbcli.render(motion, place / "pose.html", video=video, overwrite=True),
        lambda: mbcli.export(motion, place / "pose.json", overwrite=True),
        lambda: mbcli.plot(motion, place / "pose.pdf", overwrite=True),
        lambda: mbcli.view(motion, place / "pose.rrd", overwrite=True),
        lambda: motion.save(place / "walk.mp4", overwrite=True),
    ):
        with pytest.raises(OutputError, match="a separate file"):
            write()
    assert contents(place) == before


def test_overwrite_removes_no_folder_of_somebody_else(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = place / "proj"
    (project / "thesis").mkdir(parents=True)
    (project / "meta.json").write_text('{"name": "my thesis"}')
    (project / "thesis" / "chapter1.txt").write_text("precious")
    (place / "src").mkdir()
    (place / "src" / "a.bvh").touch()
    before = contents(place)
    monkeypatch.chdir(place)
    for words in (
        "data import bvh src --out proj",
        "data import keypoints kp.npz --out proj --image-size 1280x720",
        "data merge a b --out proj",
        "infer walk.mp4 --out new.npz --mesh x --mesh-out proj",
    ):
        result = CliRunner().invoke(app, [*words.split(), "--overwrite"])
        assert result.exit_code == 1
        assert "proj must contain only files written by mbcli" in result.stderr
    assert contents(place) == before
