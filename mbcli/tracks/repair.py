"""Repair of 2D keypoint tracks: brief swaps of left and right, and flickering joints.

Only errors that contradict the frames around them are repaired; persistent errors, such as legs
that stay swapped for a whole step, remain. Frames in which a person is absent stay empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbcli.skeleton import Skeleton
from mbcli.timeline import runs
from mbcli.tracks.body_size import body_lengths
from mbcli.tracks.flicker import bridge_flickers
from mbcli.tracks.swaps import exchange, find_swaps, part_of, sided_pairs
from mbcli.types import BoolArray, FloatArray, IntArray, Keypoints2D
from mbcli.values import changed, kept

# Each repair may reveal another. What is left after this many rounds is contradictory anyway.
_MAX_ROUNDS = 8


@dataclass(frozen=True)
class MendOptions:
    """Which repairs to make.

    Attributes:
        fix_swaps: undo brief swaps of left and right; see `mbcli.tracks.swaps`.
        bridge: bridge joints that are briefly missing, or uncertain and displaced; see
            `mbcli.tracks.flicker`.
    """

    fix_swaps: bool = True
    bridge: bool = True


def mend(
    keypoints: Keypoints2D, options: MendOptions | None = None
) -> tuple[Keypoints2D, dict[str, Any]]:
    """Undo swaps of left and right, then bridge flickers, until neither finds anything.

    Repairing twice therefore changes nothing more.

    Args:
        keypoints: tracks in any skeleton whose sides are named ``left_`` and ``right_``.
        options: which repairs to make; all if None.

    Returns:
        The repaired tracks (``keypoints`` itself if nothing was repaired), and an account ready for
        JSON, empty if nothing was repaired:

            {"swapped": number of joint pairs exchanged, counted in each frame,
             "bridged": number of keypoints bridged,
             "people": [{"track_id": 1,
                         "swapped": [{"frames": [first, last], "part": "legs",
                                      "joints": ["knee", "ankle"]}],
                         "bridged": [{"frames": [first, last], "joints": ["left_wrist"]}]}]}

        Frames are numbers in the source (``frame_index``), first and last inclusive. A part is
        ``arms``, ``legs``, ``face``, ``body`` for several of them, or ``other``. Only people with
        repairs are listed.
    """
    options = MendOptions() if options is None else options
    before = kept(keypoints, "data")
    after, people = before.rows, []
    for column, track_id in enumerate(keypoints.track_ids.tolist()):
        data, swapped, bridged = _mended(keypoints, column, options)
        if not (swapped.any() or bridged.any()):
            continue
        if after is before.rows:
            after = before.rows.copy()
        after[before.spans.rows_of(column)] = data
        numbers = keypoints.frame_index[before.spans.frames_of(column)]
        people.append(_account(track_id, numbers, keypoints.skeleton, swapped, bridged))
    if not people:
        return keypoints, {}
    account = {
        "swapped": sum(count for _, count, _ in people),
        "bridged": sum(count for _, _, count in people),
        "people": [row for row, _, _ in people],
    }
    return changed(keypoints, data=before.filled_with(after)), account


def _mended(
    keypoints: Keypoints2D, column: int, options: MendOptions
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """One person's data (t, J, 3), and what was swapped (t, K) and bridged (t, J)."""
    pairs, sides = sided_pairs(keypoints.skeleton)
    values = kept(keypoints, "data")
    times = keypoints.timestamps[values.spans.frames_of(column)]
    data = np.array(values[column][:, None])
    swapped = np.zeros((*data.shape[:2], len(pairs)), dtype=bool)
    bridged = np.zeros(data.shape[:3], dtype=bool)
    for _ in range(_MAX_ROUNDS if len(data) else 0):
        sizes = body_lengths(data, times, float(keypoints.timestamps[0]))  # (t, 1)
        swaps = np.zeros_like(swapped)
        if options.fix_swaps:
            swaps = find_swaps(data, times, sizes, pairs, sides)
            data = exchange(data, swaps, pairs)
            # Bridges move along with their joints.
            bridged = exchange(bridged, swaps, pairs)
            swapped ^= swaps
        bridges = np.zeros_like(bridged)
        if options.bridge:
            data, bridges = bridge_flickers(data, times, sizes, keypoints.skeleton)
            bridged |= bridges
        if not (swaps.any() or bridges.any()):
            break
    return data[:, 0], swapped[:, 0], bridged[:, 0]


def _account(
    track_id: int,
    numbers: IntArray,
    skeleton: Skeleton,
    swapped: BoolArray,
    bridged: BoolArray,
) -> tuple[dict[str, Any], int, int]:
    """A person's part of the account that `mend` returns, and the two numbers in it."""
    _, sides = sided_pairs(skeleton)
    row: dict[str, Any] = {"track_id": track_id}
    if swapped.any():
        row["swapped"] = [
            {"frames": frames, "part": _part(joints), "joints": joints}
            for frames, joints in _spans(swapped, sides, numbers)
        ]
    if bridged.any():
        row["bridged"] = [
            {"frames": frames, "joints": joints}
            for frames, joints in _spans(bridged, skeleton.joints, numbers)
        ]
    return row, int(swapped.sum()), int(bridged.sum())


def _spans(
    changed: BoolArray, names: Sequence[str], numbers: IntArray
) -> list[tuple[list[int], list[str]]]:
    """Contiguous runs of frames as [first, last], in order, each with the columns that share it."""
    found: dict[tuple[int, int], list[str]] = {}
    for name, column in zip(names, changed.T, strict=True):
        for start, stop in runs(column):
            found.setdefault((start, stop), []).append(name)
    return [
        ([int(numbers[start]), int(numbers[stop - 1])], joints)
        for (start, stop), joints in sorted(found.items())
    ]


def _part(joints: Sequence[str]) -> str:
    parts = {part_of(joint) for joint in joints}
    return parts.pop() if len(parts) == 1 else "body"
