from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import trc
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source

Refused = Callable[..., Any]
FRAMES = 12
# Sports2D's and Pose2Sim's names and a standing body: x to the right, y up, metres.
BODY = {
    "Hip": (0.0, 0.95),
    "RHip": (-0.1, 0.95),
    "RKnee": (-0.1, 0.5),
    "RAnkle": (-0.1, 0.08),
    "LHip": (0.1, 0.95),
    "LKnee": (0.1, 0.5),
    "LAnkle": (0.1, 0.08),
    "Neck": (0.0, 1.45),
    "Nose": (0.05, 1.6),
    "RShoulder": (-0.18, 1.42),
    "LShoulder": (0.18, 1.42),
}


def _places() -> np.ndarray:
    """(12, 11, 3) metres, y up, walking along x."""
    body = np.array([(x, y, 0.0) for x, y in BODY.values()])
    way = np.linspace(0, 0.4, FRAMES)[:, None, None] * np.array([1.0, 0, 0])
    return body + way + 0.01 * np.random.default_rng(0).normal(size=(FRAMES, len(BODY), 3))


def _write(
    path: Path,
    places: np.ndarray,
    *,
    unit: str = "m",
    first: int = 0,
    start: float = 0.0,
    rate: float = 30.0,
) -> Path:
    names = list(BODY)
    head = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame",
        f"{rate:g}\t{rate:g}\t{len(places)}\t{len(names)}\t{unit}\t{rate:g}\t0",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(names) + 1)),
        "",
    ]
    rows = [
        "\t".join(
            [str(first + n), f"{start + n / rate:.5f}", *(f"{v:.6f}" for v in row.ravel())]
        ).replace("nan", "")
        for n, row in enumerate(places)
    ]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


def _read(path: Path, joint_map: dict[str, str] | None = None) -> KeypointFile:
    source = Source(path, joint_map)
    assert trc.recognise(source)
    return trc.read(source)


def _at(file: KeypointFile, joint: str) -> np.ndarray:
    return np.asarray(file.keypoints[:, file.skeleton.index(joint), :2])


@pytest.mark.parametrize("name", ["walk_Sports2D_px_person00.trc", "walk.trc"])
def test_pixels_of_sports2d(tmp_path: Path, name: str) -> None:
    pixels = _places() * [300, -300, 0] + [200, 600, 0]
    pixels[3, 2] = 0
    pixels[4, 2] = np.nan
    file = _read(_write(tmp_path / name, pixels))
    np.testing.assert_allclose(_at(file, "left_shoulder"), pixels[:, 10, :2], atol=1e-5)
    assert np.isnan(_at(file, "right_knee")[3:5]).all()
    assert (file.size, file.fps, file.relative, file.frames) == (None, 30, False, FRAMES)
    assert file.ids is not None
    assert file.ids.tolist() == [0] * FRAMES
    assert not file.numbered
    assert not file.projected


@pytest.mark.parametrize(
    ("turn", "axis"),
    [
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], "z"),  # y up
        ([[1, 0, 0], [0, 0, 1], [0, -1, 0]], "y"),  # z up
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], "x"),  # z up, walking along y
        ([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], "z"),  # y down
    ],
)
@pytest.mark.parametrize("scale", [1, 1000])
def test_positions_in_space(tmp_path: Path, turn: list[list[int]], axis: str, scale: int) -> None:
    turned = _places() @ np.array(turn) * scale
    file = _read(_write(tmp_path / "walk.trc", turned, unit="m" if scale == 1 else "mm"))
    assert file.size == (1000, 1000)
    assert file.projected
    flat = _places()[..., :2] * [1, -1]
    got = np.stack([_at(file, joint) for joint in ("left_shoulder", "right_ankle")], axis=1)
    want = flat[:, [10, 3]]
    pixels = np.ptp(got[..., 1]) / np.ptp(want[..., 1])
    # Upside down in the file, the walker is looked at from behind.
    want = want * [-1 if turn[1][1] < 0 else 1, 1]
    np.testing.assert_allclose(got - got[0, 0], (want - want[0, 0]) * pixels, atol=0.01)
    assert pixels > 300
    assert f"positions in space are looked at along {axis}, without" in file.warnings[0]
    assert file.skeleton.joints[0] == "pelvis"


@pytest.mark.parametrize("title", ["by mbcli; y up; 1,7 m, assumed; a, b, c, d, e, f", "a\tb", ""])
def test_the_name_in_the_first_row_is_free_text(tmp_path: Path, title: str) -> None:
    path = _write(tmp_path / "walk.trc", _places())
    want = _read(path)
    path.write_text(path.read_text().replace("walk.trc", title))
    np.testing.assert_array_equal(_read(path).keypoints, want.keypoints)


def test_times_of_a_stretch(tmp_path: Path) -> None:
    pixels = _places() * [300, -300, 0] + [200, 600, 0]
    kept = np.delete(np.arange(FRAMES), [4, 5])
    path = _write(tmp_path / "a_px.trc", pixels, first=31, start=1.0)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:6], *(lines[6 + n] for n in kept)]))
    file = _read(path)
    assert file.frame_index.tolist() == kept.tolist()
    assert file.timestamps is not None
    np.testing.assert_allclose(file.timestamps, 1 + np.arange(FRAMES) / 30)


def test_bad_files(tmp_path: Path, refused: Refused) -> None:
    path = _write(tmp_path / "a_px.trc", _places())
    lines = path.read_text().splitlines()
    with refused("a_px.trc must hold frames below its 5 rows"):
        path.write_text("\n".join(lines[:5]))
        _read(path)
    with refused("must hold numbers in its columns, got 'much0.03333'"):
        path.write_text("\n".join([*lines[:7], lines[7].replace("\t0.", "\tmuch0.", 1)]))
        _read(path)
    with refused("holds no person in any frame"):
        _read(_write(tmp_path / "b.trc", np.full((3, len(BODY), 3), np.nan)))
    with refused("--joint-map"):
        path.write_text("\n".join(lines).replace("Shoulder", "S").replace("Neck", "N"))
        _read(path)
