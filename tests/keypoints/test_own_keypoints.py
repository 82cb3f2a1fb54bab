from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.camera import camera_from
from mbcli.errors import ConfigError, OutputError
from mbcli.keypoints import own, write_keypoints
from mbcli.keypoints.source import Source
from mbcli.motion import Motion3D, save_motion
from mbcli.skeleton import H36M17, SKELETONS, Skeleton
from mbcli.types import Keypoints2D

META = {"version": "0.2.0", "source": "Zürich.mp4", "weights": [{"sha256": "ab"}]}
Refused = Callable[..., Any]


def _same(one: Keypoints2D, other: Keypoints2D) -> None:
    for field in fields(Keypoints2D):
        np.testing.assert_equal(getattr(other, field.name), getattr(one, field.name))


@pytest.fixture
def written(tmp_path: Path, tracks: Keypoints2D) -> Path:
    path = tmp_path / "kp.npz"
    own.write(path, tracks, META)
    return path


def _altered(path: Path, **arrays: Any) -> Path:
    """The file with some arrays exchanged, or left out if None."""
    with np.load(path, allow_pickle=False) as archive:
        content = {key: archive[key] for key in archive.files} | arrays
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    return path


def test_file_is_exactly_the_documented_format(written: Path) -> None:
    expected = {
        "format": ((), "U"),
        "data": ((7, 2, 17, 3), "f4"),
        "boxes": ((7, 2, 4), "f4"),
        "track_ids": ((2,), "i8"),
        "frame_index": ((7,), "i8"),
        "timestamps": ((7,), "f8"),
        "cuts": ((0,), "i8"),
        "fps": ((), "f8"),
        "size": ((2,), "i8"),
        "skeleton": ((), "U"),
        "joint_names": ((17,), "U"),
        "parents": ((17,), "i8"),
        "meta": ((), "U"),
    }
    with np.load(written, allow_pickle=False) as archive:
        found = {key: archive[key] for key in archive.files}
    assert found.keys() == expected.keys()
    for key, (shape, kind) in expected.items():
        assert found[key].shape == shape
        assert found[key].dtype.str[1:].startswith(kind)
    assert found["format"] == "mbcli.keypoints/1"


def test_nothing_is_lost(written: Path, tracks: Keypoints2D) -> None:
    loaded, meta = own.load(written)
    _same(tracks, loaded)
    assert meta == META


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_every_skeleton(tmp_path: Path, tracks: Keypoints2D, skeleton: Skeleton) -> None:
    data = np.random.default_rng(0).uniform(0, 1, (7, 2, len(skeleton), 3))
    given = replace(tracks, data=data, skeleton=skeleton)
    own.write(tmp_path / "kp.npz", given, {})
    _same(given, own.load(tmp_path / "kp.npz")[0])


def test_skeleton_of_a_users_own(tmp_path: Path, tracks: Keypoints2D) -> None:
    chain = Skeleton("fish", ("head", "middle", "tail"), (-1, 0, 1))
    given = replace(tracks, data=tracks.data[:, :, :3], skeleton=chain)
    own.write(tmp_path / "kp.npz", given, {})
    assert own.load(tmp_path / "kp.npz")[0].skeleton == chain


def test_read_as_poses(written: Path, tracks: Keypoints2D) -> None:
    source = Source(written)
    assert own.recognise(source)
    file = own.read(source)
    there = np.argwhere(tracks.present)
    assert file.frame_index.tolist() == there[:, 0].tolist()
    assert file.ids is not None
    assert file.ids.tolist() == tracks.track_ids[there[:, 1]].tolist()
    np.testing.assert_array_equal(file.keypoints, tracks.data[there[:, 0], there[:, 1]])
    np.testing.assert_array_equal(file.boxes, tracks.boxes[there[:, 0], there[:, 1]])
    np.testing.assert_array_equal(file.timestamps, tracks.timestamps)
    assert (file.frames, file.fps, file.size, file.warnings) == (7, 29.97, (640, 360), ())


def test_frames_that_were_not_looked_at(tmp_path: Path, tracks: Keypoints2D) -> None:
    """Every second frame from the fifth on, at 20 frames a second in the source."""
    given = replace(
        tracks, frame_index=np.arange(7) * 2 + 4, timestamps=0.2 + np.arange(7) * 0.1, fps=10.0
    )
    own.write(tmp_path / "kp.npz", given, {})
    file = own.read(Source(tmp_path / "kp.npz"))
    assert file.frames == 17
    assert file.fps == pytest.approx(20)
    assert file.timestamps is not None
    np.testing.assert_allclose(file.timestamps, np.arange(17) * 0.05, atol=1e-12)
    assert set(file.frame_index.tolist()) == {4, 6, 8, 12, 14}
    assert file.looked_at is not None
    assert len(file.looked_at) == 7
    assert set(file.frame_index.tolist()) <= set(file.looked_at.tolist())


def test_a_box_that_is_missing_is_put_around_the_keypoints(
    tmp_path: Path, tracks: Keypoints2D
) -> None:
    boxes = tracks.boxes.copy()
    boxes[0, 0] = np.nan
    own.write(tmp_path / "kp.npz", replace(tracks, boxes=boxes), {})
    file = own.read(Source(tmp_path / "kp.npz"))
    assert file.boxes is not None
    places = tracks.data[0, 0, :, :2]
    expected = [*np.nanmin(places, axis=0), *np.nanmax(places, axis=0)]
    assert file.boxes[0].tolist() == expected


def test_keypoints_of_a_motion(tmp_path: Path, tracks: Keypoints2D) -> None:
    keypoints = replace(tracks, skeleton=H36M17)
    positions = np.zeros((7, 2, 17, 3))
    motion = Motion3D(
        positions=positions,
        root=positions[:, :, 0],
        positions_normalized=positions,
        confidence=positions[..., 0],
        keypoints=keypoints,
        camera=camera_from(keypoints.size, frames=7),
        meta=META,
    )
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    assert own.recognise(Source(path))
    loaded, meta = own.load(path)
    _same(keypoints, loaded)
    assert meta == META
    assert own.read(Source(path)).skeleton == H36M17


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": np.array("mbcli.keypoints/9")}, "got 'mbcli.keypoints/9'"),
        ({"data": None}, "data is missing"),
        ({"meta": None}, "meta is missing"),
        ({"data": np.zeros((7, 2, 16, 3))}, "must have shape"),
        ({"data": np.full((7, 2, 17, 3), np.inf)}, "within 0..1"),
        ({"data": np.full((7, 2, 17, 3), np.nan)}, "within 0..1"),
        (
            {"data": np.concatenate([np.full((7, 2, 17, 2), np.inf), np.ones((7, 2, 17, 1))], -1)},
            "finite numbers",
        ),
        (
            {"data": np.concatenate([np.full((7, 2, 17, 2), np.nan), np.ones((7, 2, 17, 1))], -1)},
            "missing keypoint",
        ),
        ({"data": np.full((7, 2, 17, 3), "x")}, "could not convert"),
        ({"timestamps": np.arange(6.0)}, "must have shape"),
        ({"timestamps": np.zeros(7)}, "strictly increasing"),
        ({"fps": np.array(0.0)}, "fps must be"),
        ({"fps": np.arange(2.0)}, "does not fit together"),
        ({"frame_index": np.array([0, 1, 2, 3, 5, 4, 6])}, "each frame once and in order"),
        ({"frame_index": np.array([0, 1, 2, 3, 3, 4, 6])}, "each frame once and in order"),
        ({"frame_index": np.arange(7) - 1}, "counted from 0"),
        ({"frame_index": np.arange(7) * 10**12}, "counted from 0 to"),
        ({"track_ids": np.array([3, 3])}, "person 3 twice in frame 1"),
        ({"joint_names": np.array(H36M17.joints)}, "joints are not those of coco17"),
        ({"parents": np.zeros(3, dtype=int)}, "one parent per joint"),
        ({"size": np.array([640])}, "not enough values"),
        ({"meta": np.array("{")}, "does not fit together"),
    ],
)
def test_bad_arrays(written: Path, refused: Refused, change: dict[str, Any], said: str) -> None:
    with refused("kp.npz", said):
        own.read(Source(_altered(written, **change)))


def test_file_that_is_cut_off(written: Path, refused: Refused) -> None:
    whole = written.read_bytes()
    for share in (0.1, 0.5, 0.99):
        written.write_bytes(whole[: int(share * len(whole))])
        assert not own.recognise(Source(written))
        with refused("kp.npz"):
            own.load(written)


def test_member_that_is_damaged(written: Path, refused: Refused) -> None:
    content = bytearray(written.read_bytes())
    start = content.index(b"data.npy") + 200
    content[start : start + 50] = b"\xff" * 50
    written.write_bytes(content)
    assert own.recognise(Source(written))
    with refused("is not a complete array"):
        own.load(written)


def test_pickles_are_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "kp.npz"
    np.savez(path, format=np.array([{"a": 1}], dtype=object))
    assert not own.recognise(Source(path))
    with refused("numbers or text, got object"):
        own.load(path)
    path.write_bytes(pickle.dumps({"format": "mbcli.keypoints/1"}))
    with refused("is not a complete .npz archive"):
        own.load(path)
    with refused("no such file"):
        own.load(tmp_path / "gone.npz")


def test_writing_by_suffix_and_format(tmp_path: Path, tracks: Keypoints2D) -> None:
    write_keypoints(tmp_path / "kp.npz", tracks, meta=META)
    _same(tracks, own.load(tmp_path / "kp.npz")[0])
    write_keypoints(tmp_path / "KP.JSON", tracks)
    assert '"image_id": 0,' in (tmp_path / "KP.JSON").read_text()
    write_keypoints(tmp_path / "ap.json", tracks, format="alphapose")
    assert '"image_id": "0.jpg",' in (tmp_path / "ap.json").read_text()
    for path, format, said in (
        ("kp.csv", None, "must end in .npz or .json, got kp.csv"),
        ("kp", None, "must end in .npz or .json"),
        ("kp.json", "openpose", "--format must be mbcli, coco or alphapose, got 'openpose'"),
        ("kp.json", "mbcli", "mbcli must end in .npz, got kp.json"),
        ("kp.npz", "coco", "coco must end in .json, got kp.npz"),
    ):
        with pytest.raises(ConfigError) as caught:
            write_keypoints(tmp_path / path, tracks, format=format, overwrite=True)
        assert said in str(caught.value)
    with pytest.raises(OutputError, match="exists"):
        write_keypoints(tmp_path / "kp.npz", tracks)
    write_keypoints(tmp_path / "kp.npz", tracks, overwrite=True)
