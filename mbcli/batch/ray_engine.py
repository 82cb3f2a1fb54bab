"""Many machines: every input is a task of a Ray cluster.

The machines see the inputs and the folders of the results under the same names, and have the same
mbcli. A task whose process or machine dies is tried again elsewhere, where it goes on with what the
first had seen, from the work folder beside the result. Long videos are looked at in parts, which
are tasks of their own; one more follows the people through all of them, and does the rest.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from mbcli.batch.attempt import attempt
from mbcli.batch.plan import Job
from mbcli.batch.processes import THREADS
from mbcli.batch.result import Result
from mbcli.batch.work import DividedWork, Watcher, Work, silent
from mbcli.cores import cores
from mbcli.errors import ConfigError, MbcliError, first_line
from mbcli.report import Observer
from mbcli.storage.journal import journal_folder, wait_until_free
from mbcli.storage.remote import found, is_remote

_TRIES = 4  # of one task: as Ray's own default, three after the first
_PATIENCE = 10.0  # seconds until a machine of the same network must have answered
_AHEAD = 2  # tasks that are handed out for each processor: one to work on, and the next


@dataclass(frozen=True)
class RayEngine:
    """Runs jobs as tasks of a cluster, each with one processor.

    Attributes:
        address: of the cluster, as for `ray.init`; None starts one on this machine.
        total: number of inputs, for the display.
        split: least seconds of a part of a long video; 0 means that none is divided.
        debug: print what the machines print, with the traceback of every error.
    """

    address: str | None
    total: int
    split: float = 0.0
    debug: bool = False

    def __call__(
        self, work: Work, jobs: Iterator[Job], progress: Watcher
    ) -> Generator[Result, None, None]:
        """Run jobs; results come in the order in which they end.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster at the address.
            Exception: of a task, if it would fail all others too.
        """
        first = next(jobs, None)
        if first is None:
            return
        jobs = chain([first], jobs)
        with _cluster(self.address, debug=self.debug), progress.progress("ray") as observer:
            run = _Run(uuid4().hex, Path.cwd(), self.split, self.debug)
            with closing(_results(work, jobs, run, self.total, observer)) as results:
                yield from results


@dataclass(frozen=True)
class _Run:
    """What all tasks of a run have in common.

    Attributes:
        name: differs from run to run.
        folder: the folder from which relative names start.
        split: as `RayEngine.split`.
        debug: print the traceback of every error.
    """

    name: str
    folder: Path
    split: float
    debug: bool


@dataclass(frozen=True)
class _Try:
    """A job that was handed out.

    Attributes:
        job: the job.
        fresh: whether there was no result when it was handed out first.
        parts: tasks that look at parts of it.
        number: how often it was handed out before.
    """

    job: Job
    fresh: bool
    parts: tuple[Any, ...] = ()
    number: int = 0


def _results(
    work: Work, jobs: Iterator[Job], run: _Run, total: int, observer: Observer
) -> Generator[Result, None, None]:
    import ray
    from ray.exceptions import RayError, RayTaskError

    # Ray itself leaves the threads of a task as they are set where its machine was started.
    alone = {"env_vars": {THREADS: "1"}}
    task = ray.remote(num_cpus=1, max_retries=0, runtime_env=alone)(_work_on)
    look = ray.remote(num_cpus=1, max_retries=_TRIES - 1, runtime_env=alone)(_look_at)
    shared = ray.put(work)
    running: dict[Any, _Try] = {}
    looking: list[Any] = []  # tasks that look at parts
    done = 0  # inputs and parts; ``total`` of both

    def hand_out(one: _Try) -> None:
        running[task.remote(run, shared, replace(one, parts=()), *one.parts)] = one

    try:
        while True:
            room = _AHEAD * int(ray.cluster_resources().get("CPU", 1)) - len(running)
            for job in islice(jobs, max(room, 0)):
                count = _parts(work, job, run.split)
                parts = [look.remote(run, shared, job, number, count) for number in range(count)]
                looking += parts
                total += count
                hand_out(_Try(job, _is_new(job), tuple(parts)))
            observer("tasks", done, total)
            if not running:
                return
            (ended,), _ = ray.wait([*running, *looking], fetch_local=False)
            done += 1
            if ended in looking:
                looking.remove(ended)
                continue
            one = running.pop(ended)
            try:
                yield ray.get(ended)
            except RayTaskError as error:
                raise error.cause from None
            except RayError as error:  # its process or its machine is gone
                if one.number + 1 < _TRIES:
                    done -= 1
                    hand_out(replace(one, number=one.number + 1))
                else:
                    why = f"its process was lost {_TRIES} times: {first_line(error)}"
                    yield Result(one.job.source, error=why)
    finally:
        for left in running:
            for handed in (left, *running[left].parts):
                ray.cancel(handed, force=True)


def _parts(work: Work, job: Job, seconds: float) -> int:
    """In how many parts to look at an input; 0 if not in parts."""
    if not isinstance(work, DividedWork) or is_remote(job.source):
        return 0
    if journal_folder(job.target).exists():  # an earlier run has begun
        return 0
    try:
        count = work.parts(job.source, seconds)
    except MbcliError:
        return 0  # as the job will report
    return count if count > 1 else 0


def _is_new(job: Job) -> bool:
    """Whether no file is there that a job may write; names of some go on after the result's."""
    written = job.target.with_name(f"{job.target.stem}*")
    return not (found(written) if is_remote(written) else [*written.parent.glob(written.name)])


@contextmanager
def _cluster(address: str | None, *, debug: bool) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine that ends with this process.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # a cluster reports its use to Ray's makers
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--engine ray needs Ray: pip install 'mbcli[ray]'") from error
    handler = signal.getsignal(signal.SIGTERM)
    here = {"num_cpus": cores(), "include_dashboard": False} if address is None else {}
    try:
        _reach(address)
        ray.init(address or "local", logging_level="error", log_to_driver=debug, **here)
    except Exception as error:  # Ray raises Exception itself
        wrong = "no Ray cluster can be started here"
        if address is not None:
            wrong = f"--ray-address must be that of a running cluster, got {address}"
        raise ConfigError(f"{wrong}: {first_line(error)}") from error
    signal.signal(signal.SIGTERM, handler)  # Ray puts one of its own in its place
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str | None) -> None:
    """Check that somebody listens at an address with a port: Ray tries for minutes.

    Raises:
        OSError: nobody does.
    """
    place, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if place and port.isdigit():
        socket.create_connection((place.strip("[]"), int(port)), timeout=_PATIENCE).close()


# In the processes of the cluster.

_held: dict[str, Work] = {}


def _begun(run: _Run, work: Work) -> Work:
    """The work of a run, with the networks of its job before."""
    with suppress(OSError):  # a machine without the folder may do with absolute names
        os.chdir(run.folder)
    if run.name not in _held:
        _held.clear()
    return _held.setdefault(run.name, work)


def _look_at(run: _Run, work: DividedWork, job: Job, number: int, count: int) -> Any:
    """Look at a part of an input; None if that is of no use, or fails, as the job will report."""
    _begun(run, work)
    try:
        return work.look_at(job.source, number, count)
    except MbcliError:
        return None


def _work_on(run: _Run, work: Work, one: _Try, *seen: Any) -> Result:
    """Do a job, of which some may have been done in parts."""
    work = _begun(run, work)
    if one.number:
        wait_until_free(journal_folder(one.job.target))
        # What is there now was made by the try before.
        work = replace(work, overwrite=work.overwrite or one.fresh)
    if seen and all(part is not None for part in seen):
        work = replace(work, seen=seen)
    return attempt(work, one.job, silent, debug=run.debug)
