"""Files of object stores and other services, by the addresses of fsspec: ``s3://``, ``gs://`` ...

An address is a `Path` here, as everywhere: ``s3://clips/walk.mp4`` has the parts ``s3:``, ``clips``
and ``walk.mp4``, so that names and folders are taken from it as from any other.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mbcli.errors import ConfigError, InputError, OutputError, first_line

_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]+:")  # two letters or more: C: is a drive
_LOCAL = ("file:", "local:")  # whose addresses begin at the root

# Local copies, and what they are copies of.
_origins: dict[Path, str] = {}


def is_remote(path: Path) -> bool:
    """Whether a path is an address."""
    return bool(path.parts) and bool(_PROTOCOL.fullmatch(path.parts[0]))


def address(path: Path) -> str:
    """The address that a path stands for; a local path is its own."""
    if not is_remote(path):
        return str(path)
    protocol, *names = path.parts
    return f"{protocol}//{'/' * (protocol in _LOCAL)}{'/'.join(names)}"


def here(path: Path) -> Path | None:
    """The file of this machine that a path or address names; None if it is elsewhere."""
    if not is_remote(path):
        return path
    return Path("/", *path.parts[1:]) if path.parts[0] in _LOCAL else None


def origin(path: Path) -> str:
    """What a file is called in results: the address of which it is a copy, or its whole name."""
    return _origins.get(path, str(path.resolve()))


def exists(path: Path) -> bool:
    """Whether there is a file or folder.

    Raises:
        InputError: the service cannot be asked.
    """
    with _asked(path) as (files, name):
        return bool(files.exists(name))


def is_folder(path: Path) -> bool:
    """Whether there is a folder, here or at an address.

    Raises:
        InputError: the service cannot be asked.
    """
    if not is_remote(path):
        return path.is_dir()
    with _asked(path) as (files, name):
        return bool(files.isdir(name))


def found(pattern: Path) -> list[Path]:
    """Files that match a pattern, or lie in a folder: ``folder/*``.

    Raises:
        InputError: the service cannot be asked.
    """
    with _asked(pattern) as (files, name):
        protocol = Path(pattern.parts[0])
        return sorted(protocol / one.lstrip("/") for one in files.glob(name))


def state(path: Path) -> Any:
    """What changes when a file is written anew: its size, and a time or checksum; None without it.

    Raises:
        InputError: the service cannot be asked.
    """
    with _asked(path) as (files, name):
        try:
            return [files.size(name), str(files.checksum(name))]
        except FileNotFoundError:
            return None


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is none that can be read."""
    with _asked(path) as (files, name):
        try:
            return json.loads(files.cat_file(name))
        except (FileNotFoundError, ValueError):
            return None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file.

    Raises:
        OutputError: it cannot be written.
    """
    with _asked(path, OutputError) as (files, name):
        files.makedirs(files._parent(name), exist_ok=True)
        files.pipe_file(name, json.dumps(content).encode())


def fetch(path: Path, folder: Path) -> Path:
    """Copy a file, or a folder with all that is in it, into a local folder.

    Returns:
        The copy, whose `origin` is the address.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.name
    with _asked(path) as (files, name):
        files.get(name, str(copy), recursive=files.isdir(name))
    _origins[copy] = address(path)
    return copy


def put(file: Path, path: Path) -> None:
    """Copy a local file to an address, where it is whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(f".mbcli-{secrets.token_hex(4)}.part")
    with _asked(path, OutputError) as (files, name):
        files.makedirs(files._parent(name), exist_ok=True)
        there = files._strip_protocol(address(part))
        try:
            files.put_file(str(file), there)
            files.mv(there, name)
        except BaseException:
            if files.exists(there):
                files.rm(there)
            raise


@contextmanager
def _asked(
    path: Path, wrong: type[InputError | OutputError] = InputError
) -> Iterator[tuple[Any, str]]:
    """The service of an address, and the file's name there; what goes wrong there is one line."""
    import fsspec

    try:
        files, name = fsspec.core.url_to_fs(address(path))
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{address(path)} cannot be reached: {first_line(error)}") from error
    files.invalidate_cache()
    try:
        yield files, name
    except FileNotFoundError as error:
        raise wrong(f"{address(path)} does not exist") from error
    except Exception as error:  # each service has errors of its own
        verb = "read" if wrong is InputError else "written"
        raise wrong(f"{address(path)} cannot be {verb}: {first_line(error)}") from error
