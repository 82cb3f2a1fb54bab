"""What the JSON formats share: frames from picture names, people one after the other.

Networks give the height of a peak as confidence, which may come out a little above 1, with
whole-body models several times that, or just below 0. Such values are cut to 0..1 and the user is
told; numbers further out are no confidences and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.records import MAX_FRAMES, KeypointFile
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

_LOWEST, _HIGHEST = -1.0, 10.0  # see above
_NUMBERED = re.compile(r"(?P<series>.*?)(?P<number>[0-9]{1,18})(?:\.[A-Za-z][A-Za-z0-9]*)?")
_PIECE = 1000  # rows that lie in memory as objects of their own


def number_frames(
    names: Iterable[str], path: Path, usual: re.Pattern[str]
) -> tuple[dict[str, int], list[str]]:
    """Frame numbers, counted from 0, from the names that a program gave to pictures.

    Args:
        names: of pictures; the last number in each, before the suffix, is that of the frame.
        path: the file that holds them, for the error.
        usual: how the program names the frames of a video. Of other names it cannot be known
            from where they count, so that a warning tells how they were taken; and a single
            picture with such a name is frame 0, whatever its name says.

    Returns:
        name -> number, and warnings.

    Raises:
        InputError: a name without number, or names of several series.
    """
    found: dict[str, int] = {}
    series: dict[str, str] = {}
    odd = ""
    unique = list(dict.fromkeys(names))
    for name in unique:
        if not usual.fullmatch(name):
            odd = odd or name
        match = _NUMBERED.fullmatch(name)
        if match is None:
            if len(unique) > 1:
                raise InputError(
                    f"{path} must name pictures by the numbers of their frames, got {name!r}"
                )
            continue
        found[name] = int(match["number"])
        series.setdefault(match["series"], name)
    if len(series) > 1:
        first, second = list(series.values())[:2]
        raise InputError(
            f"{path} must hold the frames of one video, got pictures of several: "
            f"{first!r} and {second!r}"
        )
    if odd and len(unique) == 1:
        return {odd: 0}, []
    if odd:
        return found, [f"pictures are taken as frames counted from 0: {odd} as frame {found[odd]}"]
    return found, []


class Rows:
    """Collects people in the order of the file and makes a `KeypointFile` of them.

    Args:
        path: the file or folder.
        format: its key in `mbcli.keypoints.FORMATS`.
        skeletons: number of keypoints -> skeleton of the first so many of them; longer ones than
            the skeleton are hands and faces, which nobody lifts.
    """

    def __init__(self, path: Path, format: str, skeletons: Mapping[int, Skeleton]) -> None:
        self._path = path
        self._format = format
        self._skeletons = skeletons
        self._count = 0
        self._frames: list[int] = []
        self._ids: list[int | None] = []
        self._boxes: list[FloatArray | None] = []
        self._pieces: list[FloatArray] = []
        self._pending: list[FloatArray] = []

    def add(
        self,
        frame: int,
        keypoints: FloatArray,
        identity: int | None = None,
        box: FloatArray | None = None,
    ) -> None:
        """One more person.

        Args:
            frame: number of the frame, counted from 0.
            keypoints: (K, 3) x, y, confidence as the file has them.
            identity: who it is, if the file tells.
            box: (4,) x1 y1 x2 y2.

        Raises:
            InputError: a number of keypoints that is no skeleton's, or not that of the people
                before; a frame number beyond all reason.
        """
        count = len(keypoints)
        if count not in self._skeletons:
            choices = ", ".join(f"{n} ({s.name})" for n, s in self._skeletons.items())
            raise InputError(
                f"{self._path} must hold one of these numbers of keypoints a person: {choices}; "
                f"got {count} in frame {frame}"
            )
        if self._frames and count != self._count:
            raise InputError(
                f"{self._path} must hold the same number of keypoints for everybody, got {count} "
                f"in frame {frame} after {self._count}"
            )
        if abs(frame) > MAX_FRAMES:
            raise InputError(
                f"{self._path} must number frames from 0 to {MAX_FRAMES}, got frame {frame}"
            )
        self._count = count
        self._frames.append(frame)
        self._ids.append(identity)
        self._boxes.append(box)
        self._pending.append(keypoints[: len(self._skeletons[count])])
        if len(self._pending) == _PIECE:
            self._pieces.append(np.stack(self._pending))
            self._pending = []

    def file(self, *, frames: int = 0, warnings: Iterable[str] = ()) -> KeypointFile:
        """Everybody who was added.

        Identities count only if everybody has one, boxes likewise. A keypoint of confidence 0 in
        the corner of the picture, (0, 0), is one that was not found.

        Args:
            frames: of the video, as far as the file tells; 0 if it does not.
            warnings: what there is to say besides.

        Raises:
            InputError: nobody was added, or one of the rules of `KeypointFile` is broken.
        """
        if not self._frames:
            raise InputError(f"{self._path} holds no person in any frame")
        if self._pending:
            self._pieces.append(np.stack(self._pending))
            self._pending = []
        points = np.concatenate(self._pieces)  # (N, J, 3)
        told = list(warnings)
        confidence = points[..., 2]
        beyond = (confidence > 1) | (confidence < 0)
        if beyond.any() and confidence.min() >= _LOWEST and confidence.max() <= _HIGHEST:
            told.append(
                f"{beyond.sum()} of {beyond.size} confidences are cut to 0..1, they were within "
                f"{confidence.min():g}..{confidence.max():g}"
            )
            np.clip(confidence, 0, 1, out=confidence)
        points[(points == 0).all(axis=-1)] = np.nan, np.nan, 0
        ids = [identity for identity in self._ids if identity is not None]
        if ids and len(ids) < len(self._ids):
            told.append(
                f"identities are not used: {len(ids)} of {len(self._ids)} poses have one, which "
                "must be all"
            )
        boxes = [box for box in self._boxes if box is not None]
        return KeypointFile(
            path=self._path,
            format=self._format,
            skeleton=self._skeletons[self._count],
            frame_index=np.array(self._frames, dtype=np.int64),
            keypoints=points,
            frames=max(frames, max(self._frames) + 1),
            ids=np.array(ids, dtype=np.int64) if len(ids) == len(self._ids) else None,
            boxes=np.stack(boxes) if len(boxes) == len(self._boxes) else None,
            warnings=tuple(told),
        )
