"""Several inputs in one run: pairing them with results, and handling errors of single inputs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path

from mbcli.cli.guard import one_line, show_error
from mbcli.cli.interruption import cause
from mbcli.cli.summary import Result
from mbcli.errors import ConfigError, MbcliError, OutputError

Job = tuple[Path, Path]


def plan(sources: list[Path], out: Path, suffixes: Sequence[str] = (".npz",)) -> list[Job]:
    """Pair every source with its result; a folder of videos stands for the videos in it.

    Args:
        sources: inputs.
        out: the file of a single result, or the folder of one or several results, which need not
            exist; a path without a suffix is a folder.
        suffixes: allowed suffixes of results; in a folder, results get the first.

    Raises:
        OutputError: a result has another suffix or would replace an input, several inputs have
            no folder, or the folder cannot be created or written to.
        ConfigError: the results of two inputs would have equal names.
        InputError: a folder cannot be listed.
    """
    # Imported on use: PyAV and OpenCV take a noticeable fraction of a second to load.
    from mbcli.storage.output import check_folder, check_separate
    from mbcli.video import list_videos

    flat: list[Path] = []
    for source in sources:
        flat += (list_videos(source) if source.is_dir() else []) or [source]
    if len(flat) == 1 and out.suffix and not out.is_dir():
        if out.suffix.lower() not in suffixes:
            raise OutputError(
                f"--out must end in {' or '.join(suffixes)}, or be a folder, got {out}"
            )
        return [(flat[0], out)]
    if len(flat) > 1 and out.suffix.lower() in suffixes and not out.is_dir():
        raise OutputError(f"with several inputs --out must be a folder, got {out}")
    check_folder(out)
    by_name: dict[str, Path] = {}
    for source in flat:
        name = source.resolve().name if source.is_dir() else source.stem
        if name in by_name:
            raise ConfigError(
                f"inputs of one run must differ in name, got {by_name[name]} and {source}: "
                f"both results would be {out / name}{suffixes[0]}"
            )
        by_name[name] = source
    jobs = [(source, out / f"{name}{suffixes[0]}") for name, source in by_name.items()]
    # The result of one may be the input of another.
    check_separate([target for _, target in jobs], flat)
    return jobs


def run_all(jobs: list[Job], run: Callable[[Path, Path], Result], *, debug: bool) -> list[Result]:
    """Run every job; of several, one that fails for any reason does not stop the rest.

    A defect of mbcli shows its traceback, for a bug report.

    Raises:
        Exception: from the only job; or the disk is full, which would fail all other jobs too, or
            a signal asked the command to end.
    """
    if len(jobs) == 1:
        return [run(*jobs[0])]
    results = []
    for source, target in jobs:
        try:
            results.append(run(source, target))
        except Exception as error:
            if _disk_is_full(error) or cause(error) is not None:
                raise
            message, defect = one_line(error), not isinstance(error, MbcliError)
            if defect:
                message = f"a defect of mbcli, {type(error).__name__}: {message}"
            show_error(message, debug=debug or defect)
            results.append(Result(source=source, error=message))
    return results


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether an error was caused, directly or indirectly, by a full disk or quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
