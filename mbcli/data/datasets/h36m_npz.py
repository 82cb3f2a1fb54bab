"""Human3.6M as VideoPose3D prepares it: ``data_3d_h36m.npz`` and ``data_2d_h36m_*.npz``.

See `mbcli.data.datasets.videopose3d` for the file format. Subjects are S1, S5 ... S11, actions
have names such as ``Walking 1``. The 3D poses have 32 joints in metres, of which 17 are kept, at 50
frames per second. The 2D poses of the four cameras come in the order of
`mbcli.data.datasets.h36m_cameras.CAMERAS`, with the joints of ``H36M17`` or, where Detectron
produced them, of COCO. The 3D poses are in room coordinates; the camera calibration, which is not
part of the files, transforms them into each camera's frame. S9 and S11 form the test set.

In the store, ``truth`` is the absolute pose in the camera's frame; ``target`` is its projection
without lens distortion, with depth at the scale of the pelvis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mbcli.data.datasets.h36m_cameras import CAMERAS, h36m_cameras
from mbcli.data.datasets.joints import keypoints_in_h36m
from mbcli.data.datasets.pinhole import RoomCamera, lifting_target, read_cameras
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.data.datasets.videopose3d import Array, Poses, Views, files_of, read_poses, read_views
from mbcli.skeleton import Skeleton

FPS = 50.0  # of the cameras (Ionescu et al. 2014)
TEST = ("S9", "S11")

JOINTS = 32  # of the recordings
# Those of H36M17; the others do not move relative to them, or duplicate them.
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)

_MILLIMETRES = 1000.0  # in a metre


def read_h36m_npz(
    source: Path, *, detections: str | None = None, cameras: Path | None = None
) -> SequenceImport:
    """Read a folder of these files; every view of every action becomes a sequence.

    Args:
        source: the folder.
        detections: which 2D file to use; see `files_of`.
        cameras: calibration to use instead of the published one; see `read_cameras`.

    Raises:
        DataError: a file is missing, damaged or in another format.
        ConfigError: ``detections`` names no file.
    """
    poses_file, views_file = files_of(source, "h36m", detections)
    rooms = None if cameras is None else read_cameras(cameras)
    poses = read_poses(poses_file, JOINTS)
    views, skeleton = read_views(views_file, len(CAMERAS))
    items = _sequences(poses, views, skeleton, rooms, views_file.name)
    return SequenceImport(items, len(poses) * len(CAMERAS), ("target", "truth", "factor"))


def _sequences(
    poses: Poses,
    views: Views,
    skeleton: Skeleton,
    rooms: dict[str, dict[str, RoomCamera]] | None,
    file: str,
) -> Iterator[Found | Refused]:
    for (subject, action), world in poses.items():
        place = f"{file}: {subject} {action}"
        room = h36m_cameras(subject) if rooms is None else rooms.get(subject)
        if room is None or len(room) != len(CAMERAS):
            yield Refused(place, f"the {len(CAMERAS)} cameras of {subject} are unknown")
            continue
        if (subject, action) not in views:
            yield Refused(place, "no 2D poses")
            continue
        kept = world[:, KEPT].astype(np.float64) * _MILLIMETRES
        for camera, view in zip(room.values(), views[subject, action], strict=True):
            yield _sequence(place, subject, action, camera, kept, view, skeleton)


def _sequence(
    place: str,
    subject: str,
    action: str,
    camera: RoomCamera,
    world: Array,
    view: Array | None,
    skeleton: Skeleton,
) -> Found | Refused:
    source = f"{place} {camera.name}"
    if view is None or len(view) < len(world):
        seen = 0 if view is None else len(view)
        return Refused(source, f"{len(world)} frames of 3D poses need as many 2D poses, got {seen}")
    if not np.isfinite(world).all():
        return Refused(source, "3D poses must be finite numbers")
    truth = camera.see(world)
    target, factor = lifting_target(camera, truth)
    return Found(
        name=f"{subject}/{action}/{camera.name}",
        source=source,
        keypoints=keypoints_in_h36m(view[: len(world)], skeleton),
        metadata={
            "subject": subject,
            "fps": FPS,
            "size": camera.size,
            "action": re.sub(r" \d+$", "", action),
            "camera": camera.name,
            "split": "test" if subject in TEST else "train",
        },
        arrays={"target": target, "truth": truth, "factor": factor},
    )
