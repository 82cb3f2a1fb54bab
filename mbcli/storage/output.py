"""Writing results so that a reader finds all of a file or nothing of it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mbcli.errors import OutputError


def check_output(path: Path, *, overwrite: bool) -> None:
    """Find out, before any work is done, whether ``path`` can be written.

    Raises:
        OutputError: the folder does not exist or cannot be written to, the path is a folder, or
            the file exists and ``overwrite`` is off.
    """
    if path.is_dir():
        raise OutputError(f"the output must be a file, but {path} is a folder")
    if path.exists() and not overwrite:
        raise OutputError(f"the output {path} exists: choose another name or add --overwrite")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Find out whether files can be created in ``folder``.

    Raises:
        OutputError: it does not exist, is no folder or cannot be written to.
    """
    if not folder.is_dir():
        raise OutputError(f"the output folder must exist, but {folder} does not: create it first")
    try:
        # Asking for the permission bits would miss read-only file systems and full quotas.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"the output folder {folder} cannot be written to: {error.strerror}"
        ) from error


@contextmanager
def written_whole(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success it becomes ``path``, else it is removed.

    The temporary name keeps the suffix, so that writers which choose by it choose the same.

    Raises:
        OutputError: as :func:`check_output`, or the writing in the body failed.
    """
    check_output(path, overwrite=overwrite)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
