"""What the pictures of a video have shown, frame by frame, and its form in a work folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mbcli.placing.ties import COLUMNS, TIES, no_ties
from mbcli.storage.journal import Arrays
from mbcli.tracks.looks import LOOKS
from mbcli.types import FloatArray, FramePoses

_STATE = "state_"  # prefix of the front end's state ...
_BACKGROUND = "background_"  # ... and of that of the background


@dataclass(frozen=True, eq=False)
class Seen:
    """What one picture has shown.

    Attributes:
        poses: the people in it; none if it was not looked at.
        looks: (P, 6) colours of their clothes, from `mbcli.tracks.looks.looks_of`.
        cut: whether a new shot begins with it.
        looked: whether it was looked at; see `mbcli.tracks.sampling`.
        ties: (2, 26) how its background lies in other pictures, see `mbcli.placing.ties`; NaN if
            nobody looked.
    """

    poses: FramePoses
    looks: FloatArray
    cut: bool
    looked: bool = True
    ties: FloatArray = field(default_factory=no_ties)


def packed(frames: Sequence[Seen], state: Arrays, background: Arrays) -> Arrays:
    """Frames, at least one, and the states of front end and background after them, as arrays."""
    poses = [frame.poses for frame in frames]
    return {
        "index": np.array([one.index for one in poses], np.int64),
        "time": np.array([one.time for one in poses], np.float64),
        "cut": np.array([frame.cut for frame in frames]),
        "looked": np.array([frame.looked for frame in frames]),
        "people": np.array([len(one) for one in poses], np.int64),
        "boxes": np.concatenate([one.boxes for one in poses]),
        "keypoints": np.concatenate([one.keypoints for one in poses]),
        "looks": np.concatenate([frame.looks for frame in frames]).reshape(-1, LOOKS),
        "ties": np.array([frame.ties for frame in frames]),
        **{f"{_STATE}{name}": value for name, value in state.items()},
        **{f"{_BACKGROUND}{name}": value for name, value in background.items()},
    }


def unpacked(arrays: Arrays) -> tuple[list[Seen], Arrays, Arrays]:
    """The frames and the states that :func:`packed` has made arrays of."""
    ends = np.cumsum(arrays["people"])
    ties = arrays["ties"].reshape(-1, TIES, COLUMNS)
    frames = []
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        poses = FramePoses(
            int(arrays["index"][number]),
            float(arrays["time"][number]),
            arrays["boxes"][start:end],
            arrays["keypoints"][start:end],
        )
        cut, looked = (bool(arrays[name][number]) for name in ("cut", "looked"))
        frames.append(Seen(poses, arrays["looks"][start:end], cut, looked, ties[number]))
    state, background = (
        {n.removeprefix(prefix): value for n, value in arrays.items() if n.startswith(prefix)}
        for prefix in (_STATE, _BACKGROUND)
    )
    return frames, state, background
