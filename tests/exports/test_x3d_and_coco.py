from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from motions import SIZE, hidden, walking

from mbcli.exports.export import export
from mbcli.exports.options import ExportOptions
from mbcli.keypoints import read_keypoints
from mbcli.skeleton import COCO17, H36M17


def test_x3d_is_the_networks_own_output(tmp_path: Path) -> None:
    motion = hidden(walking(20, people=2), slice(5, 9), person=1)
    first, second = export(motion, tmp_path / "X3D.npy")
    array = np.load(second, allow_pickle=False)
    assert (array.shape, array.dtype) == ((20, 17, 3), np.float32)
    np.testing.assert_array_equal(array, motion.positions_normalized[:, 1])
    # Pixels come back as MotionBERT has them.
    pixels = np.load(first)[..., :2] * (min(SIZE) / 2) + np.array(SIZE) / 2
    pelvis = pixels[:, 0]
    np.testing.assert_allclose(pelvis, motion.keypoints.data[:, 0, 0, :2], atol=1e-3)


def test_x3d_at_another_rate(tmp_path: Path) -> None:
    (path,) = export(walking(20), tmp_path / "a.npy", ExportOptions(fps=15))
    array = np.load(path)
    np.testing.assert_allclose(array, walking(20).positions_normalized[::2, 0], atol=1e-5)


def test_coco_holds_the_keypoints_that_were_lifted(tmp_path: Path) -> None:
    motion = hidden(walking(20, people=2), slice(5, 9), person=1)
    (path,) = export(motion, tmp_path / "walk.coco.json")
    records = json.loads(path.read_text())
    assert len(records) == 20 + 16
    points = np.array(records[0]["keypoints"]).reshape(17, 3)
    for joint in ("left_hip", "right_ankle", "left_wrist", "nose"):
        want = motion.keypoints.data[0, 0, H36M17.index(joint)]
        np.testing.assert_allclose(points[COCO17.index(joint)], want, atol=1e-3)
    for joint in ("left_eye", "right_ear"):
        assert points[COCO17.index(joint)].tolist() == [0, 0, 0]
    assert (records[0]["image_id"], records[0]["track_id"]) == (0, 1)


def test_mbcli_reads_its_own_coco_file(tmp_path: Path) -> None:
    motion = hidden(walking(20, people=2), slice(5, 9), person=1)
    (path,) = export(motion, tmp_path / "walk.coco.json")
    read = read_keypoints(path)
    assert read.format == "coco"
    assert read.frames == 20
