"""Atomic writing of results: a reader finds the complete file or none."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mbcli.errors import OutputError
from mbcli.storage.remote import address, here, is_remote
from mbcli.storage.workspace import workspace

# An input of a command: a file, a folder, a name of weights, or an option that was not given.
Input = Path | str | None


def check_output(path: Path, *, overwrite: bool, inputs: Iterable[Input]) -> None:
    """Check, before any work is done, that ``path`` can be written.

    Args:
        path: the file.
        overwrite: whether an existing file may be replaced.
        inputs: all inputs of the output; see :func:`check_separate`.

    Raises:
        OutputError: the folder cannot be created or written to, the path is a folder or one of the
            inputs, or the file exists and ``overwrite`` is off.
    """
    check_separate([path], inputs)
    _check_place(path, overwrite=overwrite)


def check_separate(outputs: Iterable[Path], inputs: Iterable[Input]) -> None:
    """Check that no input would be overwritten.

    Files and folders are compared by device and inode, following links, so that another name of an
    input is recognised. In an input folder, files with the suffix of an output count as inputs too,
    except ``.npz``: no input folder holds these, and results may be among its files.

    Args:
        outputs: the outputs.
        inputs: files, folders and names of weights; None stands for an option that was not given.

    Raises:
        OutputError: an output is one of the inputs.
    """
    read = {node: address(Path(given)) for given in inputs if given and (node := _node(given))}
    for output in outputs:
        node, folder = _node(output), _node(output.parent)
        if node in read:
            raise OutputError(
                f"the output must be a separate file, but {address(output)} is the input "
                f"{read[node]}"
            )
        if node and folder in read and output.is_file() and output.suffix.lower() != ".npz":
            raise OutputError(
                f"the output must be a separate file, but {address(output)} is in the input folder "
                f"{read[folder]}"
            )


def _node(path: Input) -> tuple[int, int] | str | None:
    """Device and inode of a path's target, or its address; None if it does not exist."""
    if not path:
        return None
    local = here(Path(path))
    if local is None:
        return address(Path(path))
    try:
        found = local.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _check_place(path: Path, *, overwrite: bool) -> None:
    if is_remote(path):
        raise OutputError(f"the output must be a file on this machine, got {address(path)}")
    if path.is_dir():
        raise OutputError(f"the output must be a file, but {path} is a folder")
    if path.exists() and not overwrite:
        raise OutputError(f"the output {path} exists: choose another name or add --overwrite")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Check that files can be created in ``folder``, which need not exist yet.

    Raises:
        OutputError: it is not a folder, cannot be written to or cannot be created.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"the output folder {folder} cannot be created: {place} is not a folder")
    try:
        # Checking the permission bits would miss read-only file systems and exhausted quotas.
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OutputError(
            f"the output folder {folder} cannot be written to: {error.strerror}"
        ) from error


def check_replaceable(folder: Path, own: Callable[[str], bool], *, overwrite: bool) -> None:
    """Check that a folder of files can be created at a path.

    Args:
        folder: the path.
        own: whether a file of that name belongs to such a folder.
        overwrite: whether an existing folder may be replaced.

    Raises:
        OutputError: the path exists, and ``overwrite`` is off or it contains other files.
    """
    if not os.path.lexists(folder):
        return
    if not overwrite:
        raise OutputError(f"the output {folder} exists: choose another name or add --overwrite")
    if folder.is_symlink() or not folder.is_dir():
        raise OutputError(f"the output {folder} must be a folder in order to be replaced")
    for inside in sorted(folder.iterdir()):
        if inside.is_symlink() or not inside.is_file() or not own(inside.name):
            raise OutputError(
                f"the output {folder} must contain only files written by mbcli in order to be "
                f"replaced, got {inside.name}"
            )


def move_folder(made: Path, folder: Path, own: Callable[[str], bool]) -> None:
    """Move a finished folder to its name. An existing folder is removed file by file.

    Args:
        made: the finished folder, beside ``folder``.
        folder: its final name.
        own: as for :func:`check_replaceable`, which is called again, since time has passed.

    Raises:
        OutputError: ``folder`` contains something that may not be removed.
        OSError: of the file system.
    """
    check_replaceable(folder, own, overwrite=True)
    if not folder.exists():
        made.rename(folder)
        return
    old = folder.with_name(f".mbcli-{secrets.token_hex(4)}.old")
    folder.rename(old)
    made.rename(folder)
    for inside in old.iterdir():
        inside.unlink()
    old.rmdir()


@contextmanager
def written_whole(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path of the same name; on success it becomes ``path``, else it is removed.

    Missing folders are created, and removed again on failure.

    Raises:
        OutputError: as :func:`check_output`, or the writing in the body failed.
    """
    with written_together([path], overwrite=overwrite) as (temporary,):
        yield temporary


@contextmanager
def written_together(paths: Sequence[Path], *, overwrite: bool) -> Iterator[list[Path]]:
    """Like :func:`written_whole`, of files in one folder, of which all are written or none.

    Args:
        paths: the files, one or more.
        overwrite: whether existing files may be replaced.
    """
    for path in paths:
        _check_place(path, overwrite=overwrite)
    try:
        with workspace(paths[0].parent) as place:
            temporaries = [place / path.name for path in paths]
            yield temporaries
            for temporary, path in zip(temporaries, paths, strict=True):
                temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{paths[0]} cannot be written: {error.strerror or error}") from error
