from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.datasets.h36m_cameras import h36m_cameras
from mbcli.data.datasets.h36m_npz import KEPT, read_h36m_npz
from mbcli.data.datasets.humaneva import NAMES, read_humaneva
from mbcli.data.datasets.pinhole import RoomCamera
from mbcli.data.datasets.sequence_import import import_sequences
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import COCO17, H36M17, SKELETONS

Array = npt.NDArray[np.float64]

# A person of 1.7 m in the middle of the room, z up, who faces +y: left is -x. Metres.
PERSON = {
    "pelvis": (0, 0, 0.95),
    "hip": (0.1, 0, 0.95),
    "knee": (0.1, 0.05, 0.5),
    "ankle": (0.1, 0, 0.1),
    "spine": (0, 0, 1.2),
    "thorax": (0, 0, 1.45),
    "nose": (0, 0.1, 1.55),
    "head": (0, 0, 1.65),
    "shoulder": (0.2, 0, 1.42),
    "elbow": (0.25, 0, 1.15),
    "wrist": (0.25, 0.1, 0.9),
}
SIDES = ("left", "right")
HUMANEVA = ["pelvis", "thorax"]
HUMANEVA += [f"{side}_{part}" for side in SIDES for part in ("shoulder", "elbow", "wrist")]
HUMANEVA += [f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle")]
HUMANEVA += ["head"]


def joint(name: str) -> Array:
    side, _, part = name.rpartition("_")
    place = np.array(PERSON[part], dtype=float)
    if side == "left":
        place[0] *= -1
    return place


def standing(names: list[str] | tuple[str, ...], frames: int = 40) -> Array:
    """(F, J, 3): the person, walking a little to the side."""
    body = np.stack([joint(name) for name in names])
    return body + np.linspace(0, 0.3, frames)[:, None, None] * [1.0, 0.4, 0]


def save(path: Path, **arrays: Any) -> None:
    objects: dict[str, Any] = {k: np.array(v, dtype=object) for k, v in arrays.items()}
    np.savez_compressed(path, **objects)


def meta(joints: int, left: list[int], right: list[int]) -> dict[str, Any]:
    return {"num_joints": joints, "keypoints_symmetry": [left, right]}


def h36m_meta() -> dict[str, Any]:
    return meta(17, [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16])


def views(world: Array, cameras: list[RoomCamera], extra: int = 0) -> list[Array]:
    seen = [camera.project(camera.see(world * 1000)) for camera in cameras]
    return [np.concatenate([s, s[:extra]]).astype("f4") for s in seen]


@pytest.fixture
def h36m(tmp_path: Path) -> Path:
    folder = tmp_path / "vp3d"
    folder.mkdir()
    poses: dict[str, Any] = {}
    flat: dict[str, Any] = {}
    for subject, actions in {"S1": ["Walking 1"], "S9": ["Directions"], "S3": ["Waiting"]}.items():
        body = standing(H36M17.joints)
        whole = np.full((len(body), 32, 3), 9.0)
        whole[:, KEPT] = body
        cameras = h36m_cameras(subject)
        for action in actions:
            poses.setdefault(subject, {})[action] = whole.astype("f4")
            if cameras is not None:
                flat.setdefault(subject, {})[action] = views(body, list(cameras.values()), 2)
    save(folder / "data_3d_h36m.npz", positions_3d=poses)
    save(folder / "data_2d_h36m_gt.npz", positions_2d=flat, metadata=h36m_meta())
    return folder


def test_human36m_in_the_cameras_frame(h36m: Path, tmp_path: Path) -> None:
    report = import_sequences(read_h36m_npz, h36m, tmp_path / "s")
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.subject, s.action, s.split, s.camera, s.frames) for s in store.sequences[3:5]] == [
        ("S1", "Walking", "train", "60457274", 40),
        ("S9", "Directions", "test", "54138969", 40),
    ]
    assert len(store.sequences) == 8
    assert [reason for _, reason in report.refused] == ["the 4 cameras of S3 are unknown"]
    first = store.sequences[0]
    assert (first.size, first.fps) == ((1000, 1002), 50)
    cameras = h36m_cameras("S1")
    assert cameras is not None
    camera = cameras["54138969"]
    seen = camera.see(standing(H36M17.joints) * 1000)
    truth, target = store.array("truth", first), store.array("target", first)
    np.testing.assert_allclose(truth, seen, atol=0.01)
    keypoints = store.array("keypoints", first)[:, 0]
    np.testing.assert_allclose(keypoints[..., :2], target[..., :2], atol=0.01)
    assert (keypoints[..., 2] == 1).all()
    factor = store.array("factor", first)
    np.testing.assert_allclose(factor, seen[:, 0, 2] / 1145.0494, rtol=1e-5)
    depth = (truth[..., 2] - truth[:, :1, 2]) / factor[:, None]
    np.testing.assert_allclose(target[..., 2], depth, atol=0.01)
    # Up is up in every view, and the sides are told apart as from behind or from in front.
    index = H36M17.index
    for sequence in store.sequences:
        flat = store.array("keypoints", sequence)[:, 0]
        assert (flat[:, index("head"), 1] < flat[:, index("pelvis"), 1]).all()
        assert (flat[:, index("pelvis"), 1] < flat[:, index("left_ankle"), 1]).all()
        deep = store.array("truth", sequence)
        facing = deep[:, index("nose"), 2] < deep[:, index("thorax"), 2]
        left_of = flat[:, index("left_shoulder"), 0] < flat[:, index("right_shoulder"), 0]
        np.testing.assert_array_equal(left_of, ~facing)


def test_the_2d_file_is_chosen(h36m: Path, tmp_path: Path) -> None:
    flat = {"S1": {"Walking 1": [np.ones((40, 17, 2), "f4")] * 4}}
    left = [1, 3, 5, 7, 9, 11, 13, 15]
    save(
        h36m / "data_2d_h36m_detectron_pt_coco.npz",
        positions_2d=flat,
        metadata=meta(17, left, [joint + 1 for joint in left]),
    )
    with pytest.raises(ConfigError, match="must be one of detectron_pt_coco, gt, got nothing"):
        read_h36m_npz(h36m)
    with pytest.raises(ConfigError, match="got cpn"):
        read_h36m_npz(h36m, detections="cpn")
    report = import_sequences(read_h36m_npz, h36m, tmp_path / "s", detections="detectron_pt_coco")
    assert len(report.imported) == 4
    assert "no 2D poses" in {reason for _, reason in report.refused}
    assert SKELETONS["coco17"] == COCO17


def test_human36m_with_other_cameras(h36m: Path, tmp_path: Path) -> None:
    figures = (
        '{"orientation": [0.7071, -0.7071, 0, 0], "translation": [0, -5000, 1000], '
        '"focal_length": [1000, 1000], "center": [500, 500], "res_w": 900, "res_h": 1000}'
    )
    cameras = tmp_path / "cameras.json"
    four = ", ".join(f'"{name}": {figures}' for name in "abcd")
    cameras.write_text(f'{{"S3": {{{four}}}, "S1": {{{four}}}}}')
    report = import_sequences(read_h36m_npz, h36m, tmp_path / "s", cameras=cameras)
    store = SequenceStore.open(tmp_path / "s")
    assert {s.camera for s in store.sequences} == set("abcd")
    assert store.sequences[0].size == (900, 1000)
    assert {reason for _, reason in report.refused} == {
        "no 2D poses",
        "the 4 cameras of S9 are unknown",
    }


@pytest.fixture
def humaneva(tmp_path: Path) -> Path:
    folder = tmp_path / "he"
    folder.mkdir()
    # Any orientation and place will do where the reader takes them from its own table.
    from mbcli.data.datasets.humaneva import _PLACES

    lens = ((750, 755), (320, 240), (640, 480))
    cameras = [
        RoomCamera.of_quaternion(name, *place, *lens)
        for name, place in zip(NAMES, _PLACES["S2"], strict=True)
    ]
    body = standing(HUMANEVA)
    save(
        folder / "data_3d_humaneva15.npz",
        positions_3d={"Train/S2": {"Walking 1 chunk0": body.astype("f4")}},
    )
    flat = {
        "Train/S2": {"Walking 1 chunk0": views(body, cameras)},
        "Unlabeled/Validate/S2": {"Jog 1 chunk1": [views(body, cameras)[0], None, None]},
    }
    left, right = [2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13]
    save(
        folder / "data_2d_humaneva15_gt.npz",
        positions_2d=flat,
        metadata=meta(15, left, right) | {"layout_name": "humaneva15"},
    )
    return folder


def test_humaneva_finds_its_lens_and_lacks_the_nose(humaneva: Path, tmp_path: Path) -> None:
    report = import_sequences(read_humaneva, humaneva, tmp_path / "s")
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.name, s.subject, s.action, s.split) for s in store.sequences] == [
        *((f"Train/S2/Walking 1 chunk0/{name}", "S2", "Walking", "train") for name in NAMES),
        ("Unlabeled/Validate/S2/Jog 1 chunk1/C1", "S2", "Jog", "test"),
    ]
    assert [reason for _, reason in report.refused] == ["no 2D poses", "no 2D poses"]
    index = H36M17.index
    for sequence in store.sequences[:3]:
        truth, target = store.array("truth", sequence), store.array("target", sequence)
        keypoints = store.array("keypoints", sequence)[:, 0]
        nose = index("nose")
        assert np.isnan(truth[:, nose]).all()
        assert (keypoints[:, nose, 2] == 0).all()
        apart = np.abs(target[..., :2] - keypoints[..., :2]).max(axis=(0, 2))
        spine = index("spine")
        assert apart[spine] < 1  # the middle of two pictures is not quite that of the middle
        assert np.delete(apart, [nose, spine]).max() < 0.01
        thigh = np.linalg.norm(truth[:, index("left_hip")] - truth[:, index("left_knee")], axis=-1)
        np.testing.assert_allclose(thigh, 1000 * np.hypot(0.45, 0.05), rtol=1e-4)
        assert (keypoints[:, index("head"), 1] < keypoints[:, index("left_ankle"), 1]).all()
        factor = store.array("factor", sequence)
        np.testing.assert_allclose(truth[:, 0, 2] / factor, 750, rtol=1e-3)
    assert np.isnan(store.array("truth", store.sequences[3])).all()


def test_files_of_another_form(h36m: Path, tmp_path: Path) -> None:
    flat = h36m / "data_2d_h36m_gt.npz"
    whole = flat.read_bytes()
    for metadata, message in (
        (meta(16, [3], [0]), "must be those of h36m17, coco17"),
        ({"joints": 17}, "must hold num_joints"),
    ):
        save(flat, positions_2d={}, metadata=metadata)
        with pytest.raises(DataError, match=message):
            read_h36m_npz(h36m)
    for positions, message in (
        ({"S1": {"a": [np.ones((3, 17, 2))] * 3}}, "must be a list with the poses of 4 cameras"),
        ({"S1": {"a": [np.ones((3, 16, 2))] * 4}}, r"must be \(F, 17, 2\)"),
        ({"S1": [1]}, "must be a dict of subjects"),
    ):
        save(flat, positions_2d=positions, metadata=h36m_meta())
        with pytest.raises(DataError, match=message):
            read_h36m_npz(h36m)
    flat.write_bytes(whole[:-50])
    with pytest.raises(DataError, match="not a complete"):
        read_h36m_npz(h36m)
    flat.unlink()
    with pytest.raises(DataError, match=r"must hold data_2d_h36m_\*.npz"):
        read_h36m_npz(h36m)
    save(h36m / "data_3d_h36m.npz", positions_3d={"S1": {"a": np.ones((3, 17, 3))}})
    flat.write_bytes(whole)
    with pytest.raises(DataError, match=r"must be \(F, 32, 3\)"):
        read_h36m_npz(h36m)
    with pytest.raises(DataError, match=r"must hold data_3d_humaneva15\.npz"):
        read_humaneva(h36m)


def test_poses_that_are_too_short_are_refused(h36m: Path, tmp_path: Path) -> None:
    flat = {"S1": {"Walking 1": [np.ones((39, 17, 2), "f4")] * 4}}
    save(h36m / "data_2d_h36m_gt.npz", positions_2d=flat, metadata=h36m_meta())
    with pytest.raises(DataError, match="40 frames of 3D poses need as many 2D poses, got 39"):
        import_sequences(read_h36m_npz, h36m, tmp_path / "s")
