"""Repair of 2D keypoint tracks: brief swaps of left and right, and flickering joints.

Only errors that contradict the frames around them are repaired; persistent errors, such as legs
that stay swapped for a whole step, remain. Frames in which a person is absent stay empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mbcli.timeline import runs
from mbcli.tracks.body_size import body_lengths
from mbcli.tracks.flicker import bridge_flickers
from mbcli.tracks.swaps import exchange, find_swaps, part_of, sided_pairs
from mbcli.types import BoolArray, IntArray, Keypoints2D

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
    pairs, sides = sided_pairs(keypoints.skeleton)
    times = keypoints.timestamps
    data = np.array(keypoints.data)
    swapped = np.zeros((*data.shape[:2], len(pairs)), dtype=bool)
    bridged = np.zeros(data.shape[:3], dtype=bool)
    for _ in range(_MAX_ROUNDS):
        sizes = body_lengths(data, times)  # (T, P)
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
    if not (swapped.any() or bridged.any()):
        return keypoints, {}
    account = _account(keypoints, swapped, bridged, sides)
    return replace(keypoints, data=data), account


def _account(
    keypoints: Keypoints2D,
    swapped: BoolArray,
    bridged: BoolArray,
    sides: Sequence[str],
) -> dict[str, Any]:
    """The account that `mend` returns; swapped is (T, P, K), bridged (T, P, J)."""
    numbers = keypoints.frame_index
    people = []
    for person, track_id in enumerate(keypoints.track_ids):
        row: dict[str, Any] = {"track_id": int(track_id)}
        if swapped[:, person].any():
            row["swapped"] = [
                {"frames": frames, "part": _part(joints), "joints": joints}
                for frames, joints in _spans(swapped[:, person], sides, numbers)
            ]
        if bridged[:, person].any():
            row["bridged"] = [
                {"frames": frames, "joints": joints}
                for frames, joints in _spans(bridged[:, person], keypoints.skeleton.joints, numbers)
            ]
        if len(row) > 1:
            people.append(row)
    return {"swapped": int(swapped.sum()), "bridged": int(bridged.sum()), "people": people}


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
