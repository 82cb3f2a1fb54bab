"""Time spans labelled with actions; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.types import FloatArray, IntArray


@dataclass(frozen=True)
class ActionSpan:
    """The action of a person, or of two people together, in a time window.

    Attributes:
        start: seconds, start of its first frame.
        end: seconds, end of its last frame.
        frames: its first keypoint row, and the row after its last.
        track_ids: one identity, or two for people acting together.
        labels: names and probabilities, the most probable first.
    """

    start: float
    end: float
    frames: tuple[int, int]
    track_ids: tuple[int, ...]
    labels: tuple[tuple[str, float], ...]


def to_json(spans: Sequence[ActionSpan]) -> list[dict[str, Any]]:
    """Spans as JSON-ready values, seconds rounded to milliseconds."""
    return [
        {
            "start": round(span.start, 3),
            "end": round(span.end, 3),
            "frames": list(span.frames),
            "track_ids": list(span.track_ids),
            "labels": [{"name": name, "probability": round(p, 4)} for name, p in span.labels],
        }
        for span in spans
    ]


def from_json(values: Sequence[dict[str, Any]]) -> list[ActionSpan]:
    """Read the spans written by :func:`to_json`."""
    return [
        ActionSpan(
            start=value["start"],
            end=value["end"],
            frames=(value["frames"][0], value["frames"][1]),
            track_ids=tuple(value["track_ids"]),
            labels=tuple((label["name"], label["probability"]) for label in value["labels"]),
        )
        for value in values
    ]


def frame_labels(
    spans: Sequence[ActionSpan], track_ids: IntArray, frames: int
) -> tuple[npt.NDArray[np.str_], FloatArray]:
    """The action of each person in each frame, for drawing.

    Of the windows that contain a frame, the one with the nearest centre is chosen, both among a
    person's own windows and among those with a partner; of these two, the more probable one.

    Args:
        spans: of :meth:`ActionRecogniser.recognise`.
        track_ids: (P,) identities.
        frames: T.

    Returns:
        (T, P) names, empty where unknown, and (T, P) float32 their probabilities.
    """
    longest = max((len(span.labels[0][0]) for span in spans), default=1)
    names = np.full((frames, len(track_ids)), "", dtype=f"<U{longest}")
    chances = np.zeros(names.shape, dtype=np.float32)
    for size in (1, 2):
        nearest = np.full(names.shape, np.inf)
        own = np.full(names.shape, "", dtype=names.dtype)
        sure = np.zeros(names.shape, dtype=np.float32)
        for span in spans:
            if len(span.track_ids) != size:
                continue
            first, stop = span.frames
            rows = np.arange(max(first, 0), min(stop, frames))
            away = np.abs(rows + 0.5 - (first + stop) / 2)
            for column in np.flatnonzero(np.isin(track_ids, span.track_ids)):
                nearer = away < nearest[rows, column]
                closer = rows[nearer]
                nearest[closer, column] = away[nearer]
                own[closer, column], sure[closer, column] = span.labels[0]
        better = sure > chances
        names[better], chances[better] = own[better], sure[better]
    return names, chances


class FrameLabels:
    """The action of a person in a frame, as of :func:`frame_labels`, computed when asked for.

    Args:
        spans: of :meth:`ActionRecogniser.recognise`.
    """

    def __init__(self, spans: Sequence[ActionSpan]) -> None:
        self._of: dict[int, list[ActionSpan]] = {}
        for span in spans:
            for number in span.track_ids:
                self._of.setdefault(number, []).append(span)

    def of(self, frame: int, track_id: int) -> str:
        """The name of the action; empty where unknown."""
        found = self._of.get(track_id, ())
        here = [span for span in found if span.frames[0] <= frame < span.frames[1]]
        moved = [replace(span, frames=(0, 1)) for span in _nearest(here, frame)]
        return str(frame_labels(moved, np.array([track_id]), 1)[0][0, 0])


def _nearest(spans: Sequence[ActionSpan], frame: int) -> list[ActionSpan]:
    """Of the spans of one person and of those of two, the one whose centre is nearest."""
    chosen = []
    for size in (1, 2):
        some = [span for span in spans if len(span.track_ids) == size]
        away = [abs(frame + 0.5 - sum(span.frames) / 2) for span in some]
        chosen += [some[away.index(min(away))]] if some else []
    return chosen
