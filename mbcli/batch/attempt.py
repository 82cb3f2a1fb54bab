"""Doing one job: its input and result may be in an object store, and an error may be its result."""

from __future__ import annotations

import errno
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

from mbcli.batch.plan import Job
from mbcli.batch.result import Result
from mbcli.batch.work import Watcher, Work
from mbcli.errors import MbcliError, OutputError, explained, one_line
from mbcli.storage.output import check_separate
from mbcli.storage.remote import address, exists, fetch, is_remote, put


def attempt(
    work: Work,
    job: Job,
    progress: Watcher,
    interrupted: Callable[[BaseException], bool] = lambda error: False,
    *,
    debug: bool,
) -> Result:
    """Do a job; an error is its result.

    Raises:
        Exception: the disk is full, or the run was interrupted.
    """
    try:
        return carried(work, job, progress)
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


def carried(work: Work, job: Job, progress: Watcher) -> Result:
    """Do a job; of what is not here, with local copies.

    A result is copied to where it belongs when all of it is there.

    Raises:
        InputError: the input cannot be read.
        OutputError: the result exists or cannot be written.
    """
    source, target = job.source, job.target
    if not is_remote(source) and not is_remote(target):
        return work(source, target, progress)
    # The work sees copies, and cannot tell that they are of one file.
    read = (source, *_named(work))
    check_separate([target], read)
    if is_remote(target) and not work.overwrite and exists(target):
        raise OutputError(
            f"the output {address(target)} exists: choose another name or add --overwrite"
        )
    with tempfile.TemporaryDirectory(prefix="mbcli-") as folder:
        inside, outside = Path(folder, "in"), Path(folder, "out")
        outside.mkdir()
        names = {}
        here, there = source, target
        if is_remote(source):
            here = fetch(source, inside)
            names[str(inside)] = address(source.parent)
        if is_remote(target):
            there = outside / target.name
            names[str(outside)] = address(target.parent)

        def named(text: str) -> str:
            for local, far in names.items():
                text = text.replace(local, far)
            return text

        try:
            result = work(here, there, progress)
        except MbcliError as error:
            raise type(error)(named(str(error))) from error
        files = result.files or (there,)
        if is_remote(target):
            check_separate([target.with_name(file.name) for file in files], read)
            for file in files:
                put(file, target.with_name(file.name))
            files = tuple(target.with_name(file.name) for file in files)
        return replace(
            result,
            source=source,
            target=target,
            files=files if result.files else (),
            notes=tuple(map(named, result.notes)),
            following=tuple(map(named, result.following)),
        )


def _named(work: Work) -> Iterator[Path | str]:
    """What the fields of a work name: files among others."""
    for field in fields(work):
        value = getattr(work, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Path | str):
                yield one
