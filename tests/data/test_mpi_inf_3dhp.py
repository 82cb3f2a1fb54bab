from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import savemat

from mbcli.data.datasets.mpi_inf_3dhp import CAMERAS, FILMS, JOINTS28, TEST17, read_mpi_inf_3dhp
from mbcli.data.datasets.sequence_import import import_sequences
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import H36M17

J = H36M17.index
Floats = npt.NDArray[np.float64]
FRAMES = 20
FOCAL, CENTER = np.array([1497.693, 1497.103]), np.array([1024.704, 1051.394])
SMALLER = 0.9  # the universal person

# Someone who faces the camera, millimetres from the pelvis: y down, the left side at +x.
MIDDLE = {
    "spine3": (0, -300),
    "spine4": (0, -400),
    "spine2": (0, -215),
    "spine": (0, -212),
    "pelvis": (0, 0),
    "thorax": (0, -480),
    "nose": (0, -560),
    "head": (0, -740),
}
SIDES = {
    "clavicle": (40, -450),
    "shoulder": (170, -450),
    "elbow": (200, -170),
    "wrist": (210, 80),
    "hand": (215, 150),
    "hip": (110, 10),
    "knee": (115, 440),
    "ankle": (120, 850),
    "foot": (120, 900),
    "toe": (125, 910),
}


def person(skeleton: Any, frames: int = FRAMES) -> Floats:
    """(F, J, 3) millimetres in the camera's frame; the pelvis walks away and to the right."""
    out = np.zeros((frames, len(skeleton), 3))
    for number, joint in enumerate(skeleton.joints):
        if joint in MIDDLE:
            out[:, number, :2] = MIDDLE[joint]
        else:
            side, _, part = joint.partition("_")
            x, y = SIDES[part]
            out[:, number] = x if side == "left" else -x, y, 10 if side == "left" else -10
    time = np.arange(frames)[:, None]
    out[..., 0] += 10 * time - 300
    out[..., 2] += 3500 + 20 * time
    return out


def project(places: Floats) -> Floats:
    return places[..., :2] / places[..., 2:] * FOCAL + CENTER


def universal(places: Floats, pelvis: int) -> Floats:
    """As the data set makes it: smaller about its pelvis, which stays."""
    root = places[:, pelvis : pelvis + 1]
    return root + SMALLER * (places - root)


def cells(arrays: list[Floats]) -> npt.NDArray[np.object_]:
    out = np.empty((len(arrays), 1), dtype=object)
    for number, array in enumerate(arrays):
        out[number, 0] = array.reshape(len(array), -1)
    return out


CALIBRATION = "Skeletool Camera Calibration File V1.0\n" + "".join(
    f"name          {camera}\n  sensor      10 10\n  size        {2048 if camera else 1920} 2048\n"
    f"  animated    0\n  intrinsic   1497.693 0 1024.704 0 0 1497.103 1051.394 0 0 0 1 0 0 0 0 1 \n"
    f"  extrinsic   1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 \n  radial      0\n"
    for camera in range(14)
)


def write_train(folder: Path, subject: int = 1, sequence: int = 2, **changes: Any) -> Path:
    path = folder / f"S{subject}" / f"Seq{sequence}" / "annot.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    views = [person(JOINTS28) + (camera, 0, 0) for camera in range(14)]  # noqa: RUF005
    data: dict[str, Any] = {
        "annot2": cells([project(view) for view in views]),
        "annot3": cells(views),
        "univ_annot3": cells([universal(view, 4) for view in views]),
        "cameras": np.arange(14, dtype=np.uint8)[None],
        "frames": np.arange(FRAMES, dtype=np.uint16)[:, None],
    }
    data |= changes
    savemat(path, {k: v for k, v in data.items() if v is not None}, do_compression=True)
    path.with_name("camera.calibration").write_text(CALIBRATION)
    return path


def write_test(folder: Path, subject: int = 5, **changes: Any) -> Path:
    path = folder / f"TS{subject}" / "annot_data.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    places = person(TEST17)
    valid = np.ones((FRAMES, 1), dtype=np.uint8)
    valid[3] = 0
    data: dict[str, Any] = {
        "annot2": project(places)[:, None],
        "annot3": places[:, None],
        "univ_annot3": universal(places, 14)[:, None],
        "valid_frame": valid,
        "activity_annotation": np.ones((FRAMES, 1)),
    }
    with h5py.File(path, "w") as file:
        for key, value in (data | changes).items():
            if value is not None:
                file[key] = value
    return path


def check_pose(store: SequenceStore, number: int, scale: float, shift: float = 0.0) -> None:
    """Every figure of a sequence's first frame, against the person as it was made."""
    sequence = store.sequences[number]
    truth = store.array("truth", sequence)
    relative = truth[0] - truth[0, 0]
    for joint, place in {
        "left_hip": (110, 10, 10),
        "right_wrist": (-210, 80, -10),
        "left_ankle": (120, 850, 10),
        "thorax": (0, -480, 0),
        "spine": (0, -212, 0),
        "nose": (0, -560, 0),
        "head": (0, -740, 0),
    }.items():
        np.testing.assert_allclose(relative[J(joint)], scale * np.array(place), atol=0.01)
    np.testing.assert_allclose(truth[0, 0], (-300 + shift, 0, 3500), atol=0.01)

    points = store.array("keypoints", sequence)[:, 0]
    hip = np.array([-300 + shift + 110, 10]) / 3510 * FOCAL + CENTER
    np.testing.assert_allclose(points[0, J("left_hip")], (*hip, 1), atol=1e-3)
    assert points[0, J("left_hip"), 0] > points[0, J("right_hip"), 0]
    assert points[0, J("head"), 1] < points[0, J("left_ankle"), 1]
    target, factor = store.array("target", sequence), store.array("factor", sequence)
    np.testing.assert_array_equal(target[0, :, :2], points[0, :, :2])
    np.testing.assert_allclose(target[0, J("left_hip"), 2], 10 / 3500 * FOCAL[0], rtol=1e-4)
    np.testing.assert_allclose(factor[0], 3500 / FOCAL[0] * scale, rtol=1e-4)


def test_training_part(tmp_path: Path) -> None:
    write_train(tmp_path / "in")
    report = import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")
    assert report.imported == tuple(f"S1_Seq2_{camera}" for camera in CAMERAS)
    store = SequenceStore.open(tmp_path / "s")
    first, last = store.sequences[0], store.sequences[-1]
    metadata = (last.subject, last.action, last.camera, last.split, last.fps, last.size)
    assert metadata == ("S1", "Seq2", "8", "train", 50.0, (2048, 2048))
    assert first.size == (1920, 2048)
    check_pose(store, 0, SMALLER)
    check_pose(store, 7, SMALLER, shift=8.0)


def test_metric_poses_and_other_views(tmp_path: Path) -> None:
    write_train(tmp_path / "in")
    import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s", poses="metric", views=(3,))
    store = SequenceStore.open(tmp_path / "s")
    assert [s.camera for s in store.sequences] == ["3"]
    check_pose(store, 0, 1.0, shift=3.0)


def test_rows_without_a_picture_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILMS, (1, 2), (12, 50.0))
    write_train(tmp_path / "in")
    import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s", views=(0, 1))
    store = SequenceStore.open(tmp_path / "s")
    assert [s.frames for s in store.sequences] == [12, 12]


def test_test_part(tmp_path: Path) -> None:
    write_test(tmp_path / "in")
    write_test(tmp_path / "in", 1)
    report = import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")
    assert report.imported == ("TS1", "TS5")
    assert {note for _, note in report.notes} == {"1 of 20 frames are not valid"}
    store = SequenceStore.open(tmp_path / "s")
    assert [s.size for s in store.sequences] == [(2048, 2048), (1920, 1080)]
    assert {s.split for s in store.sequences} == {"test"}
    check_pose(store, 1, SMALLER)
    for name in ("keypoints", "truth", "target", "factor"):
        rows = store.array(name, store.sequences[0])
        assert np.isnan(rows[3]).any()
        assert np.isfinite(rows[[2, 4]]).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"annot3": None}, "must hold annot3"),
        (
            {"annot2": cells([np.zeros((FRAMES, 34))] * 14)},
            r"annot2 must be \(F, 56\), got \(20, 34\)",
        ),
        ({"annot2": cells([np.zeros((7, 56))] * 14)}, "equally many frames, got 7, 20"),
        ({"annot3": cells([person(JOINTS28) / 1000] * 14)}, "in millimetres, got a thigh of 0.43"),
        ({"univ_annot3": cells([np.full((FRAMES, 84), np.nan)] * 14)}, "must be finite numbers"),
        ({"cameras": np.array([[1, 2, 3]])}, "the cameras are 1, 2, 3, got no 0"),
        ({"annot2": cells([np.tile(np.arange(56.0), (FRAMES, 1))] * 14)}, "focal length"),
    ],
)
def test_broken_training_files(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    write_train(tmp_path / "in", 2, 1, **change)
    write_train(tmp_path / "in", 3, 1)
    report = import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s", views=(0,))
    assert report.imported == ("S3_Seq1_0",)
    ((place, why),) = report.refused
    assert place.startswith("S2/Seq1/annot.mat")
    assert re.search(reason, why), why
    assert "\n" not in why


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"valid_frame": None}, "must hold valid_frame"),
        ({"annot3": np.zeros((FRAMES, 1, 28, 3))}, r"annot3 must be \(F, 1, 17, 3\)"),
        ({"valid_frame": np.zeros((FRAMES, 1))}, "at least one frame must be valid"),
        ({"valid_frame": np.ones((9, 1))}, "equally many frames"),
    ],
)
def test_broken_test_files(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    write_test(tmp_path / "in", 1, **change)
    with pytest.raises(DataError, match=reason):
        import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")


def test_torn_files(tmp_path: Path) -> None:
    train, test = write_train(tmp_path / "in"), write_test(tmp_path / "in")
    for path in (train, test):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        DataError, match=r"all 2 sequences were refused; .*not a complete MATLAB 5 file"
    ):
        import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")
    train.unlink()
    with pytest.raises(DataError, match=r"not a complete MATLAB 7\.3 file"):
        import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")


def test_a_calibration_that_is_none(tmp_path: Path) -> None:
    path = write_train(tmp_path / "in")
    path.with_name("camera.calibration").write_text("name 0\nsize wide\n")
    with pytest.raises(DataError, match="line 2: size needs whole numbers"):
        import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")


@pytest.mark.parametrize(("package", "name"), [("scipy.io", "scipy"), ("h5py", "h5py")])
def test_a_missing_package_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    {"scipy": write_train, "h5py": write_test}[name](tmp_path / "in")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"reading it needs {name}: pip install {name}$"):
        import_sequences(read_mpi_inf_3dhp, tmp_path / "in", tmp_path / "s")


def test_options_and_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=r"must hold S1/Seq1/annot\.mat"):
        read_mpi_inf_3dhp(tmp_path / "in")
    with pytest.raises(ConfigError, match="universal or metric, got both"):
        read_mpi_inf_3dhp(tmp_path / "in", poses="both")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"cameras of 0\.\.13, got \(14,\)"):
        read_mpi_inf_3dhp(tmp_path / "in", views=(14,))
