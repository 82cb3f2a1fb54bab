"""Our own keypoint file, format "mbcli.keypoints/1": lossless 2D tracks, for NumPy.

An ordinary ``numpy.savez_compressed`` archive that loads with ``allow_pickle=False``. T frames,
P people, J joints; pixels, x right, y down.

    format       ()           "mbcli.keypoints/1"
    data         (T,P,J,3) f4 x, y and confidence 0..1; missing = (NaN, NaN, 0)
    boxes        (T,P,4) f4   x1 y1 x2 y2, NaN where absent
    track_ids    (P,) i8      identity of each person
    frame_index  (T,) i8      frame numbers in the source
    timestamps   (T,) f8      seconds
    cuts         (C,) i8      frame numbers at which new shots begin
    fps          () f8        mean rate of these frames
    size         (2,) i8      width, height of the pictures
    skeleton     () U         its name
    joint_names  (J,) U
    parents      (J,) i8      -1 for a root
    meta         () U         JSON: version, command, options, weights, assumptions

If the arrays with T and P would take more than 1 GB together, the file is long, with one row a
person and frame in their place; see `mbcli.storage.layout`.

The 2D keypoints of a ``pose.npz`` (`mbcli.storage.pose_file`) can be read as well; there ``data``
is called ``keypoints_2d`` and ``size`` ``image_size``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.bounds import MAX_FRAMES
from mbcli.errors import InputError
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import skeleton_of
from mbcli.spans import PerPerson
from mbcli.storage.arrays import opened_npz
from mbcli.storage.layout import ROWS, people_of, write_npz
from mbcli.storage.metadata import read_metadata
from mbcli.storage.pose_file import READABLE as MOTION_FORMATS
from mbcli.storage.pose_file import keypoints_of
from mbcli.types import FloatArray, IntArray, Keypoints2D
from mbcli.values import kept

KEY = "mbcli"
FORMAT = "mbcli.keypoints/1"

_COMMON = ("track_ids", "frame_index", "timestamps", "fps", "joint_names", "parents")
_MOTION = ("format", "image_size", "meta", *_COMMON)
# Arrays that are read from each format. Version 1 of motions has no name of the skeleton.
_MEMBERS = {
    FORMAT: ("size", "skeleton", "meta", *_COMMON),
    **dict.fromkeys(MOTION_FORMATS, (*_MOTION, "skeleton")),
    MOTION_FORMATS[-1]: _MOTION,
}
_ADDED = ("cuts", *ROWS)  # arrays that older files lack, and dense ones
_ABSENT = (np.nan, np.nan, 0.0)
# What is read of people, and the value of an absent person.
_OF_PEOPLE: dict[str, dict[str, npt.ArrayLike]] = {
    FORMAT: {"data": _ABSENT, "boxes": np.nan},
    **{format: {"keypoints_2d": _ABSENT, "boxes": np.nan} for format in MOTION_FORMATS},
}

# Names by which an archive is ours even if its format cannot be read.
_OURS = {"format", "track_ids", "joint_names", "parents"}


def recognise(source: Source) -> bool:
    """Whether this is a keypoint file or a ``pose.npz`` of mbcli, of any version."""
    if source.kind != "npz":
        return False
    try:
        with opened_npz(source.path) as archive:
            ours = set(archive.names) >= _OURS
            try:
                return str(archive.array("format").item()).startswith("mbcli.")
            except (InputError, ValueError):
                return ours
    except InputError:
        return False


def read(source: Source) -> KeypointFile:
    """Read the tracks as poses of the source's frames.

    Frames that were skipped by ``--start`` or ``--every`` get interpolated times and are not in
    ``looked_at``; `load` gives the tracks as they were written.

    Raises:
        InputError: see `load`.
    """
    keypoints, meta = load(source.path)
    index = keypoints.frame_index
    if not len(index) or (np.diff(index) <= 0).any() or index[0] < 0 or index[-1] >= MAX_FRAMES:
        raise InputError(
            f"{source.path} must have each frame once and in order, counted from 0 to {MAX_FRAMES}"
        )
    spans = keypoints.spans
    here = np.flatnonzero(keypoints.there.rows)
    t, p = spans.frame[here], spans.person[here]
    order = np.argsort(t, kind="stable")  # the frames in order
    here, t, p = here[order], t[order], p[order]
    points = kept(keypoints, "data").rows[here]
    frames = int(index[-1]) + 1
    fps, timestamps = _clock(keypoints, frames)
    return KeypointFile(
        path=source.path,
        format=KEY,
        skeleton=keypoints.skeleton,
        frame_index=index[t],
        keypoints=points,
        frames=frames,
        ids=keypoints.track_ids[p],
        boxes=_whole_boxes(kept(keypoints, "boxes").rows[here], points),
        size=keypoints.size,
        fps=fps,
        timestamps=timestamps,
        looked_at=None if len(index) == frames else index,
        video=_video(meta),
        cuts=keypoints.cuts,
    )


def _video(meta: Mapping[str, Any]) -> Path | None:
    """The video in which the tracks were found, None if they were read from a file."""
    noted, pose2d = meta.get("source"), meta.get("pose2d")
    read_from = pose2d.get("keypoints") if isinstance(pose2d, dict) else None
    return Path(noted) if isinstance(noted, str) and noted and noted != read_from else None


def load(path: Path | str) -> tuple[Keypoints2D, dict[str, Any]]:
    """Load the tracks and the ``meta`` of our own file. Never runs code from the file.

    Raises:
        InputError: the file does not exist, is not ours, is damaged or has another version of the
            format, or an array is missing or does not fit the others.
    """
    path = Path(path)
    with opened_npz(path) as archive, reading(path, "together", verdict="does not fit"):
        found = archive.array("format").item()
        if found not in _MEMBERS:
            raise InputError(f"{path} must have format {' or '.join(_MEMBERS)}, got {found!r:.60}")
        needed, people = _MEMBERS[found], _OF_PEOPLE[found]
        if missing := [name for name in (*needed, *people) if name not in archive.names]:
            raise InputError(f"{path} is not complete: {missing[0]} is missing")
        added = [name for name in _ADDED if name in archive.names]
        arrays = {name: archive.array(name) for name in (*needed, *added)}
        keypoints = _keypoints(arrays, people_of(archive, arrays, people), found)
        if np.isinf(kept(keypoints, "data").rows).any():
            raise InputError(f"{path} must hold finite numbers, got infinite keypoints")
        return keypoints, read_metadata(arrays["meta"].item())


def write(
    path: Path, keypoints: Keypoints2D, meta: Mapping[str, Any], *, overwrite: bool = False
) -> None:
    """Write tracks without loss.

    Args:
        path: the file to write.
        keypoints: tracks in any skeleton.
        meta: their origin, ready for JSON.
        overwrite: replace an existing file.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    skeleton = keypoints.skeleton
    arrays: dict[str, npt.NDArray[Any] | PerPerson] = {
        "format": np.array(FORMAT),
        "data": kept(keypoints, "data"),
        "boxes": kept(keypoints, "boxes"),
        "track_ids": keypoints.track_ids,
        "frame_index": keypoints.frame_index,
        "timestamps": keypoints.timestamps,
        "cuts": keypoints.cuts,
        "fps": np.array(keypoints.fps, dtype=np.float64),
        "size": np.array(keypoints.size, dtype=np.int64),
        "skeleton": np.array(skeleton.name),
        "joint_names": np.array(skeleton.joints),
        "parents": np.array(skeleton.parents, dtype=np.int64),
        "meta": np.array(json.dumps(meta, ensure_ascii=False, allow_nan=False)),
    }
    write_npz(path, arrays, overwrite=overwrite)


def _keypoints(
    arrays: Mapping[str, npt.NDArray[Any]],
    people: Mapping[str, npt.NDArray[Any] | PerPerson],
    format: str,
) -> Keypoints2D:
    if format != FORMAT:
        return keypoints_of(arrays, people)
    parts = (arrays[name].tolist() for name in ("skeleton", "joint_names", "parents"))
    named = {**arrays, "image_size": arrays["size"]}
    return keypoints_of(named, {**people, "keypoints_2d": people["data"]}, skeleton_of(*parts))


def _clock(keypoints: Keypoints2D, frames: int) -> tuple[float, FloatArray]:
    """Rate and times of all frames of the source up to the last one used."""
    index, times = keypoints.frame_index, keypoints.timestamps
    if len(index) == frames:
        return keypoints.fps, times
    fps = keypoints.fps
    if len(index) > 1:
        fps = float((index[-1] - index[0]) / (times[-1] - times[0]))
    every: IntArray = np.arange(frames)
    filled: FloatArray = np.interp(every, index, times)
    before = every < index[0]
    filled[before] = times[0] - (index[0] - every[before]) / fps
    return fps, filled


def _whole_boxes(boxes: FloatArray, points: FloatArray) -> FloatArray:
    """The boxes, with missing ones drawn around the keypoints."""
    out = np.array(boxes)
    for row in np.flatnonzero(~np.isfinite(out).all(axis=1)):
        places = points[row, :, :2]
        out[row] = *np.nanmin(places, axis=0), *np.nanmax(places, axis=0)
    return out
