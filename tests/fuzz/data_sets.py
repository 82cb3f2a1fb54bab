"""Data sets that are imported."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from data import test_h36m_pickle, test_motion_2d, test_mpi_inf_3dhp, test_ntu, test_videopose3d

from mbcli.data.datasets.h36m_cameras import h36m_cameras
from mbcli.data.datasets.mpi_inf_3dhp import JOINTS28, TEST17
from mbcli.skeleton import H36M17

from .cases import Subject
from .importers import imported, imports, write_objects
from .stores import write_json


def _write_pickle(path: Path, tree: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(tree, 2))


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
        imported("h36m-pickle", imports("h36m-pickle", "h.pkl"), "h.pkl", _h36m, _write_pickle),
        imported("ntu-pyskl", imports("ntu-pyskl", "n.pkl"), "n.pkl", _ntu, _write_pickle),
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
            write_objects,
            archive=True,
        ),
        Subject(
            "importers",
            "humaneva",
            imports("humaneva", "he"),
            "he/data_2d_humaneva15_gt.npz",
            _humaneva,
        ),
        imported(
            "posetrack",
            imports("posetrack18", "posetrack"),
            film,
            lambda: test_motion_2d.posetrack(list(range(50, 80))),
            write_json,
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
