"""Cuts for animators: only where somebody is, and on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.data.recordings.bvh import read_bvh
from mbcli.errors import ConfigError
from mbcli.exports.export import exported
from mbcli.exports.options import ExportOptions


def test_trim_leaves_out_frames_without_anybody(tmp_path: Path) -> None:
    motion = hidden(hidden(walking(frames=40), slice(0, 7)), slice(33, None))
    whole = exported(motion, tmp_path / "whole.bvh", ExportOptions())
    trimmed = exported(motion, tmp_path / "trimmed.bvh", ExportOptions(trim=True))
    assert (whole.frames, trimmed.frames) == (40, 26)
    before, after = read_bvh(whole.paths[0]), read_bvh(trimmed.paths[0])
    np.testing.assert_allclose(after.forward()[0], before.forward()[0][7:33], atol=1e-4)
    assert any(f"first frame is at {7 / 30:g} s" in note for note in trimmed.notes)


def test_trim_gives_each_person_their_own_frames(tmp_path: Path) -> None:
    motion = hidden(walking(frames=30, people=2), slice(0, 10), person=1)
    paths = exported(motion, tmp_path / "two.bvh", ExportOptions(trim=True)).paths
    assert [len(read_bvh(path)) for path in paths] == [30, 20]
    (path,) = exported(motion, tmp_path / "second.bvh", ExportOptions(trim=True, person="2")).paths
    assert len(read_bvh(path)) == 20
    # A gap in between stays, and is bridged.
    gap = hidden(walking(frames=30), slice(10, 20))
    (path,) = exported(gap, tmp_path / "gap.bvh", ExportOptions(trim=True)).paths
    assert len(read_bvh(path)) == 30


def test_in_place_stays_above_one_point(tmp_path: Path) -> None:
    motion = walking(frames=60)
    (usual,) = exported(motion, tmp_path / "walk.bvh", ExportOptions()).paths
    (still,) = exported(motion, tmp_path / "still.bvh", ExportOptions(in_place=True)).paths
    before, after = (read_bvh(path).forward()[0] for path in (usual, still))
    assert np.ptp(before[:, 0, 0]) > 1.5
    assert np.ptp(after[:, 0, [0, 2]], axis=0).max() < 1e-4
    np.testing.assert_allclose(after[:, 0, 1], before[:, 0, 1], atol=1e-4)
    np.testing.assert_allclose(after - after[:, :1], before - before[:, :1], atol=1e-4)
    with pytest.raises(ConfigError, match="--in-place does not apply to csv files"):
        exported(motion, tmp_path / "walk.csv", ExportOptions(in_place=True))
