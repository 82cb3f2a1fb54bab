"""Who is who in tracks: right or not, and the field's measures of tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from mbcli.pose2d.overlap import box_iou
from mbcli.types import BoolArray, FloatArray, FramePoses, Keypoints2D

_SAME = 0.3  # IoU from which a box is a person's; boxes of keypoints leave out hair and toes
_APART = 0.1  # IoU of the two people up to which it is clear whose box is whose
_FEWEST = 4  # such frames that must be there before and after
_MOST = 0.5  # of them in which a person must be seen

Verdict = Literal["right", "exchanged", "lost"]


@dataclass(frozen=True)
class Score:
    """Of one clip.

    Attributes:
        verdict: "lost" if the 2D stage has not seen both people in half of the frames, four or
            more, in which they are apart, both before and after they meet; "right" if then each
            has a track in most of these sightings, the same one before and after; else
            "exchanged".
        hota: HOTA, the mean over its thresholds (Luiten et al. 2021).
        assa: its part that measures identity.
        idf1: IDF1 (Ristani et al. 2016).
    """

    verdict: Verdict
    hota: float
    assa: float
    idf1: float


def score(
    tracks: Keypoints2D, seen: Sequence[FramePoses], boxes: FloatArray, meeting: int
) -> Score:
    """Compare tracks with where people were.

    Args:
        tracks: of all frames of a clip.
        seen: what the 2D stage has seen in these frames.
        boxes: (N, P, 4) x1 y1 x2 y2 of each person.
        meeting: frame that divides before from after.
    """
    columns = np.asarray(tracks.boxes)
    there = np.isfinite(columns[..., 0])
    alike = np.zeros((len(boxes), boxes.shape[1], columns.shape[1]))
    for frame, row in enumerate(there):
        alike[frame][:, row] = _overlaps(boxes[frame], columns[frame, row])
    found = [_overlaps(one, poses.boxes) for one, poses in zip(boxes, seen, strict=True)]
    apart = np.array([box_iou(*pair) <= _APART for pair in boxes])
    verdict = _verdict(found, [*alike], apart, meeting)
    return Score(verdict, *_published(alike, there))


def _overlaps(people: FloatArray, boxes: FloatArray) -> FloatArray:
    """(P, B) IoU of people and boxes."""
    return np.array([[box_iou(one, box) for box in boxes] for one in people]).reshape(
        len(people), len(boxes)
    )


def _verdict(
    found: Sequence[FloatArray], alike: Sequence[FloatArray], apart: BoolArray, meeting: int
) -> Verdict:
    sides = []
    for side in (slice(None, meeting), slice(meeting, None)):
        clear = np.flatnonzero(apart[side]) + (side.start or 0)
        if len(clear) < _FEWEST:
            return "lost"
        sightings = np.sum([_matches(found[frame]).sum(axis=1) for frame in clear], axis=0)
        if sightings.min() < _MOST * len(clear):
            return "lost"
        sides.append((sightings, np.sum([_matches(alike[frame]) for frame in clear], axis=0)))
    columns = [votes.argmax(axis=1).tolist() for _, votes in sides]
    followed = all((votes.max(axis=1) > _MOST * times).all() for times, votes in sides)
    kept = columns[0] == columns[1] and len(set(columns[0])) == len(columns[0])
    return "right" if followed and kept else "exchanged"


def _matches(alike: FloatArray) -> BoolArray:
    """(P, B) which box is whose, by the best assignment of one frame."""
    chosen = np.zeros(alike.shape, bool)
    chosen[linear_sum_assignment(-alike)] = True
    return chosen & (alike >= _SAME)


def _published(alike: FloatArray, there: BoolArray) -> tuple[float, float, float]:
    """HOTA, AssA and IDF1 by TrackEval."""
    from trackeval.metrics import HOTA, Identity

    frames, people, _ = alike.shape
    columns = np.flatnonzero(there.any(axis=0))
    number = {column: place for place, column in enumerate(columns)}
    data = {
        "num_gt_dets": frames * people,
        "num_tracker_dets": int(there.sum()),
        "num_gt_ids": people,
        "num_tracker_ids": len(columns),
        "num_timesteps": frames,
        "gt_ids": [np.arange(people)] * frames,
        "tracker_ids": [
            np.array([number[column] for column in np.flatnonzero(row)], int) for row in there
        ],
        "similarity_scores": [one[:, row] for one, row in zip(alike, there, strict=True)],
    }
    hota = HOTA().eval_sequence(data)
    identity = Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    return float(hota["HOTA"].mean()), float(hota["AssA"].mean()), float(identity["IDF1"])
