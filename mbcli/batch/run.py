"""Running many jobs: one after the other, or several at a time in processes of their own."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

from mbcli.batch.finished import is_finished, note_finished
from mbcli.batch.plan import Job, Plan
from mbcli.batch.result import Result
from mbcli.cores import cores
from mbcli.errors import explained, one_line
from mbcli.report import Observer, unobserved
from mbcli.storage.signals import status
from mbcli.storage.workspace import discard_unfinished

# Number of threads in a process: torch reads it, and `mbcli.storage.onnx_file`.
_THREADS = "OMP_NUM_THREADS"


class Watcher(Protocol):
    """Shows the progress of a job."""

    def progress(self, title: str) -> AbstractContextManager[Observer]:
        """An observer for the stages of the job with that title."""


class Work(Protocol):
    """What is done to each input. It can be pickled, and keeps its networks from job to job."""

    @property
    def overwrite(self) -> bool:
        """Whether existing results are replaced."""

    def key(self, source: Path) -> str:
        """`mbcli.batch.finished.fingerprint` of the result of an input."""

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Make the result of an input."""


def run_all(
    plan: Plan,
    work: Work,
    progress: Watcher,
    *,
    jobs: int = 1,
    done: Callable[[Result], None] = lambda result: None,
    interrupted: Callable[[BaseException], bool] = lambda error: False,
    debug: bool = False,
) -> list[Result]:
    """Run every job; of several, one that fails for any reason does not stop the rest.

    Results that an earlier run finished, from the same content and with the same options, are left
    as they are.

    Args:
        plan: inputs with their results.
        work: makes a result.
        progress: shows the progress of jobs that run in this process.
        jobs: number of processes.
        done: called with each result once it is there, in the order in which they end.
        interrupted: whether an error means that the run has to end.
        debug: print the traceback of every error, not of defects alone.

    Returns:
        Results in the order of the plan.

    Raises:
        Exception: from the only job; or the disk is full, which would fail all other jobs too; or
            the run was interrupted.
    """
    if not plan.batch:
        (job,) = plan.jobs
        result = work(job.source, job.target, progress)
        done(result)
        return [result]
    keys: dict[Path, str] = {}
    results: dict[Path, Result] = {}

    def settle(result: Result) -> None:
        if result.target is not None and not result.finished:
            files = result.files or (result.target,)
            note_finished(result.target, keys[result.source], files)
        results[result.source] = result
        done(result)

    def waiting() -> Iterator[Job]:
        """The jobs that are not finished."""
        for job in plan.jobs:
            try:
                keys[job.source] = work.key(job.source)
            except OSError:
                keys[job.source] = ""  # cannot be read, as the job will report
            if not work.overwrite and is_finished(job.target, keys[job.source]):
                settle(Result(job.source, job.target, finished=True))
            else:
                yield job

    if jobs == 1 or not plan.several:
        for job in waiting():
            settle(_attempt(work, job, progress, interrupted, debug))
    else:
        with _terminated_on_error():
            for result in _in_processes(work, waiting(), jobs, debug):
                settle(result)
    return [results[job.source] for job in plan.jobs]


def _attempt(
    work: Work,
    job: Job,
    progress: Watcher,
    interrupted: Callable[[BaseException], bool],
    debug: bool,
) -> Result:
    try:
        return work(job.source, job.target, progress)
    except Exception as error:
        if _disk_is_full(error) or interrupted(error):
            raise
        message = explained(error)
        if message is None or debug:
            traceback.print_exc(file=sys.stderr)
        if message is None:
            message = f"a defect of mbcli, {type(error).__name__}: {one_line(error)}"
        return Result(job.source, error=message)


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether an error was caused, directly or indirectly, by a full disk or quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def _in_processes(work: Work, jobs: Iterator[Job], processes: int, debug: bool) -> Iterator[Result]:
    """Run jobs in processes; one that kills its process fails alone."""
    again: list[Job] = []
    while True:
        running: dict[Future[Result], Job] = {}
        with _pool(work, processes, debug) as pool:
            for job in islice(jobs, processes):
                running[pool.submit(_work_on, job)] = job
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        again.append(job)
                if again:
                    again += running.values()
                    break
                for job in islice(jobs, len(ended)):
                    running[pool.submit(_work_on, job)] = job
        if not again:
            return
        # The jobs that ran when a process died, one of which killed it: each by itself.
        for job in again:
            with _pool(work, 1, debug) as pool:
                try:
                    yield pool.submit(_work_on, job).result()
                except BrokenProcessPool:
                    yield Result(job.source, error="its process was killed: out of memory?")
        again.clear()


@contextmanager
def _pool(work: Work, processes: int, debug: bool) -> Iterator[ProcessPoolExecutor]:
    threads = max(1, cores() // processes)
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = str(threads)
    pool = ProcessPoolExecutor(
        processes,
        # Forked processes would share the locks of threads that they do not have.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(work, debug),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


@contextmanager
def _terminated_on_error() -> Iterator[None]:
    """End the processes if this one must end."""
    try:
        yield
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise


_work: Work | None = None
_debug = False


class _Silent:
    """Watcher of a job in another process, which is not shown."""

    @contextmanager
    def progress(self, title: str) -> Iterator[Observer]:
        yield unobserved


def _start(work: Work, debug: bool) -> None:
    global _work, _debug
    _work, _debug = work, debug
    # Ctrl-C reaches all processes of a terminal; the first process ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: object) -> None:
    discard_unfinished()
    os._exit(status(number))


def _work_on(job: Job) -> Result:
    assert _work is not None
    return _attempt(_work, job, _Silent(), lambda error: False, _debug)


def failed(results: Iterable[Result]) -> bool:
    """Whether any input has no result."""
    return any(result.error is not None for result in results)
