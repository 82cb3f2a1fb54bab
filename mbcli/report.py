"""Report of a run, for the summary and for ``--json``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

# Receives the stage, the amount that is done, and the total (None: unknown).
Observer = Callable[[str, int, "int | None"], None]


def unobserved(stage: str, done: int, total: int | None) -> None:
    """An observer that does nothing."""


@dataclass(frozen=True)
class StageReport:
    """One stage of the pipeline.

    Attributes:
        name: ``decode``, ``pose2d``, ``track``, ``lift`` or ``metric``.
        seconds: wall time spent in it. Stages overlap: their sum may be more than the run's time.
        frames: number of frames processed.
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
    """Report of the inference on one video.

    Attributes:
        frames: number of frames of the result.
        people: number of people in the result.
        seconds: wall time of the whole run, including loading the networks.
        stages: in the order of the street.
        warnings: problems that did not end the run, one line each.
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
    """Measures the time of stages, which may run in several threads."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the body's time to the stage ``name``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def iterate(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on; the time to produce them is added to ``name``."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def report(self, *, frames: int, people: int, warnings: tuple[str, ...]) -> InferReport:
        """The times measured so far, assuming that every stage has processed all frames."""
        return InferReport(
            frames=frames,
            people=people,
            seconds=time.perf_counter() - self.started,
            stages=tuple(StageReport(n, s, frames) for n, s in self.seconds.items()),
            warnings=warnings,
        )
