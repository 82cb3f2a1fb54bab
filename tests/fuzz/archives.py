"""Archives of arrays: motions, and keypoint files of ours and of VideoPose3D."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.keypoints import write_keypoints

from .cases import Command, Subject
from .importers import write_objects
from .people import FRAMES, TINY, coco_tracks, motion, plain, points_2d, reads

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


def _videopose3d() -> Any:
    data = points_2d()[:, 0, :, :2].astype(np.float32)
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5], [2, 4, 6]],
        "video_metadata": {"walk.mp4": {"w": 1280, "h": 720}},
    }
    return {"positions_2d": {"walk.mp4": {"custom": [data]}}, "metadata": metadata}


def _write_arrays(path: Path, tree: Any) -> None:
    members = {}
    for key, value in tree.items():
        if key == "meta" and isinstance(value, dict | list):
            value = json.dumps(value, default=plain)
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


refined_arrays = arrays_of(_save_refined)


def _save_long(folder: Path) -> None:
    """The motion as it is written where people come and go: a row for each person and frame."""
    _save_motion(folder)
    with np.load(folder / "pose.npz") as archive:
        arrays = dict(archive)
    there = (FRAMES, len(arrays["track_ids"]))
    for name, array in arrays.items():
        if array.shape[:2] == there:
            arrays[name] = array.swapaxes(0, 1).reshape(-1, *array.shape[2:])
    person, frame = np.divmod(np.arange(there[0] * there[1]), FRAMES)
    rows = {"layout": np.array("long"), "frame": frame, "person": person}
    np.savez_compressed(folder / "pose.npz", **arrays, **rows)  # type: ignore[arg-type]


def _save_own(folder: Path) -> None:
    write_keypoints(folder / "kp.npz", coco_tracks(), meta={"source": "walk.mp4"})


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


def subjects() -> list[Subject]:
    """All of them."""
    return [
        _archive("pose.npz", "pose", _POSE, "pose.npz", _save_motion, 5),
        _archive("pose.npz", "refined", _POSE, "pose.npz", _save_refined, 2),
        _archive("pose.npz", "long", _POSE, "pose.npz", _save_long, 2),
        _archive("keypoints npz", "own", reads("kp.npz"), "kp.npz", _save_own, 2),
        Subject(
            "keypoints npz",
            "videopose3d",
            reads("vp.npz", "--fps", "30"),
            "vp.npz",
            lambda folder: write_objects(folder / "vp.npz", _videopose3d()),
            _videopose3d,
            write_objects,
            True,
            2,
        ),
    ]
