"""Written here, read by pandas."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from motions import hidden, walking, with_feet

from mbcli.errors import InputError
from mbcli.exports.export import export
from mbcli.exports.options import ExportOptions
from mbcli.keypoints import read_keypoints
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17

KINDS = pytest.mark.parametrize("kind", ["csv", "parquet"])


def table(motion: Motion3D, folder: Path, kind: str, **options: object) -> pd.DataFrame:
    path = folder / f"a.{kind}"
    export(motion, path, ExportOptions(**options))  # type: ignore[arg-type]
    return pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)


def two_people() -> Motion3D:
    motion = hidden(walking(20, people=2), slice(5, 9), person=1)
    keypoints = replace(motion.keypoints, frame_index=np.arange(20) * 2 + 100)
    return replace(motion, keypoints=keypoints)


@KINDS
def test_wide(kind: str, tmp_path: Path) -> None:
    motion = two_people()
    found = table(motion, tmp_path, kind)
    assert list(found.columns[:7]) == [
        *("frame", "time", "person"),
        *("pelvis_x", "pelvis_y", "pelvis_z", "pelvis_confidence"),
    ]
    assert found.shape == (20 * 2, 3 + 17 * 4)
    assert found["frame"].tolist() == np.repeat(motion.keypoints.frame_index, 2).tolist()
    assert found["person"].tolist() == [1, 2] * 20
    np.testing.assert_allclose(found["time"], np.repeat(motion.timestamps, 2), atol=1e-8)
    want = motion.in_camera * [1, -1, -1]
    for number, joint in enumerate(H36M17.joints):
        got = found[[f"{joint}_{axis}" for axis in "xyz"]].to_numpy().reshape(20, 2, 3)
        np.testing.assert_allclose(got, want[:, :, number], atol=1e-6)
        confidence = found[f"{joint}_confidence"].to_numpy().reshape(20, 2)
        np.testing.assert_allclose(confidence, motion.confidence[..., number], atol=1e-6)


@KINDS
def test_long_holds_the_same(kind: str, tmp_path: Path) -> None:
    motion = two_people()
    wide = table(motion, tmp_path, kind)
    (tmp_path / f"a.{kind}").unlink()
    long = table(motion, tmp_path, kind, shape="long")
    assert list(long.columns) == ["frame", "time", "person", "joint", "x", "y", "z", "confidence"]
    assert len(long) == 20 * 2 * 17
    assert long["joint"].tolist() == list(H36M17.joints) * 40
    together = long.pivot(index=["frame", "person"], columns="joint", values="z")
    np.testing.assert_array_equal(together["left_wrist"].to_numpy(), wide["left_wrist_z"])
    absent = long[(long["person"] == 2) & long["frame"].between(110, 116)]
    assert len(absent) == 4 * 17
    assert absent[["x", "y", "z"]].isna().all(axis=None)
    assert (absent["confidence"] == 0).all()


def test_csv_leaves_missing_cells_empty(tmp_path: Path) -> None:
    table(hidden(walking(3), slice(1, 2)), tmp_path, "csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[2].startswith("1,0.0333333333,1,,,,0,,,,0")


@pytest.mark.parametrize("shape", ["wide", "long"])
@pytest.mark.parametrize("feet", [False, True])
@pytest.mark.parametrize("errors", [False, True])
def test_csv_is_no_keypoint_file(tmp_path: Path, shape: str, feet: bool, errors: bool) -> None:
    motion = with_feet(walking(4)) if feet else walking(4)
    if errors:
        motion = replace(motion, expected_error=np.full(motion.positions.shape[:3], 0.03))
    table(motion, tmp_path, "csv", shape=shape)
    path = tmp_path / "a.csv"
    for separator in ",;":
        path.write_text(path.read_text().replace(",", separator))
        with pytest.raises(InputError, match=r"a\.csv must hold 2D .* give the pose\.npz that"):
            read_keypoints(path)


def test_axes_scale_and_rate_are_as_asked(tmp_path: Path) -> None:
    motion = walking(20)
    found = table(motion, tmp_path, "csv", up="z", scale=100, fps=15)
    assert len(found) == 10
    assert found["frame"].tolist() == list(range(10))
    np.testing.assert_allclose(found["time"], np.arange(10) / 15, atol=1e-8)
    depth = motion.in_camera[::2, 0, 10, 2] * 100
    np.testing.assert_allclose(found["head_y"], depth, atol=1e-3)


def test_parquet_says_units_axes_and_what_was_assumed(tmp_path: Path) -> None:
    table(walking(4), tmp_path, "parquet", up="z", scale=1000)
    schema = pyarrow.parquet.read_schema(tmp_path / "a.parquet")
    about = json.loads(schema.metadata[b"mbcli"])
    assert about["format"] == "mbcli.motion-table/1"
    assert (about["up"], about["units_per_metre"], about["fps"]) == ("z", 1000, 30)
    assert "body height: 1.65 m, given" in about["notes"]
    assert about["meta"]["assumptions"]["focal"]["given"] is False
