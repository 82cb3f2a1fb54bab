"""The user's own 2D keypoint files as sequences.

Every person in a file becomes one or more sequences: stretches of frames in which the person is
visible. Short gaps are missing keypoints; a longer gap ends the sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mbcli.data.datasets.joints import keypoints_in_h36m
from mbcli.data.datasets.runs import SHORTEST
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import InputError
from mbcli.timeline import runs
from mbcli.types import Keypoints2D

LONGEST_GAP = 0.1
"""Longest gap within a sequence, in seconds."""


def read_tracks(
    source: Path, *, files: Sequence[Path], reader: Callable[[Path], Keypoints2D]
) -> SequenceImport:
    """Read keypoint files one by one.

    Args:
        source: the folder that contains them, or the only file.
        files: paths below ``source``, or ``source`` itself.
        reader: returns the tracks in a file, in any skeleton; this floor knows no keypoint formats.
    """
    return SequenceImport(_sequences(source, files, reader), len(files))


def _sequences(
    source: Path, files: Sequence[Path], reader: Callable[[Path], Keypoints2D]
) -> Iterator[Found | Refused]:
    for file in files:
        relative = file.name if file == source else file.relative_to(source).as_posix()
        try:
            tracks = reader(file)
        except InputError as error:
            yield Refused(relative, str(error))
            continue
        for person in range(len(tracks.track_ids)):
            yield from _stretches(relative, tracks, person)


def _stretches(file: str, tracks: Keypoints2D, person: int) -> Iterator[Found | Refused]:
    identity = int(tracks.track_ids[person])
    track = tracks.alone(person)
    there = track.present[:, 0]
    short = 0
    for rows in (slice(*run) for run in runs(there, max(1, round(LONGEST_GAP * tracks.fps)))):
        seen = int(there[rows].sum())
        if seen < max(2.0, SHORTEST * tracks.fps):
            short += seen
            continue
        numbers = track.frame_index[rows]
        yield Found(
            name=f"{file}/{identity}/{numbers[0]}",
            source=f"{file}: person {identity}, frames {numbers[0]}..{numbers[-1]}",
            keypoints=keypoints_in_h36m(track.data[rows, 0], tracks.skeleton),
            metadata={"subject": f"{file}/{identity}", "fps": tracks.fps, "size": tracks.size},
        )
    if short:
        yield Refused(
            f"{file}: person {identity}",
            f"{short} frames in runs of less than {SHORTEST} s",
        )
