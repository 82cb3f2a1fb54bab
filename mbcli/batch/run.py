"""Running many jobs: one after the other, several at a time in processes, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from mbcli.batch.attempt import attempt, carried
from mbcli.batch.finished import is_finished, note_finished
from mbcli.batch.plan import Job, Plan
from mbcli.batch.processes import Processes
from mbcli.batch.result import Result
from mbcli.batch.work import Engine, Watcher, Work


def run_all(
    plan: Plan,
    work: Work,
    progress: Watcher,
    *,
    jobs: int = 1,
    engine: Engine | None = None,
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
        engine: runs the jobs elsewhere, in place of those processes.
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
        if engine is None:
            result = carried(work, job, progress)
        else:
            (result,) = engine(work, iter(plan.jobs), progress)
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

    if engine is None and jobs > 1 and plan.several:
        engine = Processes(jobs, debug)
    if engine is None:
        for job in waiting():
            settle(attempt(work, job, progress, interrupted, debug=debug))
    else:
        with closing(engine(work, waiting(), progress)) as ended:
            for result in ended:
                settle(result)
    return [results[job.source] for job in plan.jobs]


def failed(results: Iterable[Result]) -> bool:
    """Whether any input has no result."""
    return any(result.error is not None for result in results)
