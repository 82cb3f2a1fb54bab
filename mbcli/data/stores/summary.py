"""Statistics of a store's contents."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from mbcli.data.stores import sequences, store
from mbcli.data.stores.folder import Rows
from mbcli.data.stores.sequences import KEYPOINTS, SequenceStore
from mbcli.data.stores.store import ClipStore
from mbcli.skeleton import BODY21, H36M17

_CHUNK = 65536  # rows read at a time


def describe(opened: ClipStore | SequenceStore) -> dict[str, Any]:
    """Counts, hours, people, rates and ranges, ready for JSON.

    Memory use does not grow with the store: the rows are read piece by piece.

    Returns:
        ``format``, ``clips`` (their number), ``frames``, ``hours``, ``subjects`` (hours of each),
        ``fps`` (number of clips at each rate), ``licences``, and ``ranges``: by array and joint
        the minimum and maximum of each axis and the share of frames in which it is missing. For a
        sequence store also ``people``, ``arrays`` (share of frames for which each is known),
        ``splits``, ``actions`` and ``labels``.
    """
    items = opened.clips if isinstance(opened, ClipStore) else opened.sequences
    hours: dict[str, float] = {}
    for item in items:
        hours[item.subject] = hours.get(item.subject, 0.0) + item.seconds / 3600
    summary: dict[str, Any] = {
        "format": store.FORMAT if isinstance(opened, ClipStore) else sequences.FORMAT,
        "clips": len(items),
        "frames": sum(item.frames for item in items),
        "hours": opened.hours,
        "subjects": dict(sorted(hours.items())),
        "fps": {f"{fps:g}": count for fps, count in sorted(Counter(i.fps for i in items).items())},
        "licences": dict(Counter(item.licence for item in items)),
    }
    if isinstance(opened, ClipStore):
        return summary | {"ranges": {"joints": _ranges(opened.rows, BODY21.joints)}}
    arrays = [name for name in ("target", "truth") if opened.has(name)]
    return summary | {
        "people": opened.people,
        "arrays": {name: _known(opened.rows(name)) for name in opened.arrays if name != KEYPOINTS},
        "splits": dict(Counter(sequence.split for sequence in opened.sequences)),
        "actions": dict(sorted(Counter(s.action for s in opened.sequences).items())),
        "labels": list(opened.labels),
        "ranges": {
            name: _ranges(opened.rows(name), H36M17.joints) for name in (KEYPOINTS, *arrays)
        },
    }


def _ranges(rows: Rows, joints: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Range of each axis of each joint in (N, ..., J, 3), and how often the joint is missing."""
    low, high = np.full((len(joints), 3), np.inf), np.full((len(joints), 3), -np.inf)
    missing, total = np.zeros(len(joints)), 0
    for start in range(0, len(rows), _CHUNK):
        piece = rows[start : start + _CHUNK].reshape(-1, len(joints), 3)
        low = np.fmin(low, np.fmin.reduce(piece, axis=0))
        high = np.fmax(high, np.fmax.reduce(piece, axis=0))
        missing += np.isnan(piece).any(-1).sum(0)
        total += len(piece)
    return {
        joint: {
            # None if the joint is missing in all frames: JSON has no infinity.
            "min": [float(value) if np.isfinite(value) else None for value in low[number]],
            "max": [float(value) if np.isfinite(value) else None for value in high[number]],
            "missing": float(missing[number] / max(total, 1)),
        }
        for number, joint in enumerate(joints)
    }


def _known(rows: Rows) -> float:
    """Share of rows with at least one known value."""
    count = 0
    for start in range(0, len(rows), _CHUNK):
        piece = rows[start : start + _CHUNK]
        count += int((~np.isnan(piece)).reshape(len(piece), -1).any(-1).sum())
    return count / max(len(rows), 1)
