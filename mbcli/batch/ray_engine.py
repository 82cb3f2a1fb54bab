"""Many machines: every input is a task of a Ray cluster.

The machines see the inputs and the folders of the results under the same names, and have the same
mbcli. A task whose process or machine dies is tried again elsewhere, where it goes on with what the
first had seen, from the work folder beside the result.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from mbcli.batch.attempt import attempt
from mbcli.batch.plan import Job
from mbcli.batch.result import Result
from mbcli.batch.work import Watcher, Work, silent
from mbcli.cores import cores
from mbcli.errors import ConfigError, first_line
from mbcli.storage.journal import journal_folder, wait_until_free
from mbcli.storage.remote import found, is_remote

_TRIES = 4  # of one task: as Ray's own default, three after the first
_AHEAD = 2  # tasks that are handed out for each processor: one to work on, and the next


@dataclass(frozen=True)
class RayEngine:
    """Runs jobs as tasks of a cluster, each with one processor.

    Attributes:
        address: of the cluster, as for `ray.init`; None starts one on this machine.
        total: number of jobs, for the display.
        debug: print what the machines print, with the traceback of every error.
    """

    address: str | None
    total: int
    debug: bool = False

    def __call__(
        self, work: Work, jobs: Iterator[Job], progress: Watcher
    ) -> Generator[Result, None, None]:
        """Run jobs; results come in the order in which they end.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster at the address.
            Exception: of a task, if it would fail all others too.
        """
        with _cluster(self.address, debug=self.debug), progress.progress("ray") as observer:
            observer("inputs", 0, self.total)
            with closing(_results(work, jobs, debug=self.debug)) as results:
                for done, result in enumerate(results, 1):
                    yield result
                    observer("inputs", done, self.total)


@dataclass(frozen=True)
class _Run:
    """What all tasks of a run have in common.

    Attributes:
        name: differs from run to run.
        folder: the folder from which relative names start.
        debug: print the traceback of every error.
    """

    name: str
    folder: Path
    debug: bool


@dataclass(frozen=True)
class _Try:
    """A job that was handed out.

    Attributes:
        job: the job.
        fresh: whether there was no result when it was handed out first.
        number: how often it was handed out before.
    """

    job: Job
    fresh: bool
    number: int = 0


def _results(work: Work, jobs: Iterator[Job], *, debug: bool) -> Generator[Result, None, None]:
    import ray
    from ray.exceptions import RayError, RayTaskError

    task = ray.remote(num_cpus=1, max_retries=0)(_work_on)
    run, shared = _Run(uuid4().hex, Path.cwd(), debug), ray.put(work)
    running: dict[Any, _Try] = {}

    def hand_out(one: _Try) -> None:
        running[task.remote(run, shared, one)] = one

    try:
        while True:
            room = _AHEAD * int(ray.cluster_resources().get("CPU", 1)) - len(running)
            for job in islice(jobs, max(room, 0)):
                hand_out(_Try(job, fresh=_is_new(job)))
            if not running:
                return
            (ended,), _ = ray.wait(list(running))
            one = running.pop(ended)
            try:
                yield ray.get(ended)
            except RayTaskError as error:
                raise error.cause from None
            except RayError as error:  # its process or its machine is gone
                if one.number + 1 < _TRIES:
                    hand_out(replace(one, number=one.number + 1))
                else:
                    why = f"its process was lost {_TRIES} times: {first_line(error)}"
                    yield Result(one.job.source, error=why)
    finally:
        for left in running:
            ray.cancel(left, force=True)


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
        ray.init(address or "local", logging_level="warning", log_to_driver=debug, **here)
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


# In the processes of the cluster.

_held: dict[str, Work] = {}


def _work_on(run: _Run, work: Work, one: _Try) -> Result:
    """Do a job, with the networks of the job before it if that was of the same run."""
    with suppress(OSError):  # a machine without the folder may do with absolute names
        os.chdir(run.folder)
    if run.name not in _held:
        _held.clear()
    work = _held.setdefault(run.name, work)
    if one.number:
        wait_until_free(journal_folder(one.job.target))
        # What is there now was made by the try before.
        work = replace(work, overwrite=work.overwrite or one.fresh)
    return attempt(work, one.job, silent, debug=run.debug)
