"""What a run took and found, for the summary and for ``--json``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

# Is told the stage, how much of it is done, and how much there will be (None: not known).
Observer = Callable[[str, int, "int | None"], None]


def unobserved(stage: str, done: int, total: int | None) -> None:
    """The observer that does nothing."""


@dataclass(frozen=True)
class StageReport:
    """One stage of the street.

    Attributes:
        name: ``decode``, ``pose2d``, ``track``, ``lift`` or ``metric``.
        seconds: wall time spent in it.
        frames: frames that went through it.
    """

    name: str
    seconds: float
    frames: int

    @property
    def fps(self) -> float:
        """Frames per second of this stage alone; 0 if it took no measurable time."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class InferReport:
    """One video's run.

    Attributes:
        frames: frames of the result.
        people: how many people the result holds.
        seconds: wall time of the whole run, loading of networks included.
        stages: in the order in which a frame meets them.
        warnings: what went wrong without ending the run, one line each.
    """

    frames: int
    people: int
    seconds: float
    stages: tuple[StageReport, ...]
    warnings: tuple[str, ...]

    @property
    def fps(self) -> float:
        """Frames per second of the whole run."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0


@dataclass
class Stopwatch:
    """Adds up the time of stages that take turns."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the body's time towards the stage ``name``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def iterate(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Give the items on; the time that producing them takes counts towards ``name``."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def report(self, *, frames: int, people: int, warnings: tuple[str, ...]) -> InferReport:
        """What has been measured up to now; every stage has seen all frames."""
        return InferReport(
            frames=frames,
            people=people,
            seconds=time.perf_counter() - self.started,
            stages=tuple(StageReport(n, s, frames) for n, s in self.seconds.items()),
            warnings=warnings,
        )
