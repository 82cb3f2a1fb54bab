"""Files of one motion that begins at 2 s fit together, read back by other programs' libraries."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walking

from mbcli.exports.export import exported
from mbcli.motion import Motion3D

START, FPS, FRAMES = 2.0, 30.0, 12


@pytest.fixture(scope="module")
def late() -> Motion3D:
    """What was inferred with ``--start 2``."""
    motion = walking(FRAMES, fps=FPS)
    keypoints = replace(
        motion.keypoints,
        timestamps=motion.timestamps + START,
        frame_index=motion.keypoints.frame_index + round(START * FPS),
    )
    return replace(motion, keypoints=keypoints)


def glb(path: Path) -> tuple[float, float]:
    pygltflib = pytest.importorskip("pygltflib", reason="reads back what was written")
    document = pygltflib.GLTF2().load(str(path))
    (animation,) = document.animations
    clock = document.accessors[animation.samplers[0].input]
    return clock.min[0], clock.max[0]


def usd(path: Path) -> tuple[float, float]:
    usd = pytest.importorskip("pxr.Usd", reason="reads back what was written")
    stage = usd.Stage.Open(str(path))
    rate = stage.GetTimeCodesPerSecond()
    return stage.GetStartTimeCode() / rate, stage.GetEndTimeCode() / rate


def c3d(path: Path) -> tuple[float, float]:
    library = pytest.importorskip("c3d", reason="reads back what was written")
    with path.open("rb") as stream:
        reader = library.Reader(stream)
        # Frames count from 1.
        first, last = reader.first_frame - 1, reader.last_frame - 1
        return first / reader.point_rate, last / reader.point_rate


def trc(path: Path) -> tuple[float, float]:
    rows = [line.split("\t") for line in path.read_text().splitlines()[6:] if line]
    return float(rows[0][1]), float(rows[-1][1])


def table(path: Path) -> tuple[float, float]:
    lines = path.read_text().split("endheader\n")[1].splitlines()
    return float(lines[1].split()[0]), float(lines[-1].split()[0])


def comma(path: Path) -> tuple[float, float]:
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return float(rows[0]["time"]), float(rows[-1]["time"])


def motion_json(path: Path) -> tuple[float, float]:
    times = json.loads(path.read_text())["timestamps"]
    return times[0], times[-1]


@pytest.mark.parametrize(
    ("suffix", "read"),
    [
        ("glb", glb),
        ("usda", usd),
        ("c3d", c3d),
        ("trc", trc),
        ("mot", table),
        ("sto", table),
        ("csv", comma),
        ("json", motion_json),
    ],
)
def test_every_format_starts_with_the_source(
    suffix: str, read: object, late: Motion3D, tmp_path: Path
) -> None:
    path = tmp_path / f"walk.{suffix}"
    done = exported(late, path)
    assert callable(read)
    first, last = read(path)
    assert first == pytest.approx(START, abs=1e-4)
    assert last == pytest.approx(START + (FRAMES - 1) / FPS, abs=1e-4)
    assert not any("no start time" in note for note in done.notes)


def test_what_has_no_clock_says_when_it_starts(late: Motion3D, tmp_path: Path) -> None:
    done = exported(late, tmp_path / "walk.bvh")
    assert "the first frame is at 2 s of the source" in done.notes[-1]
    assert not any("source" in note for note in exported(walking(3), tmp_path / "b.bvh").notes)
    assert np.isfinite(late.positions).all()
