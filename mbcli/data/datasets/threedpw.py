"""Reader of 3DPW (von Marcard et al. 2018): people outdoors, filmed with a hand-held camera.

``sequenceFiles/{train,validation,test}/*.pkl``: pickles written by Python 2, one per video, of P
people in F pictures at 30 frames per second:

================  =====================  ====================================================
sequence          text                   its name
poses2d           P of (F, 3, 18)        x, y in pixels, confidence; OpenPose's 18 joints; 0
                                         where fewer than 6 were detected
jointPositions    P of (F, 72)           SMPL's 24 joints, metres, in the world
poses, betas      P of (F, 72), (10,)    SMPL: axis times angle, in the world; shape
genders           P of text              ``m`` or ``f``: which body model
cam_poses         (F, 4, 4)              from the world into the camera's frame
cam_intrinsics    (3, 3)                 the principal point is the picture's centre
campose_valid     P of (F,)              whether the camera's pose matches the picture
================  =====================  ====================================================

Every person becomes a sequence. The data do not identify people across videos, so the name of a
sequence is also its subject. Where ``campose_valid`` is false, ``truth``, ``target`` and ``pose``
are unknown. SMPL's joints give 15 of the 17. Pelvis, thorax and spine are computed from hips and
shoulders as elsewhere, since SMPL's own lie higher. SMPL has neither a nose nor a top of the head,
so both are unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.data.datasets.foreign import read_pickle
from mbcli.data.datasets.joints import keypoints_in_h36m, positions_in_h36m
from mbcli.data.datasets.pinhole import RoomCamera, lifting_target
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import DataError
from mbcli.kinematics.rotations import from_vectors, to_vectors
from mbcli.skeleton import OPENPOSE18, Skeleton
from mbcli.types import FloatArray

FPS = 30.0  # see above

# Three joints that differ from ours of the same name have names of their own here.
SMPL24 = Skeleton(
    name="smpl24",
    joints=(
        "smpl_pelvis",
        "left_hip",
        "right_hip",
        "smpl_spine1",
        "left_knee",
        "right_knee",
        "smpl_spine2",
        "left_ankle",
        "right_ankle",
        "smpl_spine3",
        "left_foot",
        "right_foot",
        "smpl_neck",
        "left_collar",
        "right_collar",
        "smpl_skull",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hand",
        "right_hand",
    ),
    parents=(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)

_ARRAYS = ("target", "truth", "factor", "pose", "shape")
_SPLITS = {"train": "train", "validation": "val", "test": "test"}
_GENDERS = {"m": "male", "f": "female"}
_MILLIMETRES = 1000.0  # in a metre
_THIGH = (0.2, 0.7)  # metres; a length outside it means another unit
_PER_PERSON = ("poses2d", "jointPositions", "poses", "betas", "genders", "campose_valid")


def read_threedpw(source: Path) -> SequenceImport:
    """Read the sequence files under a folder.

    Args:
        source: the folder; the name of a file's own folder is its split.

    Raises:
        DataError: there is no such file.
    """
    files = sorted(source.rglob("*.pkl"))
    if not files:
        raise DataError(f"{source}: must hold the .pkl files of 3DPW's sequenceFiles, got none")
    return SequenceImport(_items(source, files), len(files), _ARRAYS)


def _items(source: Path, files: list[Path]) -> Iterator[Found | Refused]:
    for path in files:
        place = path.relative_to(source).as_posix()
        try:
            data = read_pickle(path)
            people = _people(data)
        except DataError as error:
            yield Refused(place, str(error))
            continue
        for person in range(people):
            where = f"{place}: person {person}"
            try:
                yield _person(where, data, person, _SPLITS.get(path.parent.name, ""))
            except DataError as error:
                yield Refused(where, str(error))


def _people(data: Any) -> int:
    """The number of people in a video; checks that all entries agree on it."""
    if not isinstance(data, dict):
        raise DataError(f"a sequence file must hold a dict, got {type(data).__name__}")
    missing = [key for key in (*_PER_PERSON, "cam_poses", "cam_intrinsics") if key not in data]
    if missing:
        raise DataError(f"a sequence file must hold {', '.join(missing)}")
    counts = {}
    for key in _PER_PERSON:
        try:
            counts[key] = len(data[key])
        except TypeError:
            raise DataError(f"{key} must be a list of people, got {data[key]!r:.40}") from None
    if len(set(counts.values())) != 1 or not counts["poses"]:
        got = ", ".join(f"{key} {count}" for key, count in counts.items())
        raise DataError(f"all entries must have equally many people, got {got}")
    return counts["poses"]


def _person(where: str, data: dict[str, Any], person: int, split: str) -> Found:
    poses = _numbers(data["poses"][person], "poses", (None, 72))
    frames = len(poses)
    joints = _numbers(data["jointPositions"][person], "jointPositions", (frames, 72))
    detected = _numbers(data["poses2d"][person], "poses2d", (frames, 3, 18))
    lens = _numbers(data["cam_intrinsics"], "cam_intrinsics", (3, 3))
    valid = _numbers(data["campose_valid"][person], "campose_valid", (frames,)) != 0
    given = _numbers(data["cam_poses"], "cam_poses", (frames, 4, 4), finite=False)
    to_camera = _numbers(np.where(valid[:, None, None], given, np.eye(4)), "cam_poses", given.shape)
    betas = _numbers(np.ravel(data["betas"][person]), "betas", (None,))
    if len(betas) < 10:
        raise DataError(f"betas must be 10 numbers, got {len(betas)}")
    places = joints.reshape(frames, 24, 3)
    thigh = float(np.median(np.linalg.norm(places[:, 4] - places[:, 1], axis=-1)))
    if not _THIGH[0] <= thigh <= _THIGH[1]:
        raise DataError(f"jointPositions must be in metres, got a thigh of {thigh:.4g}")

    turn, shift = to_camera[:, :3, :3], to_camera[:, :3, 3]
    seen = places @ turn.swapaxes(-1, -2) + shift[:, None]  # (F, 24, 3)
    truth = _MILLIMETRES * positions_in_h36m(seen, SMPL24)
    pose = poses.copy()
    pose[:, :3] = to_vectors(turn @ from_vectors(poses[:, :3]))
    truth[~valid], pose[~valid] = np.nan, np.nan

    size = round(2 * lens[0, 2]), round(2 * lens[1, 2])
    still = np.zeros(3)  # the points are in the camera's frame already
    focal, center = lens[[0, 1], [0, 1]], lens[:2, 2]
    target, factor = lifting_target(RoomCamera("", np.eye(3), still, focal, center, size), truth)
    keypoints = detected.swapaxes(-1, -2)  # (F, 18, 3)
    keypoints[..., 2] = keypoints[..., 2].clip(0.0, 1.0)
    name = f"{data.get('sequence') or where.split(':')[0]}_{person}"
    lost = frames - int(valid.sum())
    return Found(
        name,
        where,
        keypoints_in_h36m(keypoints, OPENPOSE18),
        {
            "subject": name,
            "fps": FPS,
            "size": size,
            "split": split,
            "gender": _GENDERS.get(str(data["genders"][person]), ""),
        },
        {
            "target": target,
            "truth": truth,
            "factor": factor,
            "pose": pose,
            "shape": np.tile(betas[:10], (frames, 1)),
        },
        f"the camera's pose is unknown in {lost} of {frames} frames" if lost else "",
    )


def _numbers(
    value: Any, name: str, shape: tuple[int | None, ...], *, finite: bool = True
) -> FloatArray:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be numbers, got {value!r:.40}") from error
    fits = array.ndim == len(shape)
    if not fits or any(n not in (None, got) for n, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise DataError(f"{name} must be ({wanted}), got {array.shape}")
    if finite and not np.isfinite(array).all():
        raise DataError(f"{name} must be finite numbers")
    return array
