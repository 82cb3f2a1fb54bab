from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.data.recordings.amass import find_models, import_amass, read_amass
from mbcli.data.recordings.smpl import FACE, JOINTS
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, DataError
from mbcli.kinematics.rotations import from_vectors, to_vectors
from mbcli.skeleton import BODY21

J = BODY21.index
S = JOINTS.index
ORIGIN = np.array([0.5, 1.2 + 0.2, -1.8])  # of the model's rest pose, in the store's world
STAND_UP = (np.pi / 2, 0.0, 0.0)  # the model's y becomes the world's z


@pytest.fixture
def models(tmp_path: Path, smpl_data: Callable[..., dict[str, Any]]) -> Path:
    for gender in ("male", "female"):
        (tmp_path / "smplh" / gender).mkdir(parents=True)
        arrays = smpl_data()
        if gender == "female":
            arrays["v_template"] = arrays["v_template"] * 0.95
        np.savez(tmp_path / "smplh" / gender / "model.npz", **arrays)
    return tmp_path / "smplh"


def recording(path: Path, frames: int = 120, **changes: Any) -> Path:
    """A standing person who bends the left knee by a quarter turn, as AMASS writes it."""
    poses = np.zeros((frames, 52, 3))
    poses[:, 0] = STAND_UP
    poses[:, S("left_knee"), 0] = np.linspace(0, np.pi / 2, frames)
    data: dict[str, Any] = {
        "poses": poses.reshape(frames, 156),
        "trans": np.tile([0.5, 2.0, 1.2], (frames, 1)),
        "betas": np.zeros(16),
        "gender": np.array("male"),
        "mocap_framerate": np.array(120.0),
        "dmpls": np.zeros((frames, 8)),
    }
    data |= changes
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in data.items() if value is not None})
    return path


def test_z_up_becomes_y_up(tmp_path: Path, models: Path) -> None:
    body, fps, *_ = read_amass(recording(tmp_path / "a.npz"), find_models(models))
    assert body.shape == (120, 21, 3)
    assert body.dtype == np.float32
    assert fps == 120.0
    first, last = body[0], body[-1]
    # The pelvis, (0, -0.2, 0) in the model, is shifted by trans to (0.5, 1.8, 1.2), and what is
    # (x, y, z) in AMASS is (x, z, -y) here. The body turns about it.
    places = first - ORIGIN
    np.testing.assert_allclose(places[J("left_hip")], (0.06, -0.29, 0), atol=1e-6)
    np.testing.assert_allclose(places[J("right_wrist")], (-0.68, 0.22, 0), atol=1e-6)
    np.testing.assert_allclose(places[J("head")], (0, 0.53, 0.02), atol=1e-6)
    np.testing.assert_allclose(
        last[J("left_ankle")] - last[J("left_knee")], (-0.01, 0.03, -0.40), atol=1e-6
    )
    # Without SMPL's own vertices the face is placed on the head: it looks along +z.
    assert first[J("nose"), 2] > first[J("head"), 2] + 0.05
    assert first[J("left_ear"), 0] > first[J("right_ear"), 0]


def test_the_face_lies_on_the_skin(
    tmp_path: Path, smpl_data: Callable[..., dict[str, Any]]
) -> None:
    arrays = smpl_data(vertices=6890)
    spots = {name: np.array([0.01 * i, 0.45, 0.1 + 0.01 * i]) for i, name in enumerate(FACE)}
    for name, number in FACE.items():
        arrays["v_template"][number] = spots[name]
    # All else of the skin hides in the head; the crown is still the highest vertex.
    np.savez_compressed(tmp_path / "model.npz", **arrays)
    turn = (0.2, 0.5, -0.1)
    poses = np.zeros((60, 52, 3))
    poses[:, 0], poses[:, S("head")] = STAND_UP, turn
    path = recording(tmp_path / "a.npz", 60, poses=poses.reshape(60, 156))
    body, *_ = read_amass(path, find_models(tmp_path / "model.npz"))
    skull = np.array([0, 0.39, 0])
    for name, spot in spots.items():
        wanted = ORIGIN + skull + from_vectors(turn) @ (spot - skull)
        np.testing.assert_allclose(body[0, J(name)], wanted, atol=1e-6)


def test_turning_the_world_turns_the_body(tmp_path: Path, models: Path) -> None:
    found = find_models(models)
    turn = from_vectors((0.0, 0.0, 0.7))  # about z, AMASS's vertical
    frames = 60
    still, *_ = read_amass(recording(tmp_path / "a.npz", frames), found)
    poses = np.load(tmp_path / "a.npz")["poses"].copy()
    poses[:, :3] = to_vectors(turn @ from_vectors(poses[:, :3]))
    moved, *_ = read_amass(recording(tmp_path / "b.npz", frames, poses=poses), found)
    about_y = from_vectors((0.0, 0.7, 0.0))
    relative = (still - still[:, :1]) @ about_y.T
    np.testing.assert_allclose(moved - moved[:, :1], relative, atol=1e-5)


def test_a_folder_becomes_a_store(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "amass"
    recording(folder / "CMU/01/01_01_poses.npz")
    recording(folder / "CMU/02/02_01_poses.npz", gender=np.array(b"female"))
    recording(
        folder / "KIT/3/new_stageii.npz",
        mocap_framerate=None,
        mocap_frame_rate=np.array(60.0),
        gender=np.array("b'male'"),
    )
    recording(folder / "CMU/01/shape.npz", poses=None)
    recording(folder / "KIT/3/x_stagei.npz", poses=None)
    recording(folder / "CMU/03/cut_poses.npz", poses=np.zeros((120, 66)))
    recording(folder / "CMU/03/odd_poses.npz", gender=np.array("neutral"))
    recording(folder / "CMU/03/nan_poses.npz", trans=np.full((120, 3), np.nan))
    recording(folder / "CMU/03/short_poses.npz", trans=np.zeros((60, 3)))
    recording(folder / "CMU/03/still_poses.npz", mocap_framerate=np.array(0.0))
    recording(folder / "CMU/03/none_poses.npz", betas=None)
    (folder / "CMU/03/torn_poses.npz").write_bytes(b"PK\x03\x04 torn")
    report = import_amass(folder, tmp_path / "s", models=models, licence="AMASS", prefix="a-")
    assert report.imported == (
        "a-CMU/01/01_01_poses",
        "a-CMU/02/02_01_poses",
        "a-KIT/3/new_stageii",
    )
    reasons = {Path(file).stem.split("_")[0]: reason for file, reason in report.refused}
    assert "poses must be numbers of shape (any, 156), got float64 (120, 66)" in reasons["cut"]
    assert "a body model of gender 'neutral' is needed, got female, male" in reasons["odd"]
    assert "trans must be finite" in reasons["nan"]
    assert "trans must be numbers of shape (120, 3)" in reasons["short"]
    assert (
        "must have 5..1000 frames per second, got 0; give the right rate with --fps"
        in reasons["still"]
    )
    assert "must hold the array 'betas'" in reasons["none"]
    assert "not a complete .npz" in reasons["torn"]
    assert len(reasons) == 7
    store = ClipStore.open(tmp_path / "s")
    assert [(c.frames, c.fps, c.subject) for c in store.clips] == [
        (60, 60.0, "a-CMU/01"),
        (60, 60.0, "a-CMU/02"),
        (120, 60.0, "a-KIT/3"),
    ]
    male, female = (store.joints(clip)[0] for clip in store.clips[:2])
    legs = [body[J("left_hip"), 1] - body[J("left_ankle"), 1] for body in (male, female)]
    np.testing.assert_allclose(legs, [0.78, 0.78 * 0.95], atol=1e-6)


def test_smpl_serves_too(tmp_path: Path, smpl_data: Callable[..., dict[str, Any]]) -> None:
    np.savez(tmp_path / "SMPL_MALE.npz", **smpl_data(joints=24))
    np.savez(tmp_path / "h.npz", **smpl_data())
    path = recording(tmp_path / "a.npz", 60)
    small, *_ = read_amass(path, find_models(tmp_path / "SMPL_MALE.npz"))
    large, *_ = read_amass(path, find_models(tmp_path / "h.npz"))
    np.testing.assert_allclose(small, large, atol=1e-6)


def test_models_are_found_by_gender(tmp_path: Path, models: Path) -> None:
    found = find_models(models)
    assert {g: p.parent.name for g, p in found.items()} == {"male": "male", "female": "female"}
    (models / "SMPLH_FEMALE.pkl").write_bytes(b"")
    with pytest.raises(ConfigError, match="one body model for each gender"):
        find_models(models)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="as a word in its name, got none"):
        find_models(tmp_path / "empty")
    with pytest.raises(ConfigError, match="must be a file or a folder"):
        find_models(tmp_path / "absent")


def test_without_a_model_or_recordings(tmp_path: Path, models: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(ConfigError, match="needs the body model"):
        import_amass(tmp_path / "in", tmp_path / "s")
    with pytest.raises(DataError, match=r"must hold \.npz recordings"):
        import_amass(tmp_path / "in", tmp_path / "s", models=models)
