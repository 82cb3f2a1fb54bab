"""A live run: three threads, of which each takes the newest that the one before has to give.

    feed ──> looking (2D model, tracker) ──> lifting (window to pose) ──> whoever shows it

A frame that no thread had time for is left out and counted; those that were looked at keep the
times at which the camera gave them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mbcli.live.causal import CausalLifter, LastFrames, Numbered
from mbcli.live.feed import Feed
from mbcli.live.newest import Newest
from mbcli.live.options import LiveOptions
from mbcli.live.recording import LiveRecording
from mbcli.motion import Motion3D
from mbcli.pose2d import BACKENDS
from mbcli.pose2d.choose import choose
from mbcli.tracks.tracker import Tracker
from mbcli.types import Frame

_HANGING = 2.0  # seconds; a camera at 1 frame a second answers within


@dataclass(frozen=True, eq=False)
class LivePose:
    """What is known of one frame.

    Attributes:
        frame: the frame with its picture.
        motion: everybody who is in it, in this frame and those around it; None if nobody is.
        row: the frame's row in the motion.
        latency: seconds from when the frame was given until its pose was there.
    """

    frame: Frame
    motion: Motion3D | None
    row: int
    latency: float


@dataclass(frozen=True)
class LiveReport:
    """What became of the frames of a run.

    Attributes:
        given: frames that the feed gave.
        seen: those the 2D model looked at; the others came faster than it could.
        lifted: those whose pose was computed.
        seconds: from the first to the last frame that was seen.
        latency: median seconds from a frame to its pose; NaN without any.
        slowest: the largest of 20, likewise.
    """

    given: int
    seen: int
    lifted: int
    seconds: float
    latency: float
    slowest: float

    @property
    def fps(self) -> float:
        """Poses per second."""
        return self.lifted / self.seconds if self.seconds > 0 else 0.0


class LiveRun:
    """Runs until the feed ends or `stop` is called.

    Args:
        feed: the source.
        options: what was chosen.
        record: keep what the 2D model has seen.

    Attributes:
        each: called with every pose, in the thread that lifts, as soon as it is there.

    Raises:
        WeightsError, ConfigError: networks that cannot be loaded.
    """

    def __init__(
        self,
        feed: Feed,
        options: LiveOptions,
        *,
        record: bool = False,
    ) -> None:
        self._feed = feed
        self.each: Callable[[LivePose], None] = lambda pose: None
        choice = choose(options.pose2d, options)
        self._backend = BACKENDS[choice.backend](choice.options)
        self._lifter = CausalLifter(
            options, skeleton=self._backend.skeleton, fps=feed.fps, size=feed.size
        )
        self._tracker = Tracker(feed.fps)
        self._lifter.warm_up()
        self._recording = LiveRecording(self._backend, choice, feed, options) if record else None
        self._window = LastFrames(options.span, options.latency)
        self._given: Newest[tuple[Frame, float]] = Newest()
        self._seen: Newest[tuple[list[Numbered], int, Frame, float]] = Newest()
        self._poses: Newest[LivePose] = Newest()
        self._stopped = threading.Event()
        self._counts = {"given": 0, "seen": 0, "lifted": 0}
        self._times: list[float] = []
        self._latencies: list[float] = []
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Take no more frames; the poses of those that were taken still come."""
        self._stopped.set()
        self._given.close()

    def poses(self) -> Iterator[LivePose]:
        """The newest pose whenever there is one, to be called once.

        Raises:
            MbcliError: from the feed or a network; all threads end.
        """
        for work, after in (
            (self._feeding, self._given),
            (self._looking, self._seen),
            (self._lifting, self._poses),
        ):
            thread = threading.Thread(target=_closing, args=(work, after), daemon=True)
            self._threads.append(thread)
            thread.start()
        try:
            while (pose := self._poses.take()) is not None:
                yield pose
        finally:
            self.stop()
            for thread in self._threads[1:]:
                thread.join()
            # Decoding while Python ends crashes; but a camera that hangs is left alone.
            self._threads[0].join(_HANGING)
            self._backend.close()

    def report(self) -> LiveReport:
        """What became of the frames so far."""
        latencies = np.array(self._latencies[:] or [np.nan])
        times = self._times[:] or [0.0]
        return LiveReport(
            **self._counts,
            seconds=times[-1] - times[0],
            latency=float(np.median(latencies)),
            slowest=float(np.quantile(latencies, 0.95)),
        )

    def recorded(self) -> Motion3D:
        """The motion that was recorded, once the run has ended.

        Raises:
            NobodyFoundError, ConfigError: see `LiveRecording.motion`.
        """
        assert self._recording is not None
        return self._recording.motion(self._lifter.pipeline, asdict(self.report()))

    def _feeding(self) -> None:
        for frame in self._feed.frames():
            if self._stopped.is_set():
                return
            self._counts["given"] += 1
            self._given.put((frame, time.monotonic()))

    def _looking(self) -> None:
        while (given := self._given.take()) is not None:
            frame, _ = given
            poses = self._backend(frame)
            ids = self._tracker.update(poses)
            if self._recording is not None:
                self._recording.add(frame, poses, ids)
            self._window.add(given, poses, ids)
            self._counts["seen"] += 1
            self._times.append(frame.time)
            if (due := self._window.due()) is not None:
                self._seen.put(due)

    def _lifting(self) -> None:
        while (due := self._seen.take()) is not None:
            frames, row, frame, since = due
            motion = self._lifter(frames, row)
            pose = LivePose(frame, motion, row, time.monotonic() - since)
            self._counts["lifted"] += 1
            self._latencies.append(pose.latency)
            self.each(pose)
            self._poses.put(pose)


def _closing(work: Callable[[], None], after: Newest[Any]) -> None:
    """Do a thread's work, and tell the next one how it ended."""
    try:
        work()
    except BaseException as error:
        after.close(error)
    else:
        after.close()
