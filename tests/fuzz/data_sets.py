"""Recordings and data sets that are imported, and stores."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from data import conftest as data_conftest
from data import (
    test_amass,
    test_asf_amc,
    test_h36m_pickle,
    test_joint_arrays,
    test_motion_2d,
    test_mpi_inf_3dhp,
    test_ntu,
    test_videopose3d,
)

from mbcli.data.datasets.h36m_cameras import h36m_cameras
from mbcli.data.datasets.mpi_inf_3dhp import JOINTS28, TEST17
from mbcli.skeleton import H36M17

from .cases import Command, Subject
from .stores import _json, _moving


def imports(format: str, source: str, *options: str) -> tuple[Command, ...]:
    """The command that imports a data set."""
    return (("data", "import", format, source, "--out", "out", *options),)


def _pickled(path: Path, tree: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(tree, 2))


def _arrays(path: Path, tree: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **tree)


def _objects(path: Path, tree: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    members = {key: np.array(value, dtype=object) for key, value in tree.items()}
    np.savez_compressed(path, **members)  # type: ignore[arg-type]


def _of(
    name: str,
    command: tuple[Command, ...],
    target: str,
    tree: Callable[[], Any],
    write: Callable[[Path, Any], None],
    *,
    archive: bool = False,
) -> Subject:
    def build(folder: Path) -> None:
        write(folder / target, tree())

    return Subject("importers", name, command, target, build, tree, write, archive)


def _h36m() -> Any:
    return {
        "train": test_h36m_pickle.part(test_h36m_pickle.TRAIN, 1, test=False),
        "test": test_h36m_pickle.part(test_h36m_pickle.TEST, 2, test=True),
    }


def _ntu() -> Any:
    films = [test_ntu.film("S001C001P001R001A002", people=2), test_ntu.film("S001C001P001R001A003")]
    return {"split": {"xsub_train": [films[0]["frame_dir"]]}, "annotations": films}


def _ntu_skeleton(folder: Path) -> None:
    lines = test_ntu.skeleton_text(20, {"7205759": (0, test_ntu.kinect(20))})
    path = folder / "raw" / "S001C003P002R001A010.skeleton"
    path.parent.mkdir()
    path.write_text("\n".join(lines))


def _bvh(folder: Path) -> None:
    (folder / "a.bvh").write_text(data_conftest.bvh_text(90, {"LeftLeg": np.linspace(0, 60, 90)}))


# Acclaim's names of a body: bone, parent, direction, length in units of the file.
_BONES = (
    *((f"{s}hipjoint", "root", (x, -1, 0), 2) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}femur", f"{s}hipjoint", (0, -1, 0), 7) for s in "lr"),
    *((f"{s}tibia", f"{s}femur", (0, -1, 0), 7) for s in "lr"),
    *((f"{s}foot", f"{s}tibia", (0, -0.2, 1), 2) for s in "lr"),
    ("thorax", "root", (0, 1, 0), 7),
    ("head", "thorax", (0, 1, 0), 3),
    *((f"{s}clavicle", "thorax", (x, 0.2, 0), 3) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}humerus", f"{s}clavicle", (x, 0, 0), 5) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}radius", f"{s}humerus", (x, 0, 0), 4) for s, x in (("l", 1), ("r", -1))),
    *((f"{s}wrist", f"{s}radius", (x, 0, 0), 2) for s, x in (("l", 1), ("r", -1))),
)


def build_acclaim(folder: Path) -> None:
    bones = "".join(
        f"  begin\n     id {n}\n     name {name}\n     direction {x} {y} {z}\n"
        f"     length {long}\n     axis 0 0 0  XYZ\n    dof rx ry rz\n"
        "    limits (-160.0 20.0)\n           (-70.0 70.0)\n           (-60.0 70.0)\n  end\n"
        for n, (name, _, (x, y, z), long) in enumerate(_BONES, 1)
    )
    children: dict[str, list[str]] = {}
    for name, parent, _, _ in _BONES:
        children.setdefault(parent, []).append(name)
    tree = "".join(f"    {parent} {' '.join(some)}\n" for parent, some in children.items())
    text = test_asf_amc.ASF
    start, end = text.index(":bonedata"), text.index(":hierarchy")
    text = f"{text[:start]}:bonedata\n{bones}{text[end:].split('begin')[0]}begin\n{tree}  end\n"
    frames = "".join(
        f"{frame}\nroot 0 16 {frame / 10} 0 0 0\n"
        + "".join(f"{name} {frame / 10} 0 0\n" for name, *_ in _BONES)
        for frame in range(1, 90)
    )
    (folder / "a").mkdir()
    (folder / "a" / "01.asf").write_text(text.replace("length 0.5", "length 0.45"))
    (folder / "a" / "01_01.amc").write_text(f"#!OML:ASF\n:FULLY-SPECIFIED\n:DEGREES\n{frames}")


def _joints() -> Any:
    names, body = test_joint_arrays.NAMES, _moving()
    columns = [
        body[:, test_joint_arrays.J("thorax")] + (0, 0.14, 0)
        if ours == "skull"
        else body[:, test_joint_arrays.J(ours)]
        for ours in names.values()
    ]
    return {
        "joints": np.array([f"Neo_{name}" for name in names]),
        "walk": np.stack(columns, 1),
        "fps": np.array(60.0),
    }


def _amass(folder: Path) -> None:
    (folder / "smplh" / "male").mkdir(parents=True)
    np.savez(folder / "smplh" / "male" / "model.npz", **data_conftest.smpl_arrays())  # type: ignore[arg-type]
    test_amass.recording(folder / "amass" / "a.npz", frames=60)


def _amass_tree() -> Any:
    frames = 60
    return {
        "poses": np.zeros((frames, 156)),
        "trans": np.tile([0.5, 2.0, 1.2], (frames, 1)),
        "betas": np.zeros(16),
        "gender": np.array("male"),
        "mocap_framerate": np.array(120.0),
    }


def _h36m_npz(folder: Path) -> None:
    test_videopose3d.h36m.__wrapped__(folder)  # type: ignore[attr-defined]


def _h36m_flat() -> Any:
    views = test_videopose3d.views(
        test_videopose3d.standing(H36M17.joints),
        list((h36m_cameras("S1") or {}).values()),
    )
    return {
        "positions_2d": {"S1": {"Walking 1": views}},
        "metadata": test_videopose3d.h36m_meta(),
    }


def _humaneva(folder: Path) -> None:
    test_videopose3d.humaneva.__wrapped__(folder)  # type: ignore[attr-defined]


def _mpi_train(folder: Path) -> None:
    test_mpi_inf_3dhp.write_train(folder / "mpi")


def _mpi_train_tree() -> Any:
    views = [test_mpi_inf_3dhp.person(JOINTS28) for _ in range(14)]
    cells = test_mpi_inf_3dhp.cells
    return {
        "annot2": cells([test_mpi_inf_3dhp.project(view) for view in views]),
        "annot3": cells(views),
        "univ_annot3": cells([test_mpi_inf_3dhp.universal(view, 4) for view in views]),
        "cameras": np.arange(14, dtype=np.uint8)[None],
        "frames": np.arange(test_mpi_inf_3dhp.FRAMES, dtype=np.uint16)[:, None],
    }


def _mat5(path: Path, tree: Any) -> None:
    from scipy.io import savemat

    savemat(path, tree)


def _mpi_test(folder: Path) -> None:
    test_mpi_inf_3dhp.write_test(folder / "mpi")


def _mpi_test_tree() -> Any:
    places = test_mpi_inf_3dhp.person(TEST17)
    return {
        "annot2": test_mpi_inf_3dhp.project(places)[:, None],
        "annot3": places[:, None],
        "univ_annot3": test_mpi_inf_3dhp.universal(places, 14)[:, None],
        "valid_frame": np.ones((test_mpi_inf_3dhp.FRAMES, 1), np.uint8),
        "activity_annotation": np.ones((test_mpi_inf_3dhp.FRAMES, 1)),
    }


def _hdf5(path: Path, tree: Any) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for key, value in tree.items():
            file[key] = value


def _instavariety(folder: Path) -> None:
    test_motion_2d.arrays.__wrapped__(folder)  # type: ignore[attr-defined]


def subjects() -> list[Subject]:
    """All of them."""
    film = "posetrack/train/000001_bonn_train.json"
    return [
        Subject("importers", "bvh", imports("bvh", "a.bvh"), "a.bvh", _bvh, weight=2),
        Subject("importers", "asf", imports("asf-amc", "a"), "a/01.asf", build_acclaim),
        Subject("importers", "amc", imports("asf-amc", "a"), "a/01_01.amc", build_acclaim),
        _of(
            "joints",
            imports("joints", "a.npz"),
            "a.npz",
            _joints,
            _arrays,
            archive=True,
        ),
        Subject(
            "importers",
            "amass",
            imports("amass", "amass", "--models", "smplh"),
            "amass/a.npz",
            _amass,
            _amass_tree,
            _arrays,
            archive=True,
        ),
        _of("h36m-pickle", imports("h36m-pickle", "h.pkl"), "h.pkl", _h36m, _pickled),
        _of("ntu-pyskl", imports("ntu-pyskl", "n.pkl"), "n.pkl", _ntu, _pickled),
        Subject(
            "importers",
            "ntu-skeleton",
            imports("ntu-skeleton", "raw"),
            "raw/S001C003P002R001A010.skeleton",
            _ntu_skeleton,
        ),
        Subject(
            "importers",
            "h36m-npz",
            imports("h36m-npz", "vp3d"),
            "vp3d/data_2d_h36m_gt.npz",
            _h36m_npz,
            _h36m_flat,
            _objects,
            archive=True,
        ),
        Subject(
            "importers",
            "humaneva",
            imports("humaneva", "he"),
            "he/data_2d_humaneva15_gt.npz",
            _humaneva,
        ),
        _of(
            "posetrack",
            imports("posetrack18", "posetrack"),
            film,
            lambda: test_motion_2d.posetrack(list(range(50, 80))),
            _json,
        ),
        Subject(
            "importers",
            "instavariety",
            imports("instavariety", "insta"),
            "insta/motion_all.npy",
            _instavariety,
            lambda: np.zeros((74, 17, 3)),
            np.save,
        ),
        Subject(
            "importers",
            "mpi train",
            imports("mpi-inf-3dhp", "mpi"),
            "mpi/S1/Seq2/annot.mat",
            _mpi_train,
            _mpi_train_tree,
            _mat5,
        ),
        Subject(
            "importers",
            "mpi cameras",
            imports("mpi-inf-3dhp", "mpi"),
            "mpi/S1/Seq2/camera.calibration",
            _mpi_train,
        ),
        Subject(
            "importers",
            "mpi test",
            imports("mpi-inf-3dhp", "mpi"),
            "mpi/TS5/annot_data.mat",
            _mpi_test,
            _mpi_test_tree,
            _hdf5,
        ),
    ]
