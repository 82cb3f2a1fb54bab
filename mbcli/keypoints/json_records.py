"""2D keypoints as lists of JSON records, as in the results of COCO and AlphaPose.

Used by `mbcli keypoints` and by the export of motions.
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
from mbcli.values import kept

_AT_ONCE = 16_384  # rows converted together


@dataclass(frozen=True)
class Person:
    """One person in one frame, ready for JSON.

    Attributes:
        frame: number in the source, counted from 0.
        identity: number of the track.
        flat: x, y, confidence of each keypoint; 0, 0, 0 if missing.
        score: mean confidence of the keypoints that are present.
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
    """Iterate over everybody who is present, frame by frame.

    Args:
        keypoints: tracks.
        skeleton: the skeleton to convert them to.
        format: name of the format, for the error.
        partial: joints that cannot be derived are missing, rather than an error.

    Raises:
        ConfigError: the skeleton cannot be derived from that of the tracks.
    """
    lacking = underivable(keypoints.skeleton, skeleton)
    if lacking and not partial:
        raise ConfigError(
            f"{format} files hold {skeleton.name}, but {keypoints.skeleton.name} gives no "
            f"{', '.join(lacking)}: write .npz instead"
        )
    spans = keypoints.spans
    values, around = kept(keypoints, "data").rows, kept(keypoints, "boxes").rows
    frame, who = spans.frame, spans.person
    order = np.argsort(frame, kind="stable")  # frame by frame, and in each by column
    for start in range(0, len(order), _AT_ONCE):
        rows = order[start : start + _AT_ONCE]
        data = convert(values[rows], keypoints.skeleton, skeleton, partial=partial)
        found = np.asarray(np.isfinite(data[..., :2]).all(axis=-1))  # (N, J)
        for place in np.flatnonzero(found.any(axis=-1)).tolist():
            row, there = rows[place], found[place]
            box = around[row]
            yield Person(
                frame=int(keypoints.frame_index[frame[row]]),
                identity=int(keypoints.track_ids[who[row]]),
                flat=_shortest(np.where(there[:, None], data[place], np.float32(0))),
                score=round(float(data[place][there, 2].mean()), 6),
                box=_extent(box) if np.isfinite(box).all() else None,
            )


def coco_records(keypoints: Keypoints2D, *, partial: bool = False) -> Iterator[dict[str, Any]]:
    """Tracks as COCO keypoint results; other skeletons become COCO-17.

    The records have ``bbox``, ``track_id``, 0, 0, 0 for a missing keypoint, and the mean confidence
    of the others as ``score``. ``image_id`` is the frame, counted from 0. They have no place for
    the frame rate, the size of the pictures, or frames without people.

    Args:
        keypoints: tracks in any skeleton.
        partial: joints that cannot be derived are missing, rather than an error.

    Raises:
        ConfigError: COCO-17 cannot be derived from the skeleton, and ``partial`` is off.
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
    """Write a JSON list, one record per line; the file appears only when it is complete.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    with (
        written_whole(path, overwrite=overwrite) as temporary,
        temporary.open("x", encoding="utf-8", newline="\n") as stream,
    ):
        print_records(stream, records)


def print_records(stream: IO[str], records: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON list into an open file, one record per line."""
    lines = (json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records)
    stream.write("[")
    for number, line in enumerate(lines):
        stream.write(",\n" if number else "\n")
        stream.write(line)
    stream.write("\n]\n")


def _shortest(values: FloatArray) -> list[float]:
    """Numbers with as few digits as identify the float32."""
    return [float(text) for text in values.astype(np.float32).ravel().astype(str)]


def _extent(box: FloatArray) -> list[float]:
    """Convert x1 y1 x2 y2 to x, y, width, height."""
    return [round(float(value), 3) for value in (box[0], box[1], box[2] - box[0], box[3] - box[1])]
