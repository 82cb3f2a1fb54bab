from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mbcli import weights
from mbcli.errors import WeightsError
from mbcli.weights import TABLE, check, entry_for, find, on_disk, resolve, sha256_of, verify

NAME = "movenet-thunder"


def _elsewhere(monkeypatch: pytest.MonkeyPatch, directory: Path) -> Path:
    """Take the bundled weights away and give an empty directory instead."""
    directory.mkdir()
    monkeypatch.setattr(find, "bundled_directory", lambda: directory)
    return directory


def _row(monkeypatch: pytest.MonkeyPatch, **known: object) -> weights.WeightsEntry:
    """A row of the table of which only ``known`` is known."""
    row = replace(TABLE["rtmo-m-onnx"], name="new", file="new.onnx", **known)  # type: ignore[arg-type]
    monkeypatch.setitem(TABLE, "new", row)
    return row


def test_an_explicit_path_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    own.write_bytes(b"mine")
    assert resolve(own) == own
    assert resolve(str(own)) == own
    assert entry_for(own) is None


def test_a_renamed_copy_is_recognised(tmp_path: Path) -> None:
    copy = tmp_path / "other name.onnx"
    copy.write_bytes(resolve(NAME).read_bytes())
    assert entry_for(copy) == TABLE[NAME]
    damaged = bytearray(copy.read_bytes())
    damaged[1000] ^= 1
    copy.write_bytes(damaged)
    assert entry_for(copy) is None


def test_a_file_is_recognised_by_the_publishers_digits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"content")
    assert entry_for(tmp_path / "x") is None
    row = _row(monkeypatch, sha256_prefix=hashlib.sha256(b"content").hexdigest()[:8])
    assert entry_for(tmp_path / "x") == row


def test_the_environment_goes_before_the_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / TABLE[NAME].file).write_bytes(resolve(NAME).read_bytes())
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert resolve(NAME) == tmp_path / TABLE[NAME].file
    other = "movenet-multipose"
    assert resolve(other) == weights.bundled_directory() / TABLE[other].file


def test_the_cache_is_the_last_resort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    original = resolve(NAME).read_bytes()
    _elsewhere(monkeypatch, tmp_path / "empty")
    assert on_disk(NAME) is None
    cache.mkdir(parents=True)
    (cache / TABLE[NAME].file).write_bytes(original)
    assert resolve(NAME) == on_disk(NAME) == cache / TABLE[NAME].file


def test_a_missing_file_names_places_and_the_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = _elsewhere(monkeypatch, tmp_path / "empty")
    for name, remedy in (
        (NAME, "put it there"),
        ("rtmo-m-onnx", "mbcli weights fetch rtmo-m-onnx"),
    ):
        with pytest.raises(WeightsError) as caught:
            resolve(name)
        message = str(caught.value)
        assert "\n" not in message
        for part in (name, TABLE[name].file, str(empty), str(weights.cache_directory()), remedy):
            assert part in message


@pytest.mark.parametrize("what", ["movenet-tunder", "some/movenet-thunder"])
def test_an_unknown_name_gives_the_nearest(what: str) -> None:
    with pytest.raises(WeightsError, match="does not exist") as caught:
        resolve(what)
    assert what in str(caught.value)
    assert NAME in str(caught.value)
    assert "mbcli weights list" in str(caught.value)


def test_a_directory_is_no_weights_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a directory"):
        resolve(tmp_path)


def test_the_environment_must_name_a_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match="MBCLI_WEIGHTS must name a directory"):
        resolve(NAME)


def test_a_truncated_file_is_detected_by_its_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = resolve(NAME).read_bytes()
    (tmp_path / TABLE[NAME].file).write_bytes(content[:-1])
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert on_disk(NAME) == tmp_path / TABLE[NAME].file
    with pytest.raises(WeightsError, match=f"must be {len(content)} bytes, got {len(content) - 1}"):
        resolve(NAME)


def test_a_damaged_file_is_detected_by_its_digest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = bytearray(resolve(NAME).read_bytes())
    content[-1] ^= 1
    (tmp_path / TABLE[NAME].file).write_bytes(content)
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert resolve(NAME).parent == tmp_path
    with pytest.raises(WeightsError, match="SHA-256"):
        verify(NAME)


def test_what_a_digest_is_compared_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "new.onnx"
    path.write_bytes(b"content")
    digest = sha256_of(path)
    other = "0" * 64
    assert check(_row(monkeypatch), path) is None

    full = _row(monkeypatch, sha256=digest, sha256_source="second-hand")
    known = check(full, path)
    assert known is not None
    assert known.source == "second-hand"
    with pytest.raises(WeightsError, match=f"must be {other} .a second-hand digest"):
        check(replace(full, sha256=other), path)

    first_digits = _row(monkeypatch, sha256_prefix=digest[:8])
    known = check(first_digits, path)
    assert known is not None
    assert (known.source, known.digits) == ("publisher", digest[:8])
    with pytest.raises(WeightsError, match="must begin with 00000000"):
        check(replace(first_digits, sha256_prefix="00000000"), path)

    note = tmp_path / "new.onnx.sha256"
    note.write_text(f"{digest}  new.onnx\n")
    known = check(_row(monkeypatch), path)
    assert known is not None
    assert known.source == "first download"
    note.write_text(f"{other}  new.onnx\n")
    with pytest.raises(WeightsError, match="as first downloaded; the publisher's digest"):
        check(_row(monkeypatch), path)
    for nonsense in (b"", b"abc  new.onnx", b"\xff\xfe"):
        note.write_bytes(nonsense)
        with pytest.raises(WeightsError, match="remove it"):
            check(_row(monkeypatch), path)


@pytest.mark.parametrize("ask", [verify, on_disk])
def test_names_only(ask: object) -> None:
    with pytest.raises(WeightsError, match="no weights are named 'thunder'"):
        ask("thunder")  # type: ignore[operator]


def test_sha256_of_more_than_one_chunk(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    algorithm = hashlib.sha256

    def counted() -> Any:
        begun.append(1)
        return algorithm()

    monkeypatch.setattr(hashlib, "sha256", counted)
    path = tmp_path / "file"
    path.write_bytes(b"first")
    first = sha256_of(path)
    assert sha256_of(str(path)) == sha256_of(path) == first == algorithm(b"first").hexdigest()
    assert len(begun) == 1
    path.write_bytes(b"other content")
    assert sha256_of(path) == algorithm(b"other content").hexdigest()
    assert len(begun) == 2


def test_an_unreadable_file_is_reported() -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        sha256_of("no such file")
