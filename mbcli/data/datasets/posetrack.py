"""PoseTrack 2018: a folder of annotation files, one JSON file per video.

``images`` lists the video's frames: ``id``, ``file_name`` (``images/val/000342_mpii_test/
000000.jpg``, whose number is the frame), ``vid_id``, ``nframes``, ``is_labeled``. ``annotations``
has one entry per person and frame: ``image_id``, ``track_id``, and ``keypoints``, 17 times x, y in
pixels and 1, or 0 where a keypoint is missing; ears are never annotated. ``categories`` names the
joints, which are those of ``POSETRACK17``. The files do not state picture size or frame rate.

In the training set 30 frames in the middle of a video are annotated, in the validation set also
every fourth frame. Each run of consecutive frames of a person becomes a sequence; a gap ends it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.data.datasets.foreign import read_json
from mbcli.data.datasets.joints import keypoints_in_h36m
from mbcli.data.datasets.runs import SHORTEST, unbroken_runs
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import POSETRACK17

FPS = 30.0  # the most common rate: the files state none

_FRAME = re.compile(r"(\d+)\.[A-Za-z]+$")
_Track = dict[int, list[float]]


def read_posetrack(source: Path, *, fps: float | None = None) -> SequenceImport:
    """Read all annotation files under a folder.

    Args:
        source: the folder, such as ``annotations/train``; subfolders named train or val
            determine the split.
        fps: frames per second of the videos, 30 if not given.

    Raises:
        DataError: there are no files.
        ConfigError: ``fps`` is not positive.
    """
    rate = FPS if fps is None else fps
    if not (np.isfinite(rate) and rate > 0):
        raise ConfigError(f"fps must be a positive number, got {fps}")
    files = sorted(source.rglob("*.json"))
    if not files:
        raise DataError(f"{source} must hold .json files, got none")
    return SequenceImport(_sequences(source, files, rate), len(files))


def _sequences(source: Path, files: list[Path], fps: float) -> Iterator[Found | Refused]:
    for file in files:
        relative = file.relative_to(source).as_posix()
        try:
            tracks, size = _tracks(file)
        except DataError as error:
            yield Refused(relative, str(error))
            continue
        parts = (*source.parts, *file.relative_to(source).parts)
        split = next((name for name in ("train", "val") if name in parts), "")
        metadata = {"fps": fps, "size": size, "split": split}
        for track, frames in sorted(tracks.items()):
            yield from _stretches(relative, track, frames, metadata)


def _stretches(
    file: str, track: int, frames: _Track, metadata: dict[str, Any]
) -> Iterator[Found | Refused]:
    numbers = np.array(sorted(frames))
    points = np.array([frames[number] for number in numbers.tolist()]).reshape(-1, 17, 3)
    short = 0
    for start, end in unbroken_runs(numbers):
        first, last = numbers[start], numbers[end - 1]
        place = f"{file}: person {track}, frames {first}..{last}"
        if end - start < SHORTEST * metadata["fps"]:
            short += end - start
            continue
        seen = points[start:end]
        # PoseTrack marks annotated keypoints with 1; COCO's own files mark visible ones with 2.
        flags = np.concatenate([seen[..., :2], (seen[..., 2:] > 0).astype(float)], axis=-1)
        name = file.removesuffix(".json")
        yield Found(
            name=f"{name}/{track}/{first}",
            source=place,
            keypoints=keypoints_in_h36m(flags, POSETRACK17),
            metadata={**metadata, "subject": f"{name}/{track}"},
        )
    if short:
        yield Refused(
            f"{file}: person {track}",
            f"{short} frames in runs of less than {SHORTEST} s at {metadata['fps']:g} fps",
        )


def _tracks(path: Path) -> tuple[dict[int, _Track], tuple[int, int]]:
    """The keypoints of every person by frame, and the size of the pictures, (0, 0) if unknown.

    Raises:
        DataError: the file breaks the format.
    """
    document = read_json(path)
    try:
        images, annotations = document["images"], document["annotations"]
        for category in document.get("categories", []):
            joints = tuple(category.get("keypoints", POSETRACK17.joints))
            if joints != POSETRACK17.joints:
                raise DataError(f"{path}: keypoints must be those of PoseTrack 2018, got {joints}")
        numbers = {image["id"]: _number(path, image["file_name"]) for image in images}
        first = images[0] if images else {}
        size = (int(first.get("width", 0)), int(first.get("height", 0)))
        tracks: defaultdict[int, _Track] = defaultdict(dict)
        for entry in annotations:
            if "keypoints" not in entry:
                continue  # only the person's box was annotated
            track, number = int(entry["track_id"]), numbers[entry["image_id"]]
            keypoints = [float(value) for value in entry["keypoints"]]
            if len(keypoints) != 51 or not np.isfinite(keypoints).all():
                raise DataError(
                    f"{path}: keypoints must be 51 finite numbers, got {len(keypoints)}"
                )
            if number in tracks[track]:
                raise DataError(
                    f"{path}: person {track} must occur once, got twice in frame {number}"
                )
            tracks[track][number] = keypoints
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path} must hold images and annotations of PoseTrack 2018: "
            f"{type(error).__name__} {error}"
        ) from error
    return dict(tracks), size if min(size) > 0 else (0, 0)


def _number(path: Path, name: str) -> int:
    found = _FRAME.search(name)
    if found is None:
        raise DataError(f"{path}: file_name must end in the frame's number, got {name!r:.60}")
    return int(found[1])
