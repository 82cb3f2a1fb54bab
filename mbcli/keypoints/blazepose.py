"""MediaPipe's BlazePose landmarks as CSV or JSON (Bazarevsky et al. 2020).

MediaPipe itself writes no files; these are the layouts that people write its 33 landmarks in. A
landmark has ``x`` and ``y`` as fractions of the picture's width and height, ``z`` (not used here)
and ``visibility`` 0..1, taken as the confidence. Names and order are those of MediaPipe's
``PoseLandmark``.

CSV, one row a frame: a column for each coordinate of each landmark, either numbered from 0 or 1
(``x0``, ``x_0``, ``0_x``, ``landmark_0_x``) or named (``nose_x``, ``LEFT_HIP_visibility``,
``right_heel.y``, ``x_nose``). All 33 if numbered; of named ones those lacking are missing.

CSV, one row a frame and landmark: columns ``landmark`` (or ``landmark_id``, ``landmark_index``,
``landmark_name``, ``joint``, ``keypoint``, ``name``, ``id``) with the number from 0 or the name,
and ``x``, ``y``, ``z``, ``visibility``; 33 rows a person and frame.

In both the visibility may be headed ``visibility``, ``vis`` or ``v``, the frame ``frame``,
``frame_idx``, ``frame_index``, ``frame_id``, ``frame_number`` or ``frame_num`` (in the first layout
a row is a frame without it), the time ``timestamp``, ``time``, ``timestamp_ms``, ``time_ms``,
``timestamp_s`` or ``time_s``, and a person ``person``, ``person_id`` or ``track_id``. Other columns
do not matter. An empty cell is missing.

JSON: a list of frames, or an object with the list under ``frames`` and perhaps ``fps``, ``width``
and ``height``. A frame is an object with ``landmarks``, ``pose_landmarks`` or ``poseLandmarks`` and
perhaps a frame number and a time under the names above; or it is that list itself. The landmarks
are 33 objects of ``x``, ``y``, ``z``, ``visibility`` or 33 lists of these numbers, or an object
with such a list under ``landmark``, or, as MediaPipe Tasks have it, a list of such lists, one a
person. Nothing or an empty list is nobody.

Frames count from 0. A time without unit is in milliseconds if it is whole and advances by five or
more a row, else in seconds. Coordinates whose middle value is above 2 are pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints import blazepose_csv, blazepose_json
from mbcli.keypoints.blazepose_rows import LandmarkRows
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import BLAZEPOSE33
from mbcli.types import FloatArray, IntArray

# Nobody is seen as far outside the picture as this, in widths of the picture.
_LARGEST_FRACTION = 2.0
# Whole numbers that advance by as much a row are no seconds.
_MILLISECONDS_STEP = 5.0


def recognise(source: Source) -> bool:
    """Whether the file has columns or objects of BlazePose landmarks."""
    if source.kind == "csv":
        return blazepose_csv.recognise(source.rows)
    return source.kind == "json" and blazepose_json.recognise(source.document)


def read(source: Source) -> KeypointFile:
    """Read the file; a person is there in a frame if any landmark is.

    Raises:
        InputError: the file breaks the rules above.
    """
    path = source.path
    if source.kind == "csv":
        told = blazepose_csv.read(source.rows, path)
    else:
        told = blazepose_json.read(source.document, path)
    index = np.array(told.frame, np.int64)
    points = told.points.copy()
    if np.isinf(points).any():
        where = int(index[np.isinf(points).any((1, 2))][0])
        raise InputError(f"{path} must hold finite numbers, got an infinite one in frame {where}")
    missing = np.asarray(np.isnan(points[..., :2]).any(axis=-1))
    points[missing] = np.nan, np.nan, 0
    points[..., 2] = np.nan_to_num(points[..., 2])  # no visibility where others have it: unseen
    rows = ~missing.all(axis=1)
    relative = bool(rows.any() and np.nanmedian(np.abs(points[rows][..., :2])) < _LARGEST_FRACTION)
    fps, timestamps = told.fps, None
    if told.times is not None:
        seconds = _seconds(told, index, path)
        if fps is None and index[-1] > index[0]:
            fps = float((index[-1] - index[0]) / (seconds[-1] - seconds[0]))
        by_frame = dict(zip(told.frame, seconds.tolist(), strict=True))
        if len(by_frame) == told.frames:
            timestamps = np.array([by_frame[frame] for frame in range(told.frames)])
    return KeypointFile(
        path=path,
        format="blazepose",
        skeleton=BLAZEPOSE33,
        frame_index=index[rows],
        keypoints=points[rows],
        ids=None if told.persons is None else np.array(told.persons, np.int64)[rows],
        frames=told.frames,
        size=told.size,
        fps=fps,
        timestamps=timestamps,
        relative=relative,
        warnings=told.warnings,
    )


def _seconds(told: LandmarkRows, index: IntArray, path: Path) -> FloatArray:
    """(R,) time of each row.

    Raises:
        InputError: times that are none, or do not increase with the frames.
    """
    times = np.array(told.times, np.float64)
    if not np.isfinite(times).all():
        raise InputError(f"{path} must hold finite times, got {times[~np.isfinite(times)][0]}")
    steps, advanced = np.diff(times), np.diff(index)
    if (wrong := (advanced > 0) & (steps <= 0)).any():
        place = int(np.argmax(wrong)) + 1
        raise InputError(
            f"{path} must hold times that increase, got {times[place]:g} after "
            f"{times[place - 1]:g} in frame {index[place]}"
        )
    unit = told.time_unit
    if unit is None:
        whole = bool((times == times.round()).all())
        moved = steps[advanced > 0]
        unit = 1e-3 if whole and moved.size and np.median(moved) >= _MILLISECONDS_STEP else 1.0
    return times * unit
