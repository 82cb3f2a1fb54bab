"""Who is who in tracks: right or not, and the field's measures of tracking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from mbcli.pose2d.overlap import box_iou
from mbcli.types import FloatArray, IntArray, Keypoints2D

_SAME = 0.3  # IoU from which a track's box is a person's; the tracks' boxes leave out hair and toes
_MOST = 0.5  # of the frames in which people are apart that their track must have


@dataclass(frozen=True)
class Score:
    """Of one clip.

    Attributes:
        right: both people have the same track before and after, and not each other's.
        hota: HOTA, the mean over its thresholds (Luiten et al. 2021).
        assa: its part that measures identity.
        idf1: IDF1 (Ristani et al. 2016).
    """

    right: bool
    hota: float
    assa: float
    idf1: float


def score(tracks: Keypoints2D, boxes: FloatArray, meeting: int) -> Score:
    """Compare tracks with where people were.

    Args:
        tracks: of all frames of a clip.
        boxes: (N, P, 4) x1 y1 x2 y2 of each person.
        meeting: frame that divides before from after.
    """
    seen = np.asarray(tracks.boxes)
    there = np.isfinite(seen[..., 0])
    alike = np.zeros((len(boxes), boxes.shape[1], seen.shape[1]))
    for frame, who, column in zip(*np.nonzero(np.ones_like(alike)), strict=True):
        if there[frame, column]:
            alike[frame, who, column] = box_iou(boxes[frame, who], seen[frame, column])
    return Score(_right(alike, boxes, meeting), *_published(alike, there))


def _right(alike: FloatArray, boxes: FloatArray, meeting: int) -> bool:
    apart = np.array([box_iou(*pair) == 0 for pair in boxes])
    sides = []
    for side in (slice(None, meeting), slice(meeting, None)):
        clear = np.flatnonzero(apart[side]) + (side.start or 0)
        votes = np.zeros(alike.shape[1:])
        for frame in clear:
            for who, column in zip(*linear_sum_assignment(-alike[frame]), strict=True):
                votes[who, column] += alike[frame, who, column] >= _SAME
        if not votes.size or (votes.max(axis=1) < _MOST * len(clear)).any():
            return False
        sides.append(votes.argmax(axis=1))
    before, after = sides
    return len(set(before.tolist())) == len(before) and bool((before == after).all())


def _published(alike: FloatArray, there: IntArray) -> tuple[float, float, float]:
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
