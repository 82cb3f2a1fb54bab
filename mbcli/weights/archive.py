"""Taking one file out of a ZIP archive that came from the network."""

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
    """Write the only member with a given file name, in whatever folder, to ``target``.

    No name from the archive is used as a path.

    Args:
        archive: the ZIP file.
        member: file name without a folder, such as ``end2end.onnx``.
        target: written to, and left as it is if something goes wrong.
        most: bytes that the member may have.
        observer: is told the bytes written.

    Raises:
        WeightsError: no archive, a damaged one, not exactly one such member, or one that is
            larger than it may be.
        OSError: ``target`` cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            fitting = [i for i in opened.infolist() if PurePosixPath(i.filename).name == member]
            if len(fitting) != 1:
                raise WeightsError(
                    f"the archive must hold one file {member}, but holds {len(fitting)}"
                )
            info = fitting[0]
            if info.file_size > most:
                raise WeightsError(
                    f"{member} in the archive must be {most} bytes at most, got {info.file_size}"
                )
            # Reading stops at the size that the directory of the archive tells.
            with opened.open(info) as source, target.open("wb") as out:
                done = 0
                while chunk := source.read(_CHUNK):
                    out.write(chunk)
                    done += len(chunk)
                    observer("unpack", done, info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError: encrypted; NotImplementedError: a compression that zipfile does not know.
        raise WeightsError(f"the archive is damaged or not a plain ZIP file: {error}") from error
