"""Common part of the JSON formats: people in a row, each a list of keypoints."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.gather import gathered
from mbcli.keypoints.layouts import BODY, Layout, layout_of
from mbcli.keypoints.records import KeypointFile
from mbcli.types import FloatArray

_PIECE = 1000  # rows that are kept as single objects until they are packed


class Rows:
    """Collect people in the order of the file and make a `KeypointFile` of them.

    Args:
        path: the file or folder.
        format: its key in `mbcli.keypoints.FORMATS`.
        layout: positions of the joints in a list, if the file names them; None derives them from
            the list's length.
    """

    def __init__(self, path: Path, format: str, layout: Layout | None = None) -> None:
        self._path = path
        self._format = format
        self._layout = layout
        self._frames: list[int] = []
        self._ids: list[int | str | None] = []
        self._boxes: list[FloatArray | None] = []
        self._pieces: list[FloatArray] = []
        self._pending: list[FloatArray] = []
        self._count = 0
        self._empty = 0

    def add(
        self,
        frame: int,
        keypoints: FloatArray,
        identity: int | str | None = None,
        box: FloatArray | None = None,
    ) -> None:
        """Add a person; one without any keypoint is left out.

        Args:
            frame: number of the frame.
            keypoints: (K, 3) x, y, confidence as in the file.
            identity: the identity, if the file has one.
            box: (4,) x1 y1 x2 y2.

        Raises:
            InputError: the number of keypoints differs from that of earlier people.
        """
        if (np.nan_to_num(keypoints[:, :2]) == 0).all():
            self._empty += 1
            return
        if self._count and len(keypoints) != self._count:
            raise InputError(
                f"{self._path} must hold the same number of keypoints for everybody, got "
                f"{len(keypoints)} in frame {frame} after {self._count}"
            )
        self._count = len(keypoints)
        self._frames.append(frame)
        self._ids.append(identity)
        self._boxes.append(box)
        self._pending.append(keypoints[:BODY])
        if len(self._pending) == _PIECE:
            self._pieces.append(np.stack(self._pending))
            self._pending = []

    def file(self, *, notes: Iterable[str] = (), **metadata: Any) -> KeypointFile:
        """The file with everybody who was added; boxes are used only if everybody has one.

        Args:
            notes: notes, one line each.
            metadata: further arguments of `gathered`.

        Raises:
            InputError: nobody was added, no layout has this number of keypoints, or `gathered`
                refuses the content.
        """
        if not self._frames:
            raise InputError(f"{self._path} holds no person in any frame")
        if self._pending:
            self._pieces.append(np.stack(self._pending))
            self._pending = []
        points = np.concatenate(self._pieces)  # (N, K, 3)
        layout = self._layout
        if layout is None:
            layout = layout_of(points, self._count, str(self._path))
        if layout.count != self._count:
            raise InputError(
                f"{self._path} must hold {layout.count} keypoints a person ({layout.skeleton.name})"
                f", got {self._count} in frame {self._frames[0]}"
            )
        boxes = [box for box in self._boxes if box is not None]
        remarks = [*notes]
        if self._empty:
            remarks.append(f"{self._empty} people without any keypoint are left out")
        return gathered(
            self._path,
            self._format,
            layout.skeleton,
            self._frames,
            points[:, list(layout.places)],
            ids=self._ids,
            boxes=np.stack(boxes) if len(boxes) == len(self._boxes) else None,
            notes=remarks,
            **metadata,
        )
