from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.data.datasets.sequence_import import import_sequences
from mbcli.data.datasets.threedpw import read_threedpw
from mbcli.data.recordings.smpl import JOINTS, SmplModel
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import DataError
from mbcli.kinematics.rotations import from_vectors
from mbcli.skeleton import H36M17, OPENPOSE18

J = H36M17.index
FRAMES = 25
# The camera's frame against the world's: turned about all axes, and some way off.
TURN = from_vectors((0.2, -0.4, 0.1)) @ np.diag([1.0, -1.0, -1.0])
SHIFT = np.array([0.3, 0.1, 4.0])
LENS = np.array([[1961.85, 0, 540.0], [0, 1969.23, 960.0], [0, 0, 1]])


def film(model: SmplModel, people: int = 2) -> dict[str, Any]:
    """What a sequence file holds: people who turn about, filmed by a camera that moves."""
    poses, positions, detected = [], [], []
    cameras = np.tile(np.eye(4), (FRAMES, 1, 1))
    cameras[:, :3, :3], cameras[:, :3, 3] = TURN, SHIFT
    cameras[:, 0, 3] += 0.01 * np.arange(FRAMES)
    for person in range(people):
        pose = np.zeros((FRAMES, 24, 3))
        pose[:, 0, 1] = np.linspace(0, 1.5, FRAMES) + person
        pose[:, JOINTS.index("left_knee"), 0] = 0.5
        trans = np.tile([0.6 * person, 0.1, 0.2], (FRAMES, 1))
        motion = model.recording(pose, trans, np.zeros(10), fps=30.0, source=Path("x"))
        places = motion.forward()[0][:, :24]
        poses.append(pose.reshape(FRAMES, 72))
        positions.append(places.reshape(FRAMES, 72))
        seen = places @ cameras[:, :3, :3].swapaxes(1, 2) + cameras[:, None, :3, 3]
        pixels = seen @ LENS.T
        pixels = pixels[..., :2] / pixels[..., 2:]
        spots = np.zeros((FRAMES, 3, 18))
        for number, joint in enumerate(OPENPOSE18.joints):
            if joint in JOINTS:
                spots[:, :2, number] = pixels[:, JOINTS.index(joint)]
                spots[:, 2, number] = 0.8
        detected.append(spots)
    return {
        "sequence": "downtown_walking_00",
        "poses": poses,
        "poses_60Hz": [np.repeat(pose, 2, axis=0) for pose in poses],
        "trans": [np.zeros((FRAMES, 3))] * people,
        "betas": [np.arange(10) / 10.0] * people,
        "jointPositions": positions,
        "poses2d": detected,
        "genders": ["m", "f"][:people],
        "cam_poses": cameras,
        "cam_intrinsics": LENS,
        "campose_valid": [np.ones(FRAMES, dtype=np.int64)] * people,
        "texture_maps": [np.zeros((2, 2, 3), dtype=np.uint8)] * people,
    }


@pytest.fixture
def model(tmp_path: Path, smpl_data: Callable[..., dict[str, Any]]) -> SmplModel:
    np.savez(tmp_path / "model.npz", **smpl_data(joints=24))
    return SmplModel.load(tmp_path / "model.npz")


def write(folder: Path, data: object, name: str = "downtown", split: str = "test") -> Path:
    path = folder / "sequenceFiles" / split / f"{name}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Protocol 2 is what Python 2 wrote, under numpy's old names.
    content = pickle.dumps(data, protocol=2, fix_imports=True)
    path.write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    return path


def test_a_film_becomes_a_sequence_for_each_person(tmp_path: Path, model: SmplModel) -> None:
    data = film(model)
    data["campose_valid"][1] = np.array([0] + [1] * (FRAMES - 1))
    data["cam_poses"][0] = data["cam_poses"][0]
    data["poses2d"][0][4] = 0  # fewer than six joints were found
    write(tmp_path / "in", data)
    report = import_sequences(read_threedpw, tmp_path / "in", tmp_path / "s", licence="3DPW")
    assert report.imported == ("downtown_walking_00_0", "downtown_walking_00_1")
    assert [note for _, note in report.notes] == [
        f"the camera's pose is unknown in 1 of {FRAMES} frames"
    ]
    store = SequenceStore.open(tmp_path / "s")
    assert store.arrays == ("keypoints", "target", "truth", "factor", "pose", "shape")
    first, second = store.sequences
    assert (first.gender, second.gender, first.split, first.fps) == ("male", "female", "test", 30.0)
    assert first.size == (1080, 1920)
    assert first.source == "sequenceFiles/test/downtown.pkl: person 0"

    points, truth = store.array("keypoints", first)[:, 0], store.array("truth", first)
    world = data["jointPositions"][0].reshape(FRAMES, 24, 3)
    camera = data["cam_poses"][7]
    knee = camera[:3, :3] @ world[7, JOINTS.index("right_knee")] + camera[:3, 3]
    np.testing.assert_allclose(truth[7, J("right_knee")], 1000 * knee, rtol=1e-5)
    np.testing.assert_allclose(
        truth[:, J("pelvis")], (truth[:, J("left_hip")] + truth[:, J("right_hip")]) / 2, rtol=1e-5
    )
    unknown = np.isnan(truth[..., 0]).all(axis=0)
    assert [H36M17.joints[j] for j in np.flatnonzero(unknown)] == ["nose", "head"]
    assert (truth[:, J("thorax"), 1] < truth[:, J("pelvis"), 1]).all()  # y grows downwards

    # The 2D joints lie where the lens puts the 3D ones.
    limbs = [J(f"{side}_{n}") for side in ("left", "right") for n in ("knee", "wrist", "ankle")]
    seen = truth[:, limbs].astype(np.float64) @ LENS.T
    ideal = seen[..., :2] / seen[..., 2:]
    kept = np.arange(FRAMES) != 4
    np.testing.assert_allclose(points[kept][:, limbs, :2], ideal[kept], atol=0.01)
    np.testing.assert_allclose(points[kept][:, limbs, 2], 0.8)
    assert np.isnan(points[4, :, :2]).all()
    target, factor = store.array("target", first), store.array("factor", first)
    np.testing.assert_allclose(target[:, limbs, :2], ideal, atol=0.01)
    depth = target[:, limbs, 2] * factor[:, None]
    np.testing.assert_allclose(depth, truth[:, limbs, 2] - truth[:, :1, 2], atol=0.05)

    # Posed in the camera's frame, the model lies as the joints do there.
    pose = store.array("pose", first).reshape(FRAMES, 24, 3).astype(np.float64)
    motion = model.recording(pose, np.zeros((FRAMES, 3)), np.zeros(10), fps=30.0, source=Path("x"))
    places = 1000 * motion.forward()[0]
    bone = places[:, JOINTS.index("left_knee")] - places[:, JOINTS.index("left_hip")]
    np.testing.assert_allclose(bone, truth[:, J("left_knee")] - truth[:, J("left_hip")], atol=0.01)
    np.testing.assert_allclose(store.array("shape", first)[3], np.arange(10) / 10, rtol=1e-6)

    for name in ("truth", "target", "factor", "pose"):
        rows = store.array(name, second)
        assert np.isnan(rows[0]).all()
        assert np.isfinite(rows[1:]).any()


def test_splits_come_from_the_folders(tmp_path: Path, model: SmplModel) -> None:
    for split in ("train", "validation"):
        data = film(model, people=1)
        data["sequence"] = split
        write(tmp_path / "in", data, split, split)
    import_sequences(read_threedpw, tmp_path / "in", tmp_path / "s")
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.name, s.split) for s in store.sequences] == [
        ("train_0", "train"),
        ("validation_0", "val"),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cam_poses": None}, "must hold cam_poses"),
        ({"poses2d": [np.zeros((FRAMES, 3, 17))]}, r"poses2d must be \(25, 3, 18\), got"),
        ({"jointPositions": [np.zeros((FRAMES, 51))]}, r"jointPositions must be \(25, 72\)"),
        ({"jointPositions": [np.full((FRAMES, 72), np.nan)]}, "must be finite"),
        ({"cam_poses": np.tile(np.eye(4), (FRAMES - 1, 1, 1))}, r"cam_poses must be \(25, 4, 4\)"),
        ({"genders": ["m", "f"]}, "all entries must have equally many people, got .*genders 2"),
        ({"betas": [np.zeros(4)]}, "betas must be 10 numbers, got 4"),
        ({"poses": 3}, "poses must be a list of people"),
        ({"poses": ["x"]}, "poses must be numbers"),
    ],
)
def test_broken_films_are_refused(
    tmp_path: Path, model: SmplModel, change: dict[str, Any], reason: str
) -> None:
    data = film(model, people=1) | change
    write(tmp_path / "in", {k: v for k, v in data.items() if v is not None}, "bad")
    write(tmp_path / "in", film(model, people=1), "good")
    report = import_sequences(read_threedpw, tmp_path / "in", tmp_path / "s")
    assert len(report.imported) == 1
    ((place, why),) = report.refused
    assert place.startswith("sequenceFiles/test/bad.pkl")
    assert re.search(reason, why), why
    assert "\n" not in why


def test_millimetres_are_noticed(tmp_path: Path, model: SmplModel) -> None:
    data = film(model, people=1)
    data["jointPositions"][0] *= 1000
    write(tmp_path / "in", data)
    with pytest.raises(DataError, match=r"must be in metres, got a thigh of 38\d"):
        import_sequences(read_threedpw, tmp_path / "in", tmp_path / "s")


def test_a_torn_file_and_none(tmp_path: Path, model: SmplModel) -> None:
    path = write(tmp_path / "in", film(model, people=1))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="not a complete pickle"):
        import_sequences(read_threedpw, tmp_path / "in", tmp_path / "s")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"must hold the \.pkl files"):
        read_threedpw(tmp_path / "empty")
