"""Result of the 2D stage, wherever the keypoints come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mbcli.options import InferOptions
from mbcli.people import columns_of, select_tracks
from mbcli.tracks.repair import MendOptions, mend
from mbcli.types import ByValue, FloatArray, Keypoints2D
from mbcli.version import version
from mbcli.video.lens import NotedLens


@dataclass(frozen=True, eq=False)
class Detection(ByValue):
    """2D keypoint tracks and where they come from.

    Attributes:
        keypoints: tracks in the skeleton of the front end or file.
        source: the video, or the keypoint file without one.
        backend: name of the front end, or of the file's format.
        pose2d: further metadata about it, ready for JSON.
        weights: provenance of each of its weights files.
        mended: what was repaired in the keypoints, ready for JSON.
        warnings: problems with the video or file, one line each.
        damaged: numbers of the frames whose pictures are damaged.
        interpolated: numbers of the frames that were not looked at, whose keypoints are
            interpolated.
        lens: the lens that the pictures' file notes, if any.
        ties: (T, 2, 26) how the background of each picture lies in others, see
            `mbcli.placing.ties`; None if there were no pictures, or nobody asked.
    """

    keypoints: Keypoints2D
    source: str
    backend: str
    pose2d: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[Mapping[str, Any], ...] = ()
    mended: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    damaged: tuple[int, ...] = ()
    interpolated: tuple[int, ...] = ()
    lens: NotedLens | None = None
    ties: FloatArray | None = None

    def meta(self, options: InferOptions, command: str | None) -> dict[str, Any]:
        """Metadata for files computed from these keypoints, ready for JSON."""
        return {
            "version": version(),
            "command": command,
            "source": self.source,
            "options": asdict(options),
            "backend": self.backend,
            "pose2d": dict(self.pose2d),
            "mended": dict(self.mended),
            "weights": list(self.weights),
            "tracks": _track_rows(self.keypoints),
            "cuts": self.keypoints.cuts.tolist(),
            "damaged_frames": list(self.damaged),
            "interpolated_frames": list(self.interpolated),
            "warnings": list(self.warnings),
        }


def chosen_and_mended(
    everybody: Keypoints2D, options: InferOptions
) -> tuple[Keypoints2D, Mapping[str, Any]]:
    """Select and repair people according to the options; also returns what was repaired.

    Raises:
        ConfigError: the selected person was not found.
    """
    columns = columns_of(options.person, everybody)
    alone = columns != list(range(len(everybody.track_ids)))
    chosen = select_tracks(everybody, columns) if alone else everybody
    as_they_come = options.compat is not None
    return mend(
        chosen,
        MendOptions(
            fix_swaps=options.fix_swaps and not as_they_come,
            bridge=options.bridge and not as_they_come,
        ),
    )


def _track_rows(keypoints: Keypoints2D) -> list[dict[str, int]]:
    """Each person's id, number of frames, and first and last position in the result."""
    rows = []
    there = keypoints.there
    for column, number in enumerate(keypoints.track_ids.tolist()):
        frames = np.flatnonzero(there[column])
        first = int(keypoints.spans.first[column])
        rows.append(
            {
                "id": number,
                "frames": len(frames),
                "first": int(frames[0]) + first,
                "last": int(frames[-1]) + first,
            }
        )
    return rows
