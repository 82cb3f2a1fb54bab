"""The ``.npz`` files of VideoPose3D (Pavllo et al. 2019): 3D poses in the room, 2D in pictures.

``data_3d_NAME.npz`` holds ``positions_3d``, a dict of subjects, each a dict of actions, each an
array (F, J, 3) in metres, z up. ``data_2d_NAME_DETECTOR.npz`` holds ``positions_2d``, nested in the
same way, with a list of the cameras' arrays (F, J2, 2) in pixels, or (F, J2, 3) with confidence,
for every action; and ``metadata``, a dict with ``num_joints``, ``keypoints_symmetry`` (the numbers
of the left joints, and of the right joints) and usually ``layout_name``. The videos may be a few
frames longer than the 3D poses; the surplus is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.datasets.foreign import read_npz
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import COCO17, H36M17, Skeleton

Array = npt.NDArray[Any]
Poses = dict[tuple[str, str], Array]
Views = dict[tuple[str, str], list[Array | None]]

HUMANEVA15 = Skeleton(
    name="humaneva15",
    joints=(
        "pelvis",
        "thorax",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_hip",
        "right_knee",
        "right_ankle",
        "head",
    ),
    parents=(-1, 0, 1, 2, 3, 1, 5, 6, 0, 8, 9, 0, 11, 12, 1),
)

# By the number of joints and the number of the first left joint, which tell the skeletons apart
# where metadata does not name them.
_LAYOUTS: dict[tuple[int, int], Skeleton] = {
    (17, 4): H36M17,
    (17, 1): COCO17,
    (15, 2): HUMANEVA15,
}


def files_of(source: Path, name: str, detections: str | None) -> tuple[Path, Path]:
    """Find the 3D file and the chosen 2D file of a data set.

    Args:
        source: the folder that contains them.
        name: of the data set, such as ``h36m``.
        detections: which 2D file, by the last part of its name, such as ``cpn_ft_h36m_dbb``;
            None takes the only one.

    Raises:
        DataError: there are no such files.
        ConfigError: several 2D files and no choice, or none of that name.
    """
    poses = source / f"data_3d_{name}.npz"
    if not poses.is_file():
        raise DataError(f"{source} must hold {poses.name}, got none")
    start = f"data_2d_{name}_"
    found = {
        path.stem.removeprefix(start): path
        for path in sorted(source.iterdir())
        if path.name.startswith(start) and path.suffix == ".npz"
    }
    if not found:
        raise DataError(f"{source} must hold {start}*.npz, got none")
    if detections is None and len(found) == 1:
        return poses, next(iter(found.values()))
    if detections not in found:
        got = "nothing" if detections is None else detections
        raise ConfigError(f"--detections must be one of {', '.join(found)}, got {got}")
    return poses, found[detections]


def read_poses(path: Path, joints: int) -> Poses:
    """(F, joints, 3) metres by subject and action.

    Raises:
        DataError: the file is damaged or in another format.
    """
    table = _table(path, "positions_3d")
    poses: Poses = {}
    for key, value in table.items():
        array = np.asarray(value)
        if array.ndim != 3 or array.shape[1:] != (joints, 3) or array.dtype.kind != "f":
            raise DataError(
                f"{path}: {' '.join(key)} must be (F, {joints}, 3) numbers, "
                f"got {array.dtype} {array.shape}"
            )
        poses[key] = array
    return poses


def read_views(path: Path, cameras: int) -> tuple[Views, Skeleton]:
    """The cameras' 2D poses by subject and action, and their skeleton.

    Raises:
        DataError: the file is damaged or in another format.
    """
    table = _table(path, "positions_2d")
    skeleton = _skeleton(path, read_npz(path, ("metadata",))["metadata"])
    views: Views = {}
    for key, value in table.items():
        if not isinstance(value, (list, np.ndarray)) or len(value) != cameras:
            raise DataError(
                f"{path}: {' '.join(key)} must be a list with the poses of {cameras} cameras"
            )
        views[key] = [_view(path, key, poses, len(skeleton)) for poses in value]
    return views, skeleton


def _view(path: Path, key: tuple[str, str], value: Any, joints: int) -> Array | None:
    """One camera's poses; None if the file holds none."""
    if value is None:
        return None
    array = np.asarray(value)
    rank = array.ndim == 3 and array.shape[1] == joints and array.shape[2] in (2, 3)
    if not rank or array.dtype.kind != "f":
        raise DataError(
            f"{path}: {' '.join(key)} must be (F, {joints}, 2) numbers, "
            f"got {array.dtype} {array.shape}"
        )
    return array


def _table(path: Path, name: str) -> dict[tuple[str, str], Any]:
    """Values by (subject, action), in the order of the file."""
    held = read_npz(path, (name,))[name]
    subjects = held.item() if held.shape == () else None
    if not isinstance(subjects, Mapping) or not all(
        isinstance(actions, Mapping) for actions in subjects.values()
    ):
        raise DataError(f"{path}: {name} must be a dict of subjects, each a dict of actions")
    return {
        (str(subject), str(action)): value
        for subject, actions in subjects.items()
        for action, value in actions.items()
    }


def _skeleton(path: Path, metadata: Array) -> Skeleton:
    given: Any = metadata.item() if metadata.shape == () else None
    try:
        joints, left = int(given["num_joints"]), int(given["keypoints_symmetry"][0][0])
    except (KeyError, IndexError, TypeError, ValueError):
        raise DataError(
            f"{path}: metadata must hold num_joints and keypoints_symmetry, got {given!r:.80}"
        ) from None
    if (joints, left) not in _LAYOUTS:
        known = ", ".join(skeleton.name for skeleton in _LAYOUTS.values())
        raise DataError(
            f"{path}: the joints must be those of {known}, got {joints} with {left} as the first "
            "left one"
        )
    return _LAYOUTS[joints, left]
