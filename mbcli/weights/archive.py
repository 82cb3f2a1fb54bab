"""Extraction of one file from a downloaded ZIP archive."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from mbcli.errors import WeightsError
from mbcli.report import Observer, unobserved

_CHUNK = 1 << 20  # bytes


def extract(
    archive: Path,
    member: str,
    target: Path,
    *,
    most: int,
    observer: Observer = unobserved,
) -> None:
    """Write the only member with a given file name, in any folder, to ``target``.

    Names in the archive are never used as paths.

    Args:
        archive: the ZIP file.
        member: file name without a folder, such as ``end2end.onnx``.
        target: output file; partial output remains after an error.
        most: maximum size of the member in bytes.
        observer: receives progress in bytes written.

    Raises:
        WeightsError: not an archive, a damaged one, not exactly one such member, or a member that
            is too large.
        OSError: ``target`` cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            fitting = [i for i in opened.infolist() if PurePosixPath(i.filename).name == member]
            if len(fitting) != 1:
                raise WeightsError(
                    f"the archive must contain one file {member}, but contains {len(fitting)}"
                )
            info = fitting[0]
            if info.file_size > most:
                raise WeightsError(
                    f"{member} in the archive must be {most} bytes at most, got {info.file_size}"
                )
            # Reading stops at the size stated in the archive's directory.
            with opened.open(info) as source, target.open("wb") as out:
                done = 0
                while chunk := source.read(_CHUNK):
                    out.write(chunk)
                    done += len(chunk)
                    observer("unpack", done, info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError: encrypted; NotImplementedError: an unsupported compression method.
        raise WeightsError(f"the archive is damaged or not a plain ZIP file: {error}") from error
