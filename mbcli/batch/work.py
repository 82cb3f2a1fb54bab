"""What is done to each input, and by what."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from mbcli.batch.plan import Job
from mbcli.batch.result import Result
from mbcli.report import Observer, unobserved


class Watcher(Protocol):
    """Shows the progress of a job."""

    def progress(self, title: str) -> AbstractContextManager[Observer]:
        """An observer for the stages of the job with that title."""


class _Silent:
    """Watcher of a job in another process, which is not shown."""

    @contextmanager
    def progress(self, title: str) -> Iterator[Observer]:
        yield unobserved


silent = _Silent()


class Work(Protocol):
    """What is done to each input: a dataclass.

    It can be pickled, and keeps its networks from job to job.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def overwrite(self) -> bool:
        """Whether existing results are replaced."""

    def key(self, source: Path) -> str:
        """`mbcli.batch.finished.fingerprint` of the result of an input."""

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Make the result of an input."""


@runtime_checkable
class DividedWork(Work, Protocol):
    """Work that looks at pictures first, which can be done in parts."""

    seen: tuple[Any, ...]

    def parts(self, source: Path, seconds: float) -> int:
        """In how many parts of that length or more to look at an input; 1 if not in parts."""

    def look_at(self, source: Path, number: int, count: int) -> Any:
        """What a part shows; a copy of this work with those of all parts as ``seen`` needs no more.

        Returns:
            None if the input must not be divided.
        """


# Runs jobs, several at a time, and gives their results in the order in which they end.
Engine = Callable[[Work, Iterator[Job], Watcher], Generator[Result, None, None]]
