"""Archives of arrays that lie, and those that do not."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from motions import walking

from mbcli.bounds import memory_size
from mbcli.errors import InputError
from mbcli.motion import load_motion
from mbcli.storage.arrays import map_npy, opened_npz, read_npz

ARRAYS = {
    "numbers": np.arange(12.0).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(12, dtype=">i4").reshape(3, 4)),
    "name": np.array("h36m17"),
    "names": np.array(["left", "right"]),
    "none": np.empty((0, 3), np.float32),
    "yes": np.array([True, False]),
}


@pytest.fixture(params=[np.savez, np.savez_compressed])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    file = tmp_path / "arrays.npz"
    request.param(file, **ARRAYS)
    return file


def test_arrays_are_what_numpy_reads(path: Path) -> None:
    found = read_npz(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert list(read_npz(path, ["name"])) == ["name"]
    with opened_npz(path) as archive:
        assert archive.header("numbers").shape == (3, 4)


def _npy(descr: str, shape: str, data: bytes = b"\0" * 64) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


LIES = {
    "huge": (
        _npy("'<f4'", "(1000000000000,)"),
        r"its header says float32.*4e\+03 GB, got 64 bytes",
    ),
    "beyond": (_npy("'<f4'", f"({10**400},)"), "more than all memory"),
    "short": (_npy("'<f4'", "(8,)"), "32 bytes, got 64 bytes"),
    "negative": (_npy("'<f4'", "(-1,)"), "a shape of whole numbers"),
    "true": (_npy("'<f4'", "(True,)"), "a shape of whole numbers"),
    "objects": (_npy("'|O'", "(8,)"), "numbers or text, got object"),
    "records": (_npy("[('a', '<f4')]", "(16,)"), "numbers or text"),
    "dates": (_npy("'<M8[s]'", "(8,)"), "numbers or text"),
    "no type": (_npy("'hello'", "(8,)"), "not a complete array"),
    "deep": (_npy("'<f4'", "(" * 3000 + ")" * 3000), "not a complete array"),
    "open": (_npy("'<f4'", "(("), "not a complete array"),
    "long": (_npy("'<f4'", "(16,)" + " " * 20_000), "a header of at most 10000 bytes"),
    "version": (b"\x93NUMPY\x09\x00" + b"\0" * 64, "version 1, 2 or 3"),
    "empty": (b"", "not a complete array"),
    "text": (b"hello, hello, hello", "not a complete array"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(tmp_path: Path, lie: str) -> None:
    content, message = LIES[lie]
    packed, plain = tmp_path / "lie.npz", tmp_path / "lie.npy"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    plain.write_bytes(content)
    with pytest.raises(InputError, match=f"(?s)lie.npz .*{message}") as packed_error:
        read_npz(packed)
    with pytest.raises(InputError, match=f"(?s)lie.npy .*{message}"):
        map_npy(plain)
    assert len(str(packed_error.value)) < 400


def test_an_array_on_disk_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAYS["columns"])
    np.save(tmp_path / "none.npy", ARRAYS["none"])
    mapped = map_npy(tmp_path / "a.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, ARRAYS["columns"])
    assert map_npy(tmp_path / "none.npy").shape == (0, 3)
    with pytest.raises(InputError, match=r"b\.npy cannot be read: No such file"):
        map_npy(tmp_path / "b.npy")


def _repacked(path: Path, method: int) -> Path:
    out = path.with_name("packed.npz")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_only_what_numpy_packs_is_unpacked(path: Path, method: int) -> None:
    with pytest.raises(InputError, match=rf"stored or deflated, got method {method} for 'numbers'"):
        read_npz(_repacked(path, method))


def _directory_says(path: Path, offset: int, format: str, value: int) -> None:
    """Change a field of the first entry of the central directory."""
    content = bytearray(path.read_bytes())
    struct.pack_into(format, content, content.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(content)


def test_a_directory_that_lies_is_refused(path: Path) -> None:
    _directory_says(path, 24, "<I", 4_000_000_000)
    with pytest.raises(InputError, match=r"'numbers'\) cannot hold 4 GB: it is packed into"):
        read_npz(path)


def test_an_encrypted_archive_is_refused(path: Path) -> None:
    _directory_says(path, 8, "<H", 1)
    with pytest.raises(InputError, match="must not be encrypted, but 'numbers' is"):
        read_npz(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (3 * 10**9,)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.npy", header.getvalue() + b"\0" * 3_000_000)
    # The directory tells of a thousand times as much, which deflate could have packed.
    size = path.stat().st_size
    assert size < 100_000
    _directory_says(path, 24, "<I", 128 + 3 * 10**9)
    _directory_says(path, 20, "<I", 3 * 10**6)
    with pytest.raises(InputError, match=r"at most 2.15 GB altogether, got 3 GB"):
        read_npz(path)


def test_cut_anywhere_it_is_one_line(tmp_path: Path) -> None:
    whole, cut = tmp_path / "pose.npz", tmp_path / "cut.npz"
    walking(frames=3).save(whole)
    content = whole.read_bytes()
    rng = np.random.default_rng(0)
    for end in rng.integers(0, len(content), 60).tolist():
        cut.write_bytes(content[:end])
        with pytest.raises(InputError, match=r"cut\.npz"):
            load_motion(cut)
    for place in rng.integers(0, len(content), 200).tolist():
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        cut.write_bytes(changed)
        try:
            load_motion(cut)  # a time stamp of the archive may change without harm
        except InputError as error:
            assert "cut.npz" in str(error)  # noqa: PT017  # either is right


def test_sizes_are_written_for_people() -> None:
    assert [memory_size(n) for n in (0, 999, 1000, 2_500_000, 3 * 10**9)] == [
        "0 bytes",
        "999 bytes",
        "1 kB",
        "2.5 MB",
        "3 GB",
    ]
