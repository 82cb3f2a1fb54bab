"""Looking at parts of a long video apart from each other, on several machines.

Each part begins some seconds early, so that the front end follows the same people when it counts,
and the background has a picture in common with the part before: its keyframe is a picture of that
part, and so ties lead from part to part.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mbcli.keypoints import is_keypoint_file
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS
from mbcli.pose2d.choose import choose
from mbcli.report import Stopwatch
from mbcli.storage.journal import Arrays
from mbcli.tracks.looking import INTACT, background_of, looked_at
from mbcli.tracks.sampling import stride
from mbcli.tracks.seen import packed
from mbcli.video import VideoReader, probe

# Seconds by which a part begins early, and by which it goes on, since cuts are known two frames
# later.
_EARLY, _LATE = 4.0, 0.5


def parts_of(source: Path, options: InferOptions, seconds: float) -> int:
    """In how many parts to look at a video: 1 if it is short, or no video whose length is known.

    Args:
        source: a video, or what else can be inferred from.
        options: the options of the inference.
        seconds: the least length of a part; 0 means that nothing is divided.

    Raises:
        InputError: it cannot be read.
    """
    if not seconds or options.every > 1 or is_keypoint_file(source):
        return 1
    info = probe(source)
    if info.kind != "video" or info.duration is None:
        return 1
    start, end = _bounds(options, info.duration)
    return max(1, int((end - start) / seconds))


def look_at_part(source: Path, options: InferOptions, number: int, count: int) -> Arrays | None:
    """What the pictures of one of ``count`` parts show, as a chunk of a journal.

    Returns:
        None if something is wrong with the pictures, so that they must be looked at one after the
        other.

    Raises:
        InputError: the pictures cannot be decoded.
        WeightsError: a network of the front end fails.
    """
    duration = probe(source).duration
    assert duration is not None, "it has parts"
    start, end = _bounds(options, duration)
    first = -math.inf if number == 0 else start + (end - start) * number / count
    last = math.inf if number == count - 1 else start + (end - start) * (number + 1) / count
    choice = choose(options.pose2d, options)
    backend = BACKENDS[choice.backend](choice.options)
    with VideoReader(
        source,
        start=options.start if number == 0 else max(start, first - _EARLY),
        end=options.end if number == count - 1 else last + _LATE,
        rotate=options.rotate,
    ) as reader:
        background = background_of(options, reader.info.size)
        every = stride(reader.fps, options.looking_rate)
        cuts = options.cuts != "off"
        pictures = looked_at(reader, backend, Stopwatch(), None, background, cuts=cuts, every=every)
        seen = [one for one in pictures if first <= one.poses.time < last]
        states = backend.state(), {} if background is None else background.state()
        backend.close()
        if not seen or not reader.intact:
            return None
        return {**packed(seen, *states), INTACT: np.array(True)}


def _bounds(options: InferOptions, duration: float) -> tuple[float, float]:
    """From which second to which a video of this length is looked at."""
    end = duration if options.end is None else min(options.end, duration)
    return options.start or 0.0, end
