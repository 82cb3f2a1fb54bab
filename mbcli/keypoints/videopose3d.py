"""VideoPose3D's 2D detections, an ``.npz`` of two pickled objects (Pavllo et al. 2019).

    positions_2d  dict of subjects -> dict of actions -> list with one (T, K, 2) array per camera, x
                  and y in pixels
    metadata      dict: ``layout_name`` (``coco``, ``h36m``, ``mpii``), ``num_joints`` K,
                  ``keypoints_symmetry`` (left joints, right joints), and for one's own videos
                  ``video_metadata``: name of the video -> ``w`` and ``h`` in pixels

Detections in one's own video are under its name as subject, the action ``custom`` and one camera,
in the order of COCO-17. There are no confidences; frames without a detection were interpolated when
the file was made. NaN means missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import InputError
from mbcli.keypoints.gather import gathered
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17, H36M17, MPII16, Skeleton
from mbcli.storage.arrays import opened_npz
from mbcli.storage.plainpickle import load_plain_npz

_LAYOUTS: dict[str, Skeleton] = {"coco": COCO17, "h36m": H36M17, "mpii": MPII16}
_KEYS = ("positions_2d", "metadata")


def recognise(source: Source) -> bool:
    """Whether the archive holds ``positions_2d`` and ``metadata``.

    In a truncated archive, which has lost its list of members, the first one decides.
    """
    if source.kind != "npz":
        return False
    try:
        with opened_npz(source.path) as archive:
            return {*_KEYS} <= {*archive.names}
    except InputError:
        with source.path.open("rb") as stream:
            start = stream.read(64)
        return start[30:].startswith(tuple(key.encode() + b".npy" for key in _KEYS))


def read(source: Source) -> KeypointFile:
    """Read the one sequence in the file.

    Raises:
        InputError: the file is damaged, holds objects other than plain data, has more or fewer than
            one sequence, or does not follow this layout.
    """
    path = source.path
    archive = load_plain_npz(path, _KEYS)
    positions, metadata = (_dictionary(archive[key], f"{path} ({key})") for key in _KEYS)
    skeleton = _skeleton(metadata, f"{path}")
    subject, name, values = _only_sequence(positions, f"{path}")
    if values.ndim != 3 or values.shape[1:] != (len(skeleton), 2):
        raise InputError(
            f"{path} must hold {len(skeleton)} keypoints of x and y ({skeleton.name}) in {name}, "
            f"got shape {values.shape}"
        )
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path} must hold numbers in {name}, got {values.dtype}")
    untold = np.full_like(values[..., :1], np.nan, dtype=np.float64)
    return gathered(
        path,
        "videopose3d",
        skeleton,
        np.arange(len(values)),
        np.concatenate([values, untold], axis=-1),
        ids=np.zeros(len(values), np.int64),
        count=len(values),
        size=_size(metadata, subject, f"{path}"),
    )


def _dictionary(array: npt.NDArray[Any], what: str) -> dict[Any, Any]:
    value = array.item() if array.shape == () else array
    if not isinstance(value, dict):
        raise InputError(f"{what} must hold a dict, got {type(value).__name__}")
    return value


def _skeleton(metadata: dict[Any, Any], what: str) -> Skeleton:
    layout = metadata.get("layout_name")
    if layout not in _LAYOUTS:
        raise InputError(f"{what} must be laid out as {', '.join(_LAYOUTS)}, got {layout!r}")
    skeleton = _LAYOUTS[layout]
    if (number := metadata.get("num_joints", len(skeleton))) != len(skeleton):
        raise InputError(
            f"{what} must hold {len(skeleton)} keypoints as {layout} has, got {number}"
        )
    return skeleton


def _only_sequence(positions: dict[Any, Any], what: str) -> tuple[str, str, npt.NDArray[Any]]:
    """Subject, name and array of the only sequence."""
    found = []
    for subject, actions in positions.items():
        if not isinstance(actions, dict):
            raise InputError(f"{what} must hold a dict of actions for {subject}")
        for action, cameras in actions.items():
            if not isinstance(cameras, (list, tuple, np.ndarray)):
                raise InputError(f"{what} must hold a list of cameras for {subject}/{action}")
            for number, values in enumerate(cameras):
                name = f"{subject}/{action}" + (f"/{number}" if len(cameras) > 1 else "")
                found.append((str(subject), name, values))
    if len(found) != 1:
        names = [name for _, name, _ in found]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        raise InputError(
            f"{what} must hold one sequence, got {len(found)}: {', '.join(names[:12])}{more}"
        )
    subject, name, values = found[0]
    try:
        return subject, name, np.asarray(values)
    except ValueError as error:
        raise InputError(f"{what} must hold an array in {name}") from error


def _size(metadata: dict[Any, Any], subject: str, what: str) -> tuple[int, int] | None:
    videos = metadata.get("video_metadata")
    video = videos.get(subject) if isinstance(videos, dict) else None
    if not isinstance(video, dict) or not {"w", "h"} <= {*video}:
        return None
    try:
        size = int(video["w"]), int(video["h"])
    except (TypeError, ValueError):
        size = 0, 0
    if min(size) <= 0:
        raise InputError(
            f"{what} must give w and h of {subject} in pixels, got {video['w']!r}, {video['h']!r}"
        )
    return size
