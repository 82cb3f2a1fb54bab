"""Ways to break a ZIP of arrays."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable

from .odd import Rng, damaged, pick

_HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 300 + ")" * 300 + "}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (",
    "{'descr': '<U1000000000', 'fortran_order': False, 'shape': ()}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
    "{'shape': (2,)}",
    "__import__('os').system('true')",
)


def odd_archive(content: bytes, rng: Rng) -> bytes:
    """An ``.npz`` with lying headers, odd compression, encryption, or other members."""
    return pick(rng, _ARCHIVE_CHANGES)(content, rng)


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _lying_header(content: bytes, rng: Rng) -> bytes:
    members = _members(content)
    text = pick(rng, _HEADERS).encode() + b"\n"
    name = pick(rng, sorted(members))
    members[name] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + members[name][128:]
    return _zipped(members)


def _other_members(content: bytes, rng: Rng) -> bytes:
    members = _members(content)
    name = pick(rng, sorted(members))
    change = int(rng.integers(5))
    if change == 0:
        del members[name]
    elif change == 1:
        members = {"folder/" + key: value for key, value in members.items()}
    elif change == 2:
        members[name] = damaged(members[name], rng)
    elif change == 3:
        members[name] = members[pick(rng, sorted(members))]
    else:
        members |= {"a/../../b.npy": b"x", "readme.txt": b"hello", "x" * 300 + ".npy": b""}
    return _zipped(members)


def _directory(content: bytes, rng: Rng) -> bytes:
    out = bytearray(content)
    entries = [match.start() for match in re.finditer(b"PK\x01\x02", content)]
    start = pick(rng, entries) if entries else 0
    offset, form, value = pick(
        rng,
        (
            (8, "<H", 1),
            (10, "<H", 99),
            (10, "<H", 14),
            (24, "<I", 4_000_000_000),
            (20, "<I", 0),
            (16, "<I", 7),
            (42, "<I", 10**9),
        ),
    )
    if start + offset + 4 <= len(out):
        struct.pack_into(form, out, start + offset, value)
    return bytes(out)


_UNUSUAL = (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)


_ARCHIVE_CHANGES: tuple[Callable[[bytes, Rng], bytes], ...] = (
    *(_lying_header, _lying_header, _other_members, _directory, _directory),
    lambda content, rng: _zipped(
        _members(content), pick(rng, (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))
    ),
    lambda content, rng: damaged(_zipped(_members(content), zipfile.ZIP_LZMA), rng),
)
