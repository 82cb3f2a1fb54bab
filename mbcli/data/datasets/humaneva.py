"""HumanEva-I as VideoPose3D prepares it: ``data_3d_humaneva15.npz``, ``data_2d_humaneva15_*.npz``.

See `mbcli.data.datasets.videopose3d` for the file format. Subjects have names such as ``Train/S1``
and ``Validate/S1``, actions such as ``Walking 1 chunk0`` (recordings are cut where motion capture
failed). There are 15 joints in metres, 60 frames per second, and three cameras with pictures of
640 x 480 pixels. Subjects that begin with ``Unlabeled/`` have 2D poses only. The validation set, on
which this data set is evaluated, is the ``test`` split of the store.

The 15 joints include no nose, and the spine is taken as the midpoint of pelvis and thorax. The
orientations and positions of the cameras come from the data set's calibration as published by
VideoPose3D. Focal length and principal point are not part of it: they are fitted so that the
projected 3D poses match the 2D poses best, over all recordings of a subject and camera.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.data.datasets.joints import keypoints_in_h36m, positions_in_h36m
from mbcli.data.datasets.pinhole import RoomCamera, lifting_target
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.data.datasets.videopose3d import (
    HUMANEVA15,
    Poses,
    Views,
    files_of,
    read_poses,
    read_views,
)
from mbcli.errors import DataError
from mbcli.skeleton import H36M17, Skeleton

FPS = 60.0  # see above
SIZE = (640, 480)  # see above
NAMES = ("C1", "C2", "C3")

_MILLIMETRES = 1000.0  # in a metre
_UNKNOWN = (np.nan, np.nan)
_SPLITS = {"Train": "train", "Validate": "test"}
# The midpoint of two joints in space does not project to the midpoint of their projections.
_MEASURED = [number for number, joint in enumerate(H36M17.joints) if joint in HUMANEVA15.joints]
_Place = tuple[tuple[float, float, float, float], tuple[float, float, float]]

# For each camera its orientation, camera to room (w, x, y, z), and its position in millimetres.
_FIRST: tuple[_Place, _Place, _Place] = (
    ((0.424207, -0.4983646, -0.5802981, 0.4847012), (4062.227, 663.2477, 1528.397)),
    ((0.6503354, -0.7481602, -0.0919284, 0.0941766), (844.8131, -3805.2092, 1504.9929)),
    ((0.0664734, -0.0690535, 0.7416416, -0.6639132), (-797.67377, 3916.3174, 1433.6602)),
)
_PLACES: dict[str, tuple[_Place, _Place, _Place]] = {
    "S1": _FIRST,
    "S2": (
        ((0.4214752, -0.4961493, -0.5838273, 0.4851187), (4112.9121, 626.4929, 1545.2988)),
        ((0.6501393, -0.7476588, -0.0954617, 0.0959808), (923.5740, -3877.9243, 1504.5518)),
        ((0.0699353, -0.0712403, 0.7421637, -0.6627420), (-781.4915, 3838.8853, 1444.9929)),
    ),
    "S3": _FIRST,
}


def read_humaneva(source: Path, *, detections: str | None = None) -> SequenceImport:
    """Read a folder of these files; every view of every recording becomes a sequence.

    Args:
        source: the folder.
        detections: which 2D file to use; see `files_of`. ``gt`` fits the lens best.

    Raises:
        DataError: a file is missing, damaged or in another format.
        ConfigError: ``detections`` names no file.
    """
    poses_file, views_file = files_of(source, "humaneva15", detections)
    poses = read_poses(poses_file, len(HUMANEVA15))
    views, skeleton = read_views(views_file, len(NAMES))
    cameras = _cameras(poses, views, skeleton)
    items = _sequences(poses, views, skeleton, cameras, views_file.name)
    return SequenceImport(items, len(views) * len(NAMES), ("target", "truth", "factor"))


def _person(subject: str) -> str:
    """The person of a subject: ``S1`` for ``Unlabeled/Validate/S1``."""
    return subject.rsplit("/", 1)[-1]


def _cameras(
    poses: Poses, views: Views, skeleton: Skeleton
) -> dict[tuple[str, int], RoomCamera | str]:
    """Each person's cameras with fitted lenses, or the reason why there is none."""
    pairs: dict[tuple[str, int], list[tuple[Any, Any]]] = {}
    for key, world in poses.items():
        for number, view in enumerate(views.get(key, [])):
            if view is not None and len(view) >= len(world):
                flat = keypoints_in_h36m(view[: len(world)], skeleton)[..., :2]
                body = positions_in_h36m(world, HUMANEVA15) * _MILLIMETRES
                pairs.setdefault((_person(key[0]), number), []).append((body, flat))
    cameras: dict[tuple[str, int], RoomCamera | str] = {}
    for (person, number), found in pairs.items():
        if person not in _PLACES:
            cameras[person, number] = f"the cameras of {person} are unknown"
            continue
        orientation, place = _PLACES[person][number]
        camera = RoomCamera.of_quaternion(
            NAMES[number], orientation, place, _UNKNOWN, _UNKNOWN, SIZE
        )
        bodies = np.concatenate([body[:, _MEASURED].reshape(-1, 3) for body, _ in found])
        pixels = np.concatenate([flat[:, _MEASURED].reshape(-1, 2) for _, flat in found])
        try:
            cameras[person, number] = camera.fitted(camera.see(bodies), pixels)
        except DataError as error:
            cameras[person, number] = str(error)
    return cameras


def _sequences(
    poses: Poses,
    views: Views,
    skeleton: Skeleton,
    cameras: dict[tuple[str, int], RoomCamera | str],
    file: str,
) -> Iterator[Found | Refused]:
    for key in poses.keys() - views.keys():
        yield Refused(f"{file}: {' '.join(key)}", "no 2D poses")
    for (subject, action), seen_by in views.items():
        split = next((ours for theirs, ours in _SPLITS.items() if theirs in subject), "")
        for number, (name, view) in enumerate(zip(NAMES, seen_by, strict=True)):
            source = f"{file}: {subject} {action} {name}"
            if view is None or not len(view):
                yield Refused(source, "no 2D poses")
                continue
            arrays: dict[str, Any] = {}
            world = poses.get((subject, action))
            if world is not None:
                camera = cameras.get((_person(subject), number), "too few 2D poses")
                if isinstance(camera, str) or len(view) < len(world):
                    short = (
                        f"{len(world)} frames of 3D poses need as many 2D poses, got {len(view)}"
                    )
                    yield Refused(source, camera if isinstance(camera, str) else short)
                    continue
                view = view[: len(world)]
                truth = camera.see(positions_in_h36m(world * _MILLIMETRES, HUMANEVA15))
                target, factor = lifting_target(camera, truth)
                arrays = {"target": target, "truth": truth, "factor": factor}
            yield Found(
                name=f"{subject}/{action}/{name}",
                source=source,
                keypoints=keypoints_in_h36m(view, skeleton),
                metadata={
                    "subject": _person(subject),
                    "fps": FPS,
                    "size": SIZE,
                    "action": re.sub(r"( \d+)?( chunk\d+)?$", "", action),
                    "camera": name,
                    "split": split,
                },
                arrays=arrays,
            )
