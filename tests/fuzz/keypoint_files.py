"""Motions and keypoint files: our own, and those of every program whose files are read."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from motions import walking

from mbcli.conversion import convert
from mbcli.keypoints import write_keypoints
from mbcli.motion import Motion3D
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import Keypoints2D

from .cases import Command, Subject

SIZE = ("--image-size", "1280x720", "--fps", "30")
TINY = "../../tiny.safetensors"  # of `all_cases.prepare_shared`
FRAMES = 12


@cache
def motion() -> Motion3D:
    """Two people, twelve frames."""
    return walking(FRAMES, people=2)


@cache
def coco_tracks() -> Keypoints2D:
    """The same people by the joints of COCO."""
    keypoints = motion().keypoints
    data = convert(keypoints.data, H36M17, COCO17, partial=True)
    data[..., 2] = np.where(np.isfinite(data[..., 0]), 0.9, 0)
    rng = np.random.default_rng(0)
    lost = ~np.isfinite(data[..., 0])
    data[lost, :2] = (data[:, :, 5, :2] + rng.normal(0, 4, (FRAMES, 2, 2)))[:, :, None].repeat(
        17, axis=2
    )[lost]
    data[lost, 2] = 0.5
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=30.0,
        timestamps=keypoints.timestamps,
        size=keypoints.size,
        track_ids=keypoints.track_ids,
        boxes=keypoints.boxes,
        frame_index=keypoints.frame_index,
    )


def _points() -> np.ndarray:
    return np.asarray(coco_tracks().data, np.float64)


def _lists(points: np.ndarray) -> list[list[float]]:
    return [[round(float(value), 2) for value in point] for point in points]


def _flat(points: np.ndarray) -> list[float]:
    return [value for point in _lists(points) for value in point]


def reads(name: str, *options: str) -> tuple[Command, ...]:
    """Commands that read a keypoint file."""
    keypoints = ("keypoints", name, *options, "--out", "out.npz")
    infer = ("infer", name, *options, "--weights", TINY, "--out", "out.npz")
    return (keypoints, keypoints, keypoints, infer)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _deeplabcut() -> list[list[Any]]:
    parts = ("LeftShoulder", "RightShoulder", "LeftHip", "RightHip", "LeftKnee", "RightKnee")
    columns = [(part, coord) for part in parts for coord in ("x", "y", "likelihood")]
    values = np.random.default_rng(1).uniform(40, 360, (FRAMES, len(columns))).round(2)
    return [
        ["scorer", *("DLC" for _ in columns)],
        ["bodyparts", *(part for part, _ in columns)],
        ["coords", *(coord for _, coord in columns)],
        *([n, *row] for n, row in enumerate(values.tolist())),
    ]


def _videopose3d() -> Any:
    data = _points()[:, 0, :, :2].astype(np.float32)
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5], [2, 4, 6]],
        "video_metadata": {"walk.mp4": {"w": 1280, "h": 720}},
    }
    return {"positions_2d": {"walk.mp4": {"custom": [data]}}, "metadata": metadata}


def _write_objects(path: Path, tree: Any) -> None:
    members = {key: np.array(value, dtype=object) for key, value in tree.items()}
    np.savez_compressed(path, **members)  # type: ignore[arg-type]


def _write_arrays(path: Path, tree: Any) -> None:
    members = {}
    for key, value in tree.items():
        if key == "meta" and isinstance(value, dict | list):
            value = json.dumps(value, default=_plain)
        members[key] = value
    np.savez_compressed(path, **members)


def arrays_of(build: Callable[[Path], None]) -> Callable[[], Any]:
    """The arrays of an archive, its metadata as values."""

    @cache
    def tree() -> Any:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            (path,) = Path(folder).glob("*.npz")
            with np.load(path) as archive:
                arrays: dict[str, Any] = dict(archive)
        if "meta" in arrays:
            arrays["meta"] = json.loads(str(arrays["meta"]))
        return arrays

    return tree


def _save_motion(folder: Path) -> None:
    motion().save(folder / "pose.npz")


def _save_refined(folder: Path) -> None:
    from mbcli.refinement.options import RefineOptions
    from mbcli.refinement.refine import refine

    refine(motion(), RefineOptions(feet=True, world=True, filter="butterworth")).save(
        folder / "pose.npz"
    )


def _save_own(folder: Path) -> None:
    write_keypoints(folder / "kp.npz", coco_tracks(), meta={"source": "walk.mp4"})


def _save_deeplabcut(path: Path, tree: Any) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        for key, value in tree["group"].items():
            group.attrs[key] = value
        values = np.asarray(tree["values"], np.float64)
        records = np.zeros(
            len(values), [("index", "i8"), ("values_block_0", "f8", values.shape[1:])]
        )
        records["index"], records["values_block_0"] = tree["index"], values
        table = group.create_dataset("table", data=records)
        table.attrs["values_block_0_kind"] = np.void(pickle.dumps(tree["columns"], 2))


def _deeplabcut_tree() -> Any:
    rows = _deeplabcut()
    return {
        "group": {"pandas_type": "frame_table", "table_type": "appendable_frame"},
        "values": np.array([row[1:] for row in rows[3:]]),
        "index": np.arange(FRAMES),
        "columns": list(zip(*(row[1:] for row in rows[:3]), strict=True)),
    }


def _save_sleap(path: Path, tree: Any) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for key, value in tree["data"].items():
            if isinstance(value, dict) and "shape" in value:
                # A data set of which nothing is stored: a shape costs nothing in the file.
                file.create_dataset(key, value["shape"], value["dtype"], chunks=True)
            else:
                file.create_dataset(key, data=value)
        for key, value in tree["attrs"].items():
            file["tracks"].attrs[key] = value


def _sleap_tree() -> Any:
    points = _points()[..., 5:15, :]
    nodes = [name.encode() for name in COCO17.joints[5:15]]
    return {
        "data": {
            "tracks": points[..., :2].transpose(1, 3, 2, 0),
            "point_scores": points[..., 2].transpose(1, 2, 0),
            "track_occupancy": np.ones((FRAMES, 2), np.uint8),
            "node_names": np.array(nodes),
            "track_names": np.array([b"track_0", b"track_1"]),
        },
        "attrs": {"dims": json.dumps(["track", "xy", "node", "frame"])},
    }


def _sleap_huge() -> Any:
    tree = _sleap_tree()
    tree["data"]["tracks"] = {"shape": (2, 2, 10, 10**10), "dtype": "f8"}
    tree["attrs"] = {}
    return tree


def _built(
    target: str, write: Callable[[Path, Any], None], tree: Callable[[], Any]
) -> Callable[[Path], None]:
    return lambda folder: write(folder / target, tree())


def _archive(
    kind: str,
    name: str,
    commands: tuple[Command, ...],
    target: str,
    build: Callable[[Path], None],
    weight: int,
) -> Subject:
    tree = arrays_of(build)
    return Subject(kind, name, commands, target, build, tree, _write_arrays, True, weight)


_POSE: tuple[Command, ...] = (
    ("export", "pose.npz", "--out", "out.bvh"),
    ("export", "pose.npz", "--out", "out.json"),
    ("refine", "pose.npz", "--out", "out.npz", "--filter", "butterworth", "--outliers"),
    ("render", "pose.npz", "--layout", "3d", "--out", "out.png"),
    ("plot", "pose.npz", "--out", "out.png"),
    ("infer", "pose.npz", "--weights", TINY, "--out", "out.npz"),
    ("keypoints", "pose.npz", "--out", "out.json"),
    ("export", "pose.npz", "--out", "out.csv", "--fps", "10"),
    ("render", "pose.npz", "--out", "out.html"),
)


def subjects() -> list[Subject]:
    """All of them."""
    return [
        _archive("pose.npz", "pose", _POSE, "pose.npz", _save_motion, 5),
        _archive("pose.npz", "refined", _POSE, "pose.npz", _save_refined, 2),
        _archive("keypoints npz", "own", reads("kp.npz"), "kp.npz", _save_own, 2),
        Subject(
            "keypoints npz",
            "videopose3d",
            reads("vp.npz", "--fps", "30"),
            "vp.npz",
            _built("vp.npz", _write_objects, _videopose3d),
            _videopose3d,
            _write_objects,
            True,
            2,
        ),
        Subject(
            "HDF5",
            "deeplabcut h5",
            reads("dlc.h5", *SIZE),
            "dlc.h5",
            _built("dlc.h5", _save_deeplabcut, _deeplabcut_tree),
            _deeplabcut_tree,
            _save_deeplabcut,
            weight=2,
        ),
        Subject(
            "HDF5",
            "sleap h5",
            reads("sleap.h5", *SIZE),
            "sleap.h5",
            _built("sleap.h5", _save_sleap, _sleap_tree),
            _sleap_tree,
            _save_sleap,
            weight=2,
        ),
        Subject(
            "HDF5",
            "sleap h5 of a huge shape",
            reads("sleap.h5", *SIZE),
            "sleap.h5",
            _built("sleap.h5", _save_sleap, _sleap_tree),
            _sleap_huge,
            _save_sleap,
        ),
    ]
