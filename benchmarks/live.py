"""What a live pose costs: processor time stage by stage, on the example.

    python -m benchmarks.live [VIDEO]

Processor time does not depend on what else runs, apart from shared caches. With a core for the 2D
model and one for the lifter, a pose comes after the sum of both, and as many come a second as the
slower of the two allows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from mbcli.live.causal import CausalLifter, LastFrames
from mbcli.live.options import LiveOptions
from mbcli.live.vmc import Avatar, Message
from mbcli.motion import Motion3D
from mbcli.pose2d import BACKENDS
from mbcli.pose2d.choose import choose
from mbcli.tracks.tracker import Tracker
from mbcli.video import VideoReader

Value = TypeVar("Value")

_FRAMES = 76  # of the video; some two seconds
_EVERY = 3  # frames of which one is lifted, to be done sooner


def measured(video: Path, options: LiveOptions) -> dict[str, float]:
    """Median milliseconds of processor time a frame, by stage."""
    spent: dict[str, list[float]] = {}

    def timed(stage: str, work: Callable[[], Value]) -> Value:
        start = time.process_time()
        value = work()
        spent.setdefault(stage, []).append(time.process_time() - start)
        return value

    choice = choose(options.pose2d, options)
    backend, avatar = BACKENDS[choice.backend](choice.options), Avatar()
    frames = LastFrames(options.span, options.latency)
    with VideoReader(video) as reader:
        tracker = Tracker(reader.fps)
        lifter = CausalLifter(
            options, skeleton=backend.skeleton, fps=reader.fps, size=reader.info.size
        )
        lifter.warm_up()
        for number, frame in enumerate(islice(reader, _FRAMES)):
            poses = timed("2D model", partial(backend, frame))
            ids = timed("tracker", partial(tracker.update, poses))
            frames.add((frame, 0.0), poses, ids)
            due = frames.due()
            # The first windows are shorter than those that follow.
            if due is None or number % _EVERY or frame.time < options.span:
                continue
            window, row, shown, _ = due
            motion = timed("lifting", partial(lifter, window, row))
            timed("avatar", partial(_told, avatar, motion, row, shown.time))
    backend.close()
    return {stage: 1000 * float(np.median(values)) for stage, values in spent.items()}


def _told(avatar: Avatar, motion: Motion3D | None, row: int, at: float) -> list[Message]:
    return [*avatar.messages(motion, row, at)]


def main() -> None:
    """Measure, and print a line for each stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, default=Path("examples/walk.mp4"))
    options = LiveOptions(person="largest", threads=1)
    for stage, milliseconds in measured(parser.parse_args().video, options).items():
        print(f"{stage:<10} {milliseconds:6.1f} ms")


if __name__ == "__main__":
    main()
