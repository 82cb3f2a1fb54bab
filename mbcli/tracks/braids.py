"""Two tracks that take turns with one person.

Where one person hides another and a single one is seen, a tracker may give them now to one track
and now to the other. From then on both tracks together are one person, whom one of them must keep;
whoever was hidden comes back as a track of their own, which `mbcli.tracks.joining` joins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.tracks.pieces import Piece

_TURNS = 4  # changes from one track to the other; two people who part change once
# Body lengths from the last box of one track to the next box of the other, in the mean. People who
# walk make 0.04 from frame to frame, at 30 a second; boxes of people who hide each other jump.
_NEAR = 0.3


def unbraided(tracks: Sequence[Piece]) -> list[Piece]:
    """The tracks, with one in place of two from where these are one person."""
    tracks = sorted(tracks, key=lambda track: float(track.times[0]))
    for i in range(len(tracks)):
        for j in range(i + 1, len(tracks)):
            if not (len(tracks[i].times) and len(tracks[j].times)):
                continue
            if tracks[j].times[0] > tracks[i].times[-1]:
                break
            start = _shared_from(tracks[i], tracks[j])
            if start is not None:
                (first, one), (second, other) = (tracks[k].parted(start) for k in (i, j))
                tracks[i], tracks[j] = first.then(one.merged(other)), second
    return [track for track in tracks if len(track.times)]


def _shared_from(first: Piece, second: Piece) -> float | None:
    """Seconds from which two tracks are one person; None if they are not."""
    together = np.intersect1d(first.times, second.times)
    last = float(together[-1]) if len(together) else -np.inf
    ours, theirs = (track.times > last for track in (first, second))
    if not ours.any() or not theirs.any():
        return None
    times = np.concatenate([first.times[ours], second.times[theirs]])
    boxes = np.concatenate([first.boxes[ours], second.boxes[theirs]])
    order = np.argsort(times)
    whose = np.repeat([0, 1], [ours.sum(), theirs.sum()])[order]
    turns = np.diff(whose) != 0
    if np.count_nonzero(turns) < _TURNS:
        return None
    corners = boxes[order].reshape(-1, 2, 2)
    size = float(np.median((corners[:, 1] - corners[:, 0]).max(axis=-1)))
    steps = np.linalg.norm(np.diff(corners.mean(axis=1), axis=0), axis=-1)
    return float(times.min()) if steps[turns].mean() < _NEAR * size else None
