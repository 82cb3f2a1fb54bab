"""Several jobs at a time, in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from mbcli.batch.attempt import attempt
from mbcli.batch.plan import Job
from mbcli.batch.result import Result
from mbcli.batch.work import Watcher, Work, silent
from mbcli.cores import cores
from mbcli.storage.signals import status
from mbcli.storage.workspace import discard_unfinished

# Number of threads in a process: torch reads it, and `mbcli.storage.onnx_file`.
THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Processes:
    """Runs jobs in processes of this machine, which share its threads.

    Attributes:
        count: number of processes.
        debug: print the traceback of every error.
    """

    count: int
    debug: bool = False

    def __call__(
        self, work: Work, jobs: Iterator[Job], progress: Watcher
    ) -> Generator[Result, None, None]:
        """Run jobs, whose progress is not shown."""
        with _terminated_on_error():
            yield from _in_processes(work, jobs, self.count, self.debug)


def _in_processes(work: Work, jobs: Iterator[Job], processes: int, debug: bool) -> Iterator[Result]:
    """Run jobs in processes; one that kills its process fails alone."""
    again: list[Job] = []
    while True:
        running: dict[Future[Result], Job] = {}
        with _pool(work, processes, debug) as pool:
            again += _handed_out(pool, islice(jobs, processes), running)
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
                again += _handed_out(pool, islice(jobs, len(ended)), running)
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


def _handed_out(
    pool: ProcessPoolExecutor, jobs: Iterator[Job], running: dict[Future[Result], Job]
) -> list[Job]:
    """Start jobs; those that could not be, since a process has died in the meantime."""
    late = []
    for job in jobs:
        try:
            running[pool.submit(_work_on, job)] = job
        except BrokenProcessPool:
            late.append(job)
    return late


@contextmanager
def _pool(work: Work, processes: int, debug: bool) -> Iterator[ProcessPoolExecutor]:
    threads = max(1, cores() // processes)
    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(threads)
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
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


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
    return attempt(_work, job, silent, debug=_debug)
