"""2D keypoint tracks from a keypoint file, with or without the video that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from mbcli.bounds import MAX_SIDE, SPARSE_FRAMES
from mbcli.errors import ConfigError, InputError, NobodyFoundError
from mbcli.keypoints import FORMATS
from mbcli.keypoints.records import KeypointFile
from mbcli.options import InferOptions
from mbcli.report import Stopwatch
from mbcli.storage.remote import origin
from mbcli.timeline import usual_rate
from mbcli.tracks.alignment import aligned, counted, pictures_of
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.gather import Sightings, gathered
from mbcli.tracks.joining import build_keypoints
from mbcli.tracks.tracker import Tracker
from mbcli.types import FloatArray, FramePoses, IntArray, Keypoints2D
from mbcli.video import VideoReader

Value = TypeVar("Value", float, tuple[int, int])

# How far a keypoint may lie outside the picture, in picture sizes. A network may place a hidden
# foot a whole body below the picture; further out, the unit or the picture size is wrong.
_OUTSIDE = 3.0
_STRAY = 0.05  # where more keypoints are, the picture has another size
_AT_ONCE = 65_536  # poses, so that what is computed from them takes little memory


@dataclass(frozen=True, eq=False)
class _Timeline:
    """The frames of the result.

    Attributes:
        index: (T,) their numbers in the video.
        times: (T,) seconds.
        fps: their usual rate, see `mbcli.timeline`.
        size: (width, height) of the pictures in pixels.
    """

    index: IntArray
    times: FloatArray
    fps: float
    size: tuple[int, int]


def detect_in_file(
    file: KeypointFile,
    options: InferOptions,
    reader: VideoReader | None = None,
    watch: Stopwatch | None = None,
) -> Detection:
    """Convert a keypoint file to the tracks of the selected people.

    Args:
        file: the keypoint file.
        options: the excerpt, the people, and metadata missing from the file.
        reader: the video; if given, it determines size, rate and number of frames.
        watch: measures the time taken.

    Raises:
        InputError: keypoints do not fit the picture or the video.
        ConfigError: size or rate are missing, or given with different values.
    """
    watch = Stopwatch() if watch is None else watch
    with watch.stage("decode"):
        if reader is None:
            file = counted(file)
            timeline = _timeline(file, options)
        else:
            file, timeline = _of_video(file, options, reader)
        file = _within_reach(file, timeline.size)
    with watch.stage("track"):
        everybody = _tracked(file, timeline)
    if not len(everybody.track_ids):
        raise NobodyFoundError(f"{file.path} contains nobody in the selected frames")
    with watch.stage("mend"):
        keypoints, mended = chosen_and_mended(everybody, options)
    return Detection(
        keypoints=keypoints,
        source=origin(_source(file, reader)),
        backend=file.format,
        pose2d={"keypoints": origin(file.path), "format": FORMATS[file.format].title},
        mended=mended,
        warnings=(*file.warnings, *(() if reader is None else reader.warnings)),
        lens=None if reader is None else reader.info.lens,
    )


def _source(file: KeypointFile, reader: VideoReader | None) -> Path:
    """The video, also of a result that is lifted again; the keypoint file if there is none."""
    if reader is not None:
        return reader.info.path
    return file.path if file.video is None else file.video


def _of_video(
    file: KeypointFile, options: InferOptions, reader: VideoReader
) -> tuple[KeypointFile, _Timeline]:
    """The file in the video's frames, and these frames; file and options must agree with it."""
    size = reader.info.size
    if file.projected:
        raise InputError(
            f"{file.path} must hold keypoints of the video {reader.info.path}, got positions in "
            "space: lift them without the video"
        )
    for given, by in ((file.size, str(file.path)), (options.image_size, "--image-size")):
        if given is not None and tuple(given) != size:
            raise InputError(
                f"{by} must fit the video {reader.info.path}, which is {size[0]}x{size[1]}, "
                f"got {given[0]}x{given[1]}"
            )
    chosen = np.array(list(reader.times()))  # (T, 2)
    last = int(chosen[-1, 0]) + options.every - 1
    pictures = pictures_of(reader.info)
    file = aligned(file, chosen, pictures, ends=options.end is None and options.every == 1)
    if options.end is None and file.frame_index[-1] > last:
        raise InputError(
            f"{file.path} must fit the video {reader.info.path}, whose last frame is {last}, "
            f"got keypoints of frame {file.frame_index[-1]}"
        )
    index, times = chosen[:, 0].astype(np.int64), chosen[:, 1]
    if file.looked_at is not None:
        known = np.isin(index, file.looked_at)
        if not known.any():
            raise NobodyFoundError(f"{file.path} contains nobody in the selected frames")
        index, times = index[known], times[known]
    return file, _Timeline(index, times, usual_rate(times, reader.fps), size)


def _timeline(file: KeypointFile, options: InferOptions) -> _Timeline:
    """The frames of a file without a video."""
    fps = _agreed(file, "the frame rate", file.fps, options.fps, "--fps", file.untimed)
    if file.projected and options.image_size not in (None, file.size):
        width, height = file.size or (0, 0)
        raise ConfigError(
            f"--image-size must be left out for {file.path}: it holds positions in space, which "
            f"are projected into a picture of {width}x{height}"
        )
    size = _agreed(file, "the image size", file.size, options.image_size, "--image-size")
    if max(size) > MAX_SIDE:
        raise InputError(
            f"{file.path} must have pictures of at most {MAX_SIDE} pixels per side, got "
            f"{size[0]}x{size[1]}"
        )
    times = np.arange(file.frames) / fps if file.timestamps is None else file.timestamps
    seen = range(file.frames) if file.looked_at is None else file.looked_at.tolist()
    index = np.array(list(options.excerpt.of(seen, lambda frame: float(times[frame]))))
    if not len(index):
        raise InputError(f"{file.path} has no frame {options.excerpt}")
    if len(index) > SPARSE_FRAMES[0] + SPARSE_FRAMES[1] * len(file.frame_index):
        raise InputError(
            f"{file.path} must have contiguous frames, got {len(file.frame_index)} poses "
            f"in frames {file.frame_index[0]} to {file.frame_index[-1]}: choose some of them with "
            "--start and --end"
        )
    return _Timeline(index, times[index], usual_rate(times[index], fps / options.every), size)


def _agreed(
    file: KeypointFile,
    what: str,
    stated: Value | None,
    given: Value | None,
    option: str,
    unusable: str = "",
) -> Value:
    """The value stated by the file or given by the user; if both, they must agree.

    ``unusable`` is the reason why the file's value is not used.
    """
    if stated is not None and given is not None and not np.allclose(stated, given, rtol=0.01):
        raise ConfigError(f"{option} must equal {what} in {file.path}, {stated}, got {given}")
    agreed = given if stated is None else stated
    if agreed is None:
        why = f" ({unusable})" if unusable else ""
        raise ConfigError(f"{file.path} lacks {what}{why}: add {option}, or name its video")
    return agreed


def _in_pixels(
    file: KeypointFile, timeline: _Timeline
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """The poses with any keypoint in the frames of the timeline.

    Returns:
        Keypoints (N, J, 3) and boxes (N, 4) in pixels; for each pose its row in the file, and the
        place of its frame in the timeline.
    """
    seen = np.asarray(np.isfinite(file.keypoints[..., :2]).all(axis=-1).any(axis=-1))  # (N,)
    place = np.searchsorted(timeline.index, file.frame_index)
    inside = np.minimum(place, len(timeline.index) - 1)
    rows = np.flatnonzero(seen & (timeline.index[inside] == file.frame_index))
    points = file.keypoints if len(rows) == len(seen) else file.keypoints[rows]
    boxes = None if file.boxes is None else file.boxes[rows]
    if file.relative:
        points = points * np.array([*timeline.size, 1.0])
        boxes = None if boxes is None else boxes * np.tile(timeline.size, 2)
    if boxes is None:
        boxes = np.concatenate(
            [reach.reduce(points[..., :2], axis=1) for reach in (np.fmin, np.fmax)], axis=1
        )
    return points, boxes, rows, place[rows]


def _within_reach(file: KeypointFile, size: tuple[int, int]) -> KeypointFile:
    """The file without keypoints far outside a picture of this size.

    Raises:
        InputError: there are so many of them that the picture is another one.
    """
    scale = np.array(size if file.relative else (1, 1))
    middle, reach = np.array(size) / 2, max(size) * (_OUTSIDE + 0.5)
    outside = np.zeros(file.keypoints.shape[:2], np.bool_)
    for start in range(0, len(outside), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        with np.errstate(invalid="ignore"):
            away = np.abs(file.keypoints[part, :, :2] * scale - middle)
        outside[part] = (away > reach).any(axis=-1)  # (N, J)
    if not outside.any():
        return file
    row, joint = np.argwhere(outside)[0]
    x, y = file.keypoints[row, joint, :2] * scale
    first = f"{file.skeleton.joints[joint]} at ({x:g}, {y:g}) in frame {file.frame_index[row]}"
    if outside.sum() > _STRAY * np.isfinite(file.keypoints[..., 0]).sum():
        raise InputError(
            f"{file.path} must hold keypoints of a picture of {size[0]}x{size[1]}, got {first}"
        )
    keypoints = file.keypoints.copy()
    keypoints[outside] = np.nan, np.nan, 0
    note = f"{outside.sum()} keypoints far outside the picture are left out, the first is {first}"
    return replace(file, keypoints=keypoints, warnings=(*file.warnings, note))


def _tracked(file: KeypointFile, timeline: _Timeline) -> Keypoints2D:
    """Everybody's tracks: by the identities of the file, or else by a tracker."""
    points, boxes, rows, place = _in_pixels(file, timeline)
    known = None
    if file.ids is None:
        ids = _followed(timeline, points, boxes, place)
    else:
        known, ids = np.unique(file.ids[rows], return_inverse=True)
    people = Sightings(timeline.times, timeline.index, place, ids, boxes, points)
    skeleton, fps, size = file.skeleton, timeline.fps, timeline.size
    if known is None:
        return build_keypoints(people, skeleton=skeleton, fps=fps, size=size)
    return gathered(
        people, ids, track_ids=known, skeleton=skeleton, fps=fps, size=size, cuts=file.cuts
    )


def _followed(
    timeline: _Timeline, points: FloatArray, boxes: FloatArray, place: IntArray
) -> IntArray:
    """(N,) the identities that a tracker gives to poses in order of time."""
    tracker = Tracker(timeline.fps)
    ends = np.searchsorted(place, np.arange(len(timeline.index) + 1))
    poses = (
        FramePoses(int(index), float(time), boxes[start:stop], points[start:stop])
        for index, time, (start, stop) in zip(
            timeline.index, timeline.times, pairwise(ends), strict=True
        )
    )
    return np.concatenate([np.zeros(0, np.int64), *map(tracker.update, poses)])
