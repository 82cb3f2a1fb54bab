"""2D keypoints as lists of JSON records: COCO's results, and what AlphaPose's share with them.

The rooms that read keypoint files and that export motions both write these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from mbcli.conversion import convert, underivable
from mbcli.errors import ConfigError
from mbcli.skeleton import COCO17, Skeleton
from mbcli.storage.output import written_whole
from mbcli.types import FloatArray, Keypoints2D


@dataclass(frozen=True)
class Person:
    """One person in one frame, ready for JSON.

    Attributes:
        frame: number in the source, counted from 0.
        identity: number of the track.
        flat: x, y, confidence of each keypoint; 0, 0, 0 if missing.
        score: mean confidence of the keypoints that are there.
        box: x, y, width, height in pixels, if there is one.
    """

    frame: int
    identity: int
    flat: list[float]
    score: float
    box: list[float] | None


def people(
    keypoints: Keypoints2D, skeleton: Skeleton, format: str, *, partial: bool = False
) -> Iterator[Person]:
    """Everybody who is there, frame by frame.

    Args:
        keypoints: tracks.
        skeleton: in which to give them.
        format: what is to be written, for the error.
        partial: keypoints that the tracks do not give are missing instead of an error.

    Raises:
        ConfigError: the skeleton of the tracks does not give this one.
    """
    lacking = underivable(keypoints.skeleton, skeleton)
    if lacking and not partial:
        raise ConfigError(
            f"{format} files hold {skeleton.name}, but {keypoints.skeleton.name} gives no "
            f"{', '.join(lacking)}: write .npz instead"
        )
    data = convert(keypoints.data, keypoints.skeleton, skeleton, partial=partial)
    found = np.asarray(np.isfinite(data[..., :2]).all(axis=-1))  # (T, P, J)
    for t, p in np.argwhere(found.any(axis=-1)).tolist():
        points = np.where(found[t, p, :, None], data[t, p], np.float32(0))
        box = keypoints.boxes[t, p]
        yield Person(
            frame=int(keypoints.frame_index[t]),
            identity=int(keypoints.track_ids[p]),
            flat=_shortest(points),
            score=round(float(data[t, p][found[t, p], 2].mean()), 6),
            box=_extent(box) if np.isfinite(box).all() else None,
        )


def coco_records(keypoints: Keypoints2D, *, partial: bool = False) -> Iterator[dict[str, Any]]:
    """Tracks as COCO keypoint results; other skeletons become COCO-17.

    The records have ``bbox`` and ``track_id``, 0, 0, 0 for a missing keypoint, and as ``score``
    the mean confidence of the others. ``image_id`` is the frame, counted from 0. The frame rate,
    the size of the picture and frames without people have no place in them.

    Args:
        keypoints: tracks in any skeleton.
        partial: keypoints that the tracks do not give are missing instead of an error.

    Raises:
        ConfigError: a skeleton that gives no COCO-17, and ``partial`` is off.
    """
    for person in people(keypoints, COCO17, "coco", partial=partial):
        record = {
            "image_id": person.frame,
            "category_id": 1,
            "keypoints": person.flat,
            "score": person.score,
            "track_id": person.identity,
        }
        if person.box is not None:
            record["bbox"] = person.box
        yield record


def write_records(path: Path, records: Iterable[Mapping[str, Any]], *, overwrite: bool) -> None:
    """Write a JSON list, one record a line; a reader finds all of it or nothing.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    with (
        written_whole(path, overwrite=overwrite) as temporary,
        temporary.open("x", encoding="utf-8", newline="\n") as stream,
    ):
        print_records(stream, records)


def print_records(stream: IO[str], records: Iterable[Mapping[str, Any]]) -> None:
    """The same into an open file."""
    lines = (json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records)
    stream.write("[")
    for number, line in enumerate(lines):
        stream.write(",\n" if number else "\n")
        stream.write(line)
    stream.write("\n]\n")


def _shortest(values: FloatArray) -> list[float]:
    """Numbers with just the digits that give the same float32 again."""
    return [float(text) for text in values.astype(np.float32).ravel().astype(str)]


def _extent(box: FloatArray) -> list[float]:
    """x1 y1 x2 y2 as x, y, width, height."""
    return [round(float(value), 3) for value in (box[0], box[1], box[2] - box[0], box[3] - box[1])]
