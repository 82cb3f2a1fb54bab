from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.data.datasets.h36m_pickle import read_h36m_pickle
from mbcli.data.datasets.sequence_import import import_sequences
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import DataError
from mbcli.skeleton import H36M17

TRAIN = [("s_01_act_02_cam_01", "54138969", 4), ("s_01_act_02_cam_02", "55011271", 3)]
TEST = [("s_09_act_03_subact_02_ca_03", "58860488", 5)]
ACTIONS = {"s_09_act_03_subact_02_ca_03": "Discussion"}


def part(videos: list[tuple[str, str, int]], seed: int, *, test: bool) -> dict[str, Any]:
    frames = sum(length for _, _, length in videos)
    rng = np.random.default_rng(seed)
    table: dict[str, Any] = {
        "joint_2d": rng.random((frames, 17, 2)) * 1000,
        "confidence": rng.random((frames, 17, 1), dtype=np.float32),
        "joint3d_image": rng.random((frames, 17, 3)) * 1000,
        "camera_name": np.concatenate([[camera] * n for _, camera, n in videos]),
        "source": np.concatenate([[video] * n for video, _, n in videos]),
    }
    if test:
        table["2.5d_factor"] = rng.random(frames) + 4
        table["joints_2.5d_image"] = table["joint3d_image"] * table["2.5d_factor"][:, None, None]
        table["action"] = np.concatenate([[ACTIONS[video]] * n for video, _, n in videos])
    return table


@pytest.fixture
def document() -> dict[str, Any]:
    return {"train": part(TRAIN, 1, test=False), "test": part(TEST, 2, test=True)}


def saved(path: Path, document: object) -> Path:
    file = path / "h36m.pkl"
    with file.open("wb") as stream:
        pickle.dump(document, stream)
    return file


def imported(path: Path, document: object) -> tuple[SequenceStore, Any]:
    report = import_sequences(read_h36m_pickle, saved(path, document), path / "store")
    return SequenceStore.open(path / "store"), report


def test_videos_become_sequences_with_the_very_numbers(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    store, report = imported(tmp_path, document)
    assert report.refused == report.notes == ()
    assert [(s.name, s.subject, s.camera, s.size, s.split, s.action) for s in store.sequences] == [
        (TRAIN[0][0], "S1", "54138969", (1000, 1002), "train", "Directions"),
        (TRAIN[1][0], "S1", "55011271", (1000, 1000), "train", "Directions"),
        (TEST[0][0], "S9", "58860488", (1000, 1000), "test", "Discussion"),
    ]
    assert {s.fps for s in store.sequences} == {50.0}
    second, test = store.sequences[1:]
    rows, table = slice(4, 7), document["train"]
    keypoints = store.array("keypoints", second)[:, 0]
    np.testing.assert_array_equal(keypoints[..., :2], table["joint_2d"][rows].astype("f4"))
    np.testing.assert_array_equal(keypoints[..., 2:], table["confidence"][rows])
    np.testing.assert_array_equal(
        store.array("target", second), table["joint3d_image"][rows].astype("f4")
    )
    assert np.isnan(store.array("truth", second)).all()
    assert np.isnan(store.array("factor", second)).all()
    np.testing.assert_array_equal(
        store.array("truth", test), document["test"]["joints_2.5d_image"].astype("f4")
    )
    np.testing.assert_array_equal(
        store.array("factor", test), document["test"]["2.5d_factor"].astype("f4")
    )


def test_the_joint_order_is_ours() -> None:
    # MotionBERT swaps these when it mirrors a pose.
    left, right = (4, 5, 6, 11, 12, 13), (1, 2, 3, 14, 15, 16)
    assert [H36M17.mirror[joint] for joint in left] == list(right)
    assert all(H36M17.joints[joint].startswith("left_") for joint in left)


def test_confidence_may_lack_or_exceed(tmp_path: Path, document: dict[str, Any]) -> None:
    del document["train"]["confidence"]
    document["test"]["confidence"] = np.full((5, 17), 1.25)  # the CPN file has two axes
    store, report = imported(tmp_path, document)
    assert [note for _, note in report.notes] == ["confidences of 1.25..1.25 clipped to 0..1"]
    assert (store.rows("keypoints")[..., 2] == 1).all()


def test_cameras_that_change_within_a_video(tmp_path: Path, document: dict[str, Any]) -> None:
    document["test"]["camera_name"][1::2] = "60457274"
    store, report = imported(tmp_path, document)
    assert store.sequences[-1].camera == "58860488"  # ca_03
    assert store.sequences[-1].frames == 5
    assert "taken as 58860488" in report.notes[0][1]


def test_a_bad_video_does_not_stop_the_others(tmp_path: Path, document: dict[str, Any]) -> None:
    document["train"]["camera_name"][:4] = "1"
    document["test"]["joint_2d"][2, 3, 0] = np.nan
    store, report = imported(tmp_path, document)
    assert [s.name for s in store.sequences] == [TRAIN[1][0]]
    assert [source for source, _ in report.refused] == [
        f"train: {TRAIN[0][0]}",
        f"test: {TEST[0][0]}",
    ]
    assert "54138969, 55011271, 58860488, 60457274, got 1" in report.refused[0][1]
    assert "finite" in report.refused[1][1]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("joint_2d", np.zeros((7, 16, 2)), r"joint_2d must be \(7, 17, 2\), got \(7, 16, 2\)"),
        ("joint3d_image", np.zeros((6, 17, 3)), r"joint3d_image must be \(7, 17, 3\)"),
        ("camera_name", np.zeros(7), "camera_name must be texts, got float64"),
        ("joint_2d", np.full((7, 17, 2), "x"), "joint_2d must be numbers"),
        ("source", None, "got no source"),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, document: dict[str, Any], key: str, value: Any, message: str
) -> None:
    if value is None:
        del document["train"][key]
    else:
        document["train"][key] = value
    with pytest.raises(DataError, match=message) as caught:
        imported(tmp_path, document)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_truncated_and_foreign_files(tmp_path: Path, document: dict[str, Any]) -> None:
    file = saved(tmp_path, document)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="not a complete pickle"):
        read_h36m_pickle(file)
    with pytest.raises(DataError, match="must hold train and test"):
        read_h36m_pickle(saved(tmp_path, {"a": 1}))
    with pytest.raises(DataError, match="cannot be read"):
        read_h36m_pickle(tmp_path / "none.pkl")
