from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.camera import camera_from
from mbcli.errors import InputError, OutputError
from mbcli.keypoints import own
from mbcli.motion import Motion3D, Refinement, load_motion, save_motion
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D

FIXTURES = Path(__file__).parent / "fixtures"
FRAMES, PEOPLE = 4, 2


@pytest.fixture
def motion() -> Motion3D:
    """Two people over four frames, the second one absent from the first frame."""
    rng = np.random.default_rng(3)

    def random(*shape: int) -> np.ndarray:
        out = rng.uniform(0.1, 0.9, (FRAMES, PEOPLE, *shape)).astype(np.float32)
        out[0, 1] = np.nan
        return out

    data = random(17, 3)
    data[0, 1, :, 2] = 0
    keypoints = Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=29.97,
        timestamps=np.array([0.0, 0.04, 0.07, 0.1]),
        size=(640, 360),
        track_ids=np.array([3, 7]),
        boxes=random(4),
        frame_index=np.array([10, 11, 12, 13]),
    )
    return Motion3D(
        positions=random(17, 3),
        root=random(3),
        positions_normalized=random(17, 3),
        confidence=data[..., 2],
        keypoints=keypoints,
        camera=camera_from(keypoints.size, fov=70.0, frames=FRAMES),
        meta={"version": "0.1.0", "source": "Zürich.mp4", "height": {"metres": 1.7}},
    )


def test_a_file_loaded_twice_is_equal(tmp_path: Path, motion: Motion3D) -> None:
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    once, twice = load_motion(path), load_motion(path)
    assert once == twice == motion
    assert hash(once) == hash(twice) == hash(motion)


def test_file_is_exactly_the_documented_format(tmp_path: Path, motion: Motion3D) -> None:
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    t, p = FRAMES, PEOPLE
    expected = {
        "format": ((), "U"),
        "positions": ((t, p, 17, 3), "f4"),
        "root": ((t, p, 3), "f4"),
        "positions_normalized": ((t, p, 17, 3), "f4"),
        "confidence": ((t, p, 17), "f4"),
        "keypoints_2d": ((t, p, 17, 3), "f4"),
        "boxes": ((t, p, 4), "f4"),
        "track_ids": ((p,), "i8"),
        "frame_index": ((t,), "i8"),
        "timestamps": ((t,), "f8"),
        "fps": ((), "f8"),
        "image_size": ((2,), "i8"),
        "skeleton": ((), "U"),
        "joint_names": ((17,), "U"),
        "parents": ((17,), "i8"),
        "camera_matrix": ((3, 3), "f8"),
        "distortion": ((5,), "f8"),
        "camera_given": ((3,), "b1"),
        "world_from_camera": ((t, 4, 4), "f8"),
        "camera_motion": ((), "U"),
        "grounded": ((), "b1"),
        "meta": ((), "U"),
    }
    with np.load(path, allow_pickle=False) as archive:
        found = {
            key: (array.shape, "U" if array.dtype.kind == "U" else array.dtype.str[1:])
            for key, array in archive.items()
        }
        assert found == expected
        assert str(archive["format"]) == "mbcli.motion/2"
        np.testing.assert_array_equal(archive["camera_matrix"][:2, 2], [320, 180])
        assert archive["camera_given"].tolist() == [True, False, False]
        assert archive["joint_names"].tolist() == list(H36M17.joints)
        assert archive["parents"].tolist() == list(H36M17.parents)
        assert archive["image_size"].tolist() == [640, 360]
        assert json.loads(str(archive["meta"])) == motion.meta
        np.testing.assert_array_equal(archive["positions"], motion.positions)


def test_what_is_saved_is_loaded(tmp_path: Path, motion: Motion3D) -> None:
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    loaded = load_motion(path)
    for name in ("positions", "root", "positions_normalized", "confidence"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(motion, name))
    for name in ("data", "timestamps", "boxes", "track_ids", "frame_index"):
        ours, theirs = getattr(loaded.keypoints, name), getattr(motion.keypoints, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert loaded.fps == motion.fps
    assert loaded.keypoints.size == motion.keypoints.size
    assert loaded.skeleton == motion.skeleton
    assert loaded.meta == motion.meta


def test_the_camera_is_saved_with_lens_and_poses(tmp_path: Path, motion: Motion3D) -> None:
    lens = replace(
        motion.camera,
        focal=np.array([900.0, 910.0]),
        centre=np.array([300.0, 190.0]),
        distortion=np.array([-0.2, 0.1, 0.001, 0.002, 0.0]),
        centre_given=True,
        distortion_given=True,
    )
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[:, 0, 3] = np.arange(FRAMES)
    moving = replace(motion, camera=lens.posed(poses, motion="moving"))
    moving.save(tmp_path / "raw.npz")
    assert load_motion(tmp_path / "raw.npz").camera == moving.camera
    poses[:, 1, 3] = -1.5
    kept = Refinement(motion.positions, motion.root, motion.confidence, camera=moving.camera)
    refined = replace(
        moving, camera=lens.posed(poses, motion="moving", grounded=True), refinement=kept
    )
    refined.save(tmp_path / "refined.npz")
    loaded = load_motion(tmp_path / "refined.npz")
    assert loaded.camera == refined.camera
    assert loaded.refinement is not None
    assert loaded.refinement.camera == moving.camera


def test_a_zoom_and_a_fisheye_are_saved_where_there_are_any(
    tmp_path: Path, motion: Motion3D
) -> None:
    motion.save(tmp_path / "plain.npz")
    with np.load(tmp_path / "plain.npz") as archive:
        assert not {"zooms", "lens_model"} & set(archive.files)
    lens = replace(motion.camera, model="fisheye", zooms=np.linspace(1, 2, FRAMES))
    replace(motion, camera=lens).save(tmp_path / "zoomed.npz")
    loaded = load_motion(tmp_path / "zoomed.npz").camera
    assert loaded == lens
    assert loaded.model == "fisheye"
    np.testing.assert_array_equal(loaded.zooms, lens.zooms)


@pytest.mark.parametrize("name", ["motion_1.npz", "motion_1_refined.npz"])
def test_files_of_version_one_load(name: str, tmp_path: Path) -> None:
    arrays = _arrays(FIXTURES / name)
    assert str(arrays["format"]) == "mbcli.motion/1"
    motion = load_motion(FIXTURES / name)
    np.testing.assert_array_equal(motion.positions, arrays["positions"])
    np.testing.assert_array_equal(motion.root, arrays["root"])
    noted = json.loads(str(arrays["meta"]))["assumptions"]["focal"]
    camera = motion.camera
    assert camera.focal.tolist() == [noted["pixels"]] * 2
    assert camera.focal_given is noted["given"]
    assert camera.centre.tolist() == (arrays["image_size"] / 2).tolist()
    # The lens is the one by which people were placed: they lie on their keypoints.
    raw = motion if motion.refinement is None else motion.refinement
    seen = camera.project(raw.positions + raw.root[:, :, None])
    apart = np.linalg.norm(seen - motion.keypoints.data[..., :2], axis=-1)
    assert np.nanmedian(apart) < 4
    if "world_from_camera" in arrays:
        assert arrays["world_from_camera"].shape == (4, 4)
        np.testing.assert_array_equal(
            camera.world_from_camera, np.tile(arrays["world_from_camera"], (6, 1, 1))
        )
        assert (camera.motion, camera.grounded) == ("still", True)
        assert motion.refinement is not None
        assert motion.refinement.camera == camera.lasting(6)
    else:
        np.testing.assert_array_equal(camera.world_from_camera, np.tile(np.eye(4), (6, 1, 1)))
        assert (camera.motion, camera.grounded) == ("unknown", False)
    motion.save(tmp_path / "again.npz")
    assert load_motion(tmp_path / "again.npz").camera == camera
    tracks, _ = own.load(FIXTURES / name)
    np.testing.assert_array_equal(tracks.data, motion.keypoints.data)


def test_a_file_of_version_one_without_a_focal_length(tmp_path: Path) -> None:
    arrays = _arrays(FIXTURES / "motion_1.npz")
    np.savez(tmp_path / "pose.npz", **{**arrays, "meta": np.array("{}")})
    camera = load_motion(tmp_path / "pose.npz").camera
    assert camera.focal == pytest.approx(camera_from((1280, 720)).focal)
    assert not camera.focal_given
    meta = '{"assumptions": {"focal": {"pixels": -5, "given": true}}}'
    np.savez(tmp_path / "pose.npz", **{**arrays, "meta": np.array(meta)})
    with pytest.raises(InputError, match="focal must be positive, got"):
        load_motion(tmp_path / "pose.npz")


def test_existing_file_needs_overwrite(tmp_path: Path, motion: Motion3D) -> None:
    path = tmp_path / "pose.npz"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="--overwrite"):
        save_motion(path, motion)
    assert path.read_bytes() == b"mine"
    save_motion(path, motion, overwrite=True)
    assert load_motion(path).meta == motion.meta
    assert [p.name for p in tmp_path.iterdir()] == ["pose.npz"]


def test_failed_writing_leaves_the_folder_as_it_was(tmp_path: Path, motion: Motion3D) -> None:
    path = tmp_path / "pose.npz"
    path.write_bytes(b"mine")
    unwritable = Motion3D(
        positions=motion.positions,
        root=motion.root,
        positions_normalized=motion.positions_normalized,
        confidence=motion.confidence,
        keypoints=motion.keypoints,
        camera=motion.camera,
        meta={"not json": object()},
    )
    with pytest.raises(TypeError):
        save_motion(path, unwritable, overwrite=True)
    assert path.read_bytes() == b"mine"
    assert [p.name for p in tmp_path.iterdir()] == ["pose.npz"]


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"format": np.array("mbcli.motion/3")},
            "mbcli.motion/2 or mbcli.motion/1, got mbcli.motion/3",
        ),
        ({"format": None}, "format"),
        ({"root": None}, "root"),
        ({"meta": None}, "meta"),
        ({"meta": np.array("{")}, "fit together"),
        ({"meta": np.array("[]")}, r"must be a JSON object, got \[\]"),
        ({"meta": np.array('{"actions": [{}]}')}, "actions must hold start"),
        ({"camera_matrix": None}, "does not fit together: camera_matrix is missing"),
        ({"fps": np.array(1e-300)}, r"does not fit together: fps must be 1e-05\.\.1e\+06"),
        ({"fps": np.array(1e300)}, r"fps must be 1e-05\.\.1e\+06 frames/s, got 1e\+300"),
        ({"camera_matrix": np.ones((3, 3))}, "camera_matrix must be"),
        ({"distortion": np.zeros(4)}, "Camera.distortion must have shape"),
        ({"camera_motion": np.array("flying")}, "got 'flying'"),
        ({"world_from_camera": np.tile(np.eye(4), (3, 1, 1))}, "camera.world_from_camera must"),
        ({"positions": np.zeros((1, 2, 17, 3), np.float32)}, "positions"),
        ({"joint_names": np.array(["a"] * 17)}, "joint names must be unique"),
        ({"joint_names": np.array(H36M17.joints[::-1])}, "joints are not those of h36m17"),
        ({"skeleton": np.array("mine"), "parents": np.full(17, -1)}, "pelvis as its one root"),
        ({"skeleton": np.array("mine"), "parents": np.full(17, 16)}, "be connected to a root"),
        ({"timestamps": np.zeros(FRAMES)}, "increasing"),
        ({"image_size": np.array([640])}, "fit together"),
    ],
)
def test_file_that_breaks_the_format_is_named_in_one_line(
    tmp_path: Path, motion: Motion3D, change: dict[str, np.ndarray | None], complaint: str
) -> None:
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    arrays = {**_arrays(path), **change}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    with pytest.raises(InputError, match=complaint) as caught:
        load_motion(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


class _Bomb:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("whole", [True, False])
def test_pickle_is_never_run(tmp_path: Path, motion: Motion3D, whole: bool) -> None:
    path, touched = tmp_path / "pose.npz", tmp_path / "touched"
    if whole:
        path.write_bytes(pickle.dumps(_Bomb(touched)))
    else:
        save_motion(path, motion)
        arrays = _arrays(path)
        bomb = np.empty(1, dtype=object)
        bomb[0] = _Bomb(touched)
        np.savez(path, **{**arrays, "root": bomb})
    with pytest.raises(InputError) as caught:
        load_motion(path)
    assert "\n" not in str(caught.value)
    assert not touched.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pose.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"pose\.npz"):
        load_motion(path)


def test_truncated_file_is_refused(tmp_path: Path, motion: Motion3D) -> None:
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="not a readable"):
        load_motion(path)


def test_single_array_and_missing_file_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(InputError, match="not a readable"):
        load_motion(tmp_path / "one.npy")
    with pytest.raises(InputError, match="no such file"):
        load_motion(tmp_path / "none.npz")
    with pytest.raises(InputError, match="not a file"):
        load_motion(tmp_path)
