"""Part of a clip by time and frame step: one rule for videos and keypoint files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from mbcli.errors import ConfigError

Item = TypeVar("Item")

# Tolerance of the bounds in seconds. Matroska and FLV round time stamps to milliseconds, so a frame
# is up to half a millisecond away from its nominal time.
SLACK = 0.6e-3


@dataclass(frozen=True)
class Excerpt:
    """The frames with ``start <= time < end``; of these the first, and every n-th after it.

    Attributes:
        start: seconds; None means the beginning.
        end: seconds; None means the end.
        every: step in frames; 1 means every frame.

    Raises:
        ConfigError: a bound is not a valid time, the end is not after the start, or the step is
            less than 1.
    """

    start: float | None = None
    end: float | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.begin) and self.begin >= 0):
            raise ConfigError(f"--start must be 0 or more seconds, got {self.begin:g}")
        if self.end is not None and not (math.isfinite(self.end) and self.end > self.begin):
            raise ConfigError(
                f"--end must be later than --start ({self.begin:g} s), got {self.end:g} s"
            )
        if self.every < 1:
            raise ConfigError(f"--every must be 1 (all frames) or more, got {self.every}")

    @property
    def begin(self) -> float:
        """Start time in seconds."""
        return 0.0 if self.start is None else self.start

    def __str__(self) -> str:
        return f"from {self.begin:g} s to {'the end' if self.end is None else f'{self.end:g} s'}"

    def starts_after(self, time: float) -> bool:
        """Whether a time lies before the excerpt."""
        return time < self.begin - SLACK

    def ends_before(self, time: float) -> bool:
        """Whether a time lies after the excerpt."""
        return self.end is not None and time >= self.end - SLACK

    def of(self, frames: Iterable[Item], time: Callable[[Item], float]) -> Iterator[Item]:
        """Select the frames of the excerpt from those of a source, which are sorted by time."""
        within = 0
        for frame in frames:
            if self.starts_after(time(frame)):
                continue
            if self.ends_before(time(frame)):
                return
            if within % self.every == 0:
                yield frame
            within += 1
