"""What a path that is no file or folder may have been meant as."""

from __future__ import annotations

import re
from pathlib import Path

from mbcli.errors import InputError

# A scheme of two letters or more; one is a drive. `Path` leaves one of two slashes.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE)


def check_there(path: Path) -> None:
    """Check that a path is a file or a folder.

    Raises:
        InputError: it is missing, an address, the number of a camera, a device or a pipe.
    """
    if path.is_file() or path.is_dir():
        return
    name, rule = str(path), "the input must be a file or a folder"
    if path.exists():
        raise InputError(f"{rule}, but {path} is a device or pipe: record it into a file first")
    if address := _ADDRESS.fullmatch(name):
        scheme, rest = address.groups()
        if scheme.lower() == "file":
            raise InputError(f"{rule} on this machine, without {scheme}://, got {scheme}://{rest}")
        raise InputError(
            f"{rule} on this machine, got the address {scheme}://{rest}: download or record it "
            "into a file first, or follow it with mbcli live"
        )
    if name.isdecimal() or re.match(r"/dev/|video=", name):
        raise InputError(
            f"{rule}, got the camera {name}: record what it shows into a file first, "
            "or follow it with mbcli live"
        )
    raise InputError(f"no such file or folder: {path}")
