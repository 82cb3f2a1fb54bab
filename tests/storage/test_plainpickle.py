"""Pickles of others are read as data, and a pickle that is more than data does nothing."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import InputError
from mbcli.storage.plainpickle import load_plain_npy, load_plain_npz, load_plain_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def _load(content: bytes) -> Any:
    return load_plain_pickle(io.BytesIO(content), "some.pkl")


def _plain(value: Any) -> Any:
    """Lists in place of arrays, at every depth."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        None,
        {"S1": {"Walking 1": [1, 2.5, "Grüße", b"\xff\x00", b"", True]}, ("a", 2): {3, 4}},
        OrderedDict(b=1, a=2),
        [frozenset({1}), 1j, bytearray(b"ab"), bytearray(), 2**80, float("nan")],
    ],
)
def test_plain_values_are_what_pickle_gives(value: Any, protocol: int) -> None:
    got = _load(pickle.dumps(value, protocol))
    assert repr(got) == repr(value)
    assert type(got) is type(value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6, dtype=">i2"),
        np.array(7.5),
        np.zeros((0, 17, 2)),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.array(["left", "Kniegelenk"]),
        np.array([b"x", b"yz"]),
        np.arange(10)[::3],
        np.array([{"a": np.arange(3)}, None, "x"], dtype=object),
        np.array({"positions": [np.ones((2, 17, 2))]}, dtype=object),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_are_what_numpy_gives(array: Any, protocol: int) -> None:
    content = pickle.dumps(array, protocol)
    got, want = np.asarray(_load(content)), np.asarray(pickle.loads(content))
    assert got.dtype == want.dtype
    assert got.shape == want.shape == array.shape
    assert _plain(got) == _plain(want) == _plain(array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("scalar", [np.float32(0.1), np.int64(-5), np.bool_(True), np.str_("ab")])
def test_numbers_of_numpy(scalar: Any, protocol: int) -> None:
    got = _load(pickle.dumps(scalar, protocol))
    assert got == scalar
    assert type(got) is type(scalar)


def test_both_names_of_numpys_inside() -> None:
    content = pickle.dumps({"a": np.arange(3)}, protocol=2)
    assert b"numpy._core.multiarray" in content  # as numpy 2 calls it
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    for pickled in (content, old):
        np.testing.assert_array_equal(_load(pickled)["a"], [0, 1, 2])


def test_python_2_wrote_bytes_for_text() -> None:
    # dict with a str key and an array whose bytes are a str, as cPickle of Python 2 writes them
    content = (
        b"\x80\x02}U\x04camscnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
        b"\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02i2K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x04\x01\x00\xff\xfftbs."
    )
    got = _load(content)
    np.testing.assert_array_equal(got["cams"], np.array([1, -1], np.int16))


class _Evil:
    """Runs a command when it is unpickled by Python's own means."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_code_is_not_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "was run"
    content = pickle.dumps({"x": [1, _Evil(trace)]}, protocol)
    with pytest.raises(
        InputError, match=r"some\.pkl must hold .*, got (posix|nt)\.mkdir"
    ) as caught:
        _load(content)
    assert "\n" not in str(caught.value)
    assert not trace.exists()
    pickle.loads(content)  # the same bytes do run in Python's own hands
    assert trace.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"builtins\neval",
        b"builtins\ngetattr",
        b"builtins\n__import__",
        b"numpy\nload",
        b"numpy\nndarray.__reduce__",
        b"numpy.ma.core\nMaskedArray",
        b"collections\ndefaultdict",
        b"functools\npartial",
        b"mbcli.storage.plainpickle\n_latin1",
    ],
)
def test_other_names_are_refused(name: bytes) -> None:
    with pytest.raises(InputError, match="it was not run"):
        _load(b"c" + name + b"\n.")


def _array_pickle(dtype: bytes, state: bytes) -> bytes:
    """An array of protocol 2 with a forged dtype and contents."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\n" + dtype + b"\x89" + state + b"tb."
    )


PLAIN = b"U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
POINTERS = b"U\x01OK\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def test_forged_arrays_are_refused() -> None:
    raw = b"U\x08" + bytes(8)
    assert np.asarray(_load(_array_pickle(PLAIN, raw))).tolist() == [0.0]
    with pytest.raises(InputError, match="object cannot hold a str"):
        _load(_array_pickle(POINTERS, raw))  # raw bytes as pointers to objects
    with pytest.raises(InputError, match="float64 cannot hold a list"):
        _load(_array_pickle(PLAIN, b"]"))
    with pytest.raises(InputError, match="must hold 8, got 4"):
        _load(_array_pickle(PLAIN, b"U\x04" + bytes(4)))
    with pytest.raises(InputError, match=r"must hold 1, got 0"):
        _load(_array_pickle(POINTERS, b"]"))
    with pytest.raises(InputError, match="numbers, strings or objects, got dtype 'f8,O'"):
        _load(_array_pickle(b"U\x04f8,OK\x00K\x01\x87R", raw))


def test_functions_keep_their_attributes() -> None:
    # BUILD with (None, {"__defaults__": ...}) sets attributes of whatever is on the stack.
    content = b"\x80\x02c_codecs\nencode\nN}U\x0c__defaults__)s\x86b."
    with pytest.raises(InputError, match="has no state"):
        _load(content)


def test_arrays_are_not_made_without_contents() -> None:
    with pytest.raises(InputError, match="not a complete pickle"):
        _load(b"\x80\x02cnumpy\nndarray\nK\x05\x85\x85R.")
    with pytest.raises(InputError, match="made of bytes, got int"):
        _load(b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cut_anywhere(protocol: int) -> None:
    content = pickle.dumps({"a": np.arange(3.0), "b": [1, "x"]}, protocol)
    for length in range(len(content) - 1):
        with pytest.raises(InputError, match=r"^some\.pkl is not a complete pickle: [^\n]+$"):
            _load(content[:length])


def test_npy_of_objects_and_of_numbers(tmp_path: Path) -> None:
    objects = np.array({"S1": [np.ones((2, 17, 2), np.float32)]}, dtype=object)
    np.savez_compressed(tmp_path / "a.npz", objects=objects, numbers=np.arange(4))
    got = load_plain_npz(tmp_path / "a.npz", ["objects", "numbers"])
    assert got["objects"].shape == ()
    np.testing.assert_array_equal(got["objects"].item()["S1"][0], np.ones((2, 17, 2)))
    np.testing.assert_array_equal(got["numbers"], np.arange(4))
    with pytest.raises(InputError, match=r"must hold the array 'c', got objects, numbers"):
        load_plain_npz(tmp_path / "a.npz", ["c"])


def test_damaged_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array({"x": 1}, dtype=object), b=np.arange(3))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"^[^\n]*a\.npz is not a complete \.npz archive: [^\n]*$"):
        load_plain_npz(path, ["a"])
    path.write_bytes(content.replace(b"x", b"y", 1))  # the check sum does not fit any more
    with pytest.raises(InputError, match=r"a\.npz \('a'\) is not a complete array: Bad CRC"):
        load_plain_npz(path, ["a"])
    with pytest.raises(InputError, match="no such file"):
        load_plain_npz(tmp_path / "b.npz", ["a"])


def test_damaged_npy(tmp_path: Path) -> None:
    for array in (np.arange(3), np.array([1, "x"], dtype=object)):
        stream = io.BytesIO()
        np.save(stream, array)
        content = stream.getvalue()
        for length in (0, 5, 9, 60, len(content) - 3):
            with pytest.raises(InputError, match=r"^x\.npy is not a complete [^\n]+$"):
                load_plain_npy(content[:length], "x.npy")


def test_malicious_npz(tmp_path: Path) -> None:
    trace = tmp_path / "was run"
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([_Evil(trace)], dtype=object))
    with pytest.raises(InputError, match="it was not run"):
        load_plain_npz(path, ["a"])
    assert not trace.exists()
