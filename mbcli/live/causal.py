"""The pose of now from the frames before it: the street of `mbcli.pipeline` on a short window."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mbcli.errors import ConfigError
from mbcli.live.options import LiveOptions
from mbcli.motion import Motion3D
from mbcli.pipeline import Pipeline
from mbcli.skeleton import Skeleton
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.gather import Sightings, gathered
from mbcli.types import NO_CUTS, Frame, FramePoses, IntArray

_SAME_TIME = 1e-6  # seconds; time stamps are sums of floats

Numbered = tuple[FramePoses, IntArray]
"""The people in a frame, and the number of each one's track, -1 for somebody new."""


@dataclass
class LastFrames:
    """The last frames.

    Attributes:
        span: seconds that are kept before the newest frame.
        latency: seconds by which the frame that is asked for lies before the newest one.
        frames: the people of all frames, in order of time.
        pictures: the frames from the one that is asked for to the newest, and when each was given.
    """

    span: float
    latency: float
    frames: deque[Numbered] = field(default_factory=deque)
    pictures: deque[tuple[Frame, float]] = field(default_factory=deque)

    def add(self, given: tuple[Frame, float], poses: FramePoses, ids: IntArray) -> None:
        """Add the newest frame, and forget those that are too old."""
        self.frames.append((poses, ids))
        self.pictures.append(given)
        while len(self.pictures) > 1 and self._is_due(self.pictures[1][0]):
            self.pictures.popleft()
        # The frame that is asked for stays, however long ago it was.
        oldest = min(poses.time - self.span, self.pictures[0][0].time)
        while self.frames[0][0].time < oldest - _SAME_TIME:
            self.frames.popleft()

    def due(self) -> tuple[list[Numbered], int, Frame, float] | None:
        """All frames, the place of the one that is asked for, its picture and when it was given.

        None as long as no frame is old enough.
        """
        frame, since = self.pictures[0]
        if not self._is_due(frame):
            return None
        frames = [*self.frames]
        row = next(row for row, (poses, _) in enumerate(frames) if poses.index == frame.index)
        return frames, row, frame, since

    def _is_due(self, frame: Frame) -> bool:
        return frame.time <= self.frames[-1][0].time - self.latency + _SAME_TIME


class CausalLifter:
    """Lifts and places everybody in a frame of a window.

    Args:
        options: of the networks, people and camera.
        skeleton: of the keypoints.
        fps: frames per second that the source should give.
        size: (width, height) of the pictures in pixels.
    """

    def __init__(
        self, options: LiveOptions, *, skeleton: Skeleton, fps: float, size: tuple[int, int]
    ) -> None:
        self.pipeline = Pipeline(options)
        self._options = options
        self._skeleton, self._fps, self._size = skeleton, fps, size

    def warm_up(self) -> None:
        """Lift somebody who is not there, so that no pose waits for libraries to load.

        Raises:
            WeightsError, ConfigError: networks that cannot be loaded.
        """
        joints = np.linspace((0.4, 0.2, 1.0), (0.6, 0.8, 1.0), len(self._skeleton))  # (J, 3)
        someone = (joints * (*self._size, 1.0))[None]  # (1, J, 3)
        box = np.concatenate([someone[0].min(axis=0)[:2], someone[0].max(axis=0)[:2]])
        frames = [
            (FramePoses(number, number / self._fps, box[None], someone), np.zeros(1, np.int64))
            for number in range(max(3, round(self._options.span * self._fps)))
        ]
        self(frames, len(frames) - 1)

    def __call__(self, frames: Sequence[Numbered], row: int) -> Motion3D | None:
        """Lift a window.

        Args:
            frames: in order of time.
            row: place of the frame that is asked for.

        Returns:
            The motion of those who are in that frame, in the whole window; None if nobody is.
        """
        present = frames[row][1]
        people = np.sort(present[present >= 0])
        if not len(people):
            return None
        poses, columns = zip(*((one, _columns(ids, people)) for one, ids in frames), strict=True)
        window = Sightings.of(poses, columns)
        everybody = gathered(
            window,
            window.ids,
            track_ids=people,
            skeleton=self._skeleton,
            fps=self._fps,
            size=self._size,
            cuts=NO_CUTS,
        )
        try:
            keypoints, _ = chosen_and_mended(everybody, self._options)
        except ConfigError:  # the person who is asked for is not in sight
            return None
        # How heads and hands are turned would take 2 ms for each frame of the window.
        motion = self.pipeline.lift(Detection(keypoints, source="", backend=""), orient=False)
        return motion if motion.there.at(row, np.arange(len(motion.track_ids))).any() else None


def _columns(ids: IntArray, people: IntArray) -> IntArray:
    """The column of each of a frame's people; -1 for those who are not among ``people``."""
    place = np.minimum(np.searchsorted(people, ids), len(people) - 1)
    return np.where(people[place] == ids, place, -1)
