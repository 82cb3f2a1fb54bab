"""Mending of 2D keypoint tracks: left and right exchanged for a moment, and joints that flicker.

Only what the moments around contradict is touched, so steady mistakes, such as legs that stay
exchanged for a whole step, remain. Frames in which somebody is absent stay empty.
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

# Either repair may lay open another. What is left after so many rounds is contradictory anyway.
_MAX_ROUNDS = 8


@dataclass(frozen=True)
class MendOptions:
    """What to mend.

    Attributes:
        fix_swaps: undo exchanges of left and right that last a moment; see `mbcli.tracks.swaps`.
        bridge: bridge joints that are missing or unsure and off for a moment; see
            `mbcli.tracks.flicker`.
    """

    fix_swaps: bool = True
    bridge: bool = True


def mend(
    keypoints: Keypoints2D, options: MendOptions | None = None
) -> tuple[Keypoints2D, dict[str, Any]]:
    """Undo swaps of left and right, then bridge flickers, until neither finds anything.

    Mending what has been mended therefore changes nothing more.

    Args:
        keypoints: tracks in any skeleton whose sides are told by ``left_`` and ``right_``.
        options: what to mend; everything if None.

    Returns:
        The mended tracks (``keypoints`` itself if nothing was to mend), and an account ready for
        JSON, empty if nothing was to mend:

            {"swapped": number of joint pairs exchanged, counted in each frame,
             "bridged": number of keypoints bridged,
             "people": [{"track_id": 1,
                         "swapped": [{"frames": [first, last], "part": "legs",
                                      "joints": ["knee", "ankle"]}],
                         "bridged": [{"frames": [first, last], "joints": ["left_wrist"]}]}]}

        Frames are numbers in the source (``frame_index``), first and last included. A part is
        ``arms``, ``legs``, ``face``, ``body`` for several of them, or ``other``. Only people in
        whom something was mended are listed.
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
            # What was bridged goes along with its joint.
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
    """What `mend` says it did; swapped is (T, P, K), bridged (T, P, J)."""
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
    """Unbroken runs of frames as [first, last], in order, each with the columns that share it."""
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
