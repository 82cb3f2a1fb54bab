"""Alignment of a keypoint file's frames with those of its video.

Custom formats number frames from 0 or from 1, or not at all. If there is a video, the names of its
pictures, its times, or its last frame decide.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

import numpy as np

from mbcli.keypoints.records import KeypointFile
from mbcli.types import FloatArray, IntArray
from mbcli.video import VideoInfo
from mbcli.video.images import IMAGE_SUFFIXES, files_with_suffix

# Of a frame: a time further than this from every frame of the video belongs to another video.
_NEAR = 0.6


def pictures_of(info: VideoInfo) -> list[str]:
    """Names of a folder's pictures without suffix, in order; empty for other sources."""
    if info.kind != "folder":
        return []
    return [path.stem for path in files_with_suffix(info.path, IMAGE_SUFFIXES)]


def counted(file: KeypointFile) -> KeypointFile:
    """The file with frames numbered from 0, in case it may count from 1."""
    if file.counts_from is not None or file.frame_index[0] != 1:
        return file
    note = "frames are taken as counted from 1, since nobody is in frame 0"
    return _renumbered(file, file.frame_index - 1, note, shift=1)


def aligned(
    file: KeypointFile, chosen: FloatArray, pictures: list[str], *, ends: bool
) -> KeypointFile:
    """The file with the video's frame numbers.

    Args:
        file: the keypoint file.
        chosen: (T, 2) number and seconds of the video's frames.
        pictures: names of the video's pictures without suffix, if it is a folder.
        ends: whether the last of these frames is the video's last.
    """
    if file.pictures and pictures:
        frames = {number: PurePath(name).stem for name, number in file.pictures.items()}
        stems = {stem: number for number, stem in enumerate(pictures)}
        if {*frames.values()} <= stems.keys():
            index = np.array([stems[frames[n]] for n in file.frame_index.tolist()], np.int64)
            return _renumbered(file, index, "")
    if not file.numbered and file.timestamps is not None and len(chosen) > 1:
        times = file.timestamps[file.frame_index]
        nearest = np.abs(chosen[:, 1] - times[:, None]).argmin(axis=1)
        off = np.abs(chosen[nearest, 1] - times)
        numbers = chosen[nearest, 0].astype(np.int64)
        once = len(np.unique(numbers)) == len(np.unique(file.frame_index))
        if once and off.max() < _NEAR * float(np.median(np.diff(chosen[:, 1]))):
            return _renumbered(file, numbers, "")
    if file.counts_from is not None or file.frame_index[0] == 0:
        return file
    last, end = int(file.frame_index[-1]), int(chosen[-1, 0])
    if ends and last == end + 1:
        note = f"frames are taken as counted from 1, since the video's last is {end} from 0"
        return _renumbered(file, file.frame_index - 1, note, shift=1)
    return file if ends and last == end else counted(file)


def _renumbered(file: KeypointFile, index: IntArray, note: str, shift: int = 0) -> KeypointFile:
    order = np.argsort(index, kind="stable")
    times = file.timestamps if shift else None
    return replace(
        file,
        frame_index=index[order],
        keypoints=file.keypoints[order],
        ids=None if file.ids is None else file.ids[order],
        boxes=None if file.boxes is None else file.boxes[order],
        frames=file.frames - shift if shift else int(index.max()) + 1,
        timestamps=None if times is None else times[shift:],
        counts_from=0,
        warnings=(*file.warnings, note) if note else file.warnings,
    )
