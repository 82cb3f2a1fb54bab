from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mbcli import weights
from mbcli.errors import WeightsError
from mbcli.skeleton import SKELETONS
from mbcli.weights import TABLE, entry_for, resolve, sha256_of, verify

NAME = "movenet-thunder"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(weights.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _elsewhere(monkeypatch: pytest.MonkeyPatch, directory: Path) -> Path:
    """Take the bundled weights away and give an empty directory instead."""
    directory.mkdir()
    monkeypatch.setattr(weights, "bundled_directory", lambda: directory)
    return directory


@pytest.mark.parametrize("name", list(TABLE))
def test_every_file_of_the_table_is_whole(name: str) -> None:
    path = verify(name)
    assert path.name == TABLE[name].file
    assert entry_for(path) == TABLE[name]
    assert TABLE[name].skeleton in SKELETONS
    assert TABLE[name].name == name


def test_every_file_has_its_provenance_written_beside_it() -> None:
    folder = weights.bundled_directory()
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for entry in TABLE.values():
        assert entry.file in readme
    assert "Apache License" in (folder / "LICENSE-movenet").read_text(encoding="utf-8")


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


def test_the_environment_goes_before_the_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / TABLE[NAME].file).write_bytes(resolve(NAME).read_bytes())
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert resolve(NAME) == tmp_path / TABLE[NAME].file
    other = "movenet-multipose"
    assert resolve(other) == weights.bundled_directory() / TABLE[other].file


def test_the_cache_is_the_last_resort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = resolve(NAME).read_bytes()
    _elsewhere(monkeypatch, tmp_path / "empty")
    monkeypatch.setattr(weights, "cache_directory", lambda: tmp_path)
    (tmp_path / TABLE[NAME].file).write_bytes(original)
    assert resolve(NAME) == tmp_path / TABLE[NAME].file


def test_a_missing_file_names_places_and_choices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = _elsewhere(monkeypatch, tmp_path / "empty")
    with pytest.raises(WeightsError) as caught:
        resolve(NAME)
    message = str(caught.value)
    assert "\n" not in message
    for part in (NAME, TABLE[NAME].file, str(empty), str(weights.cache_directory()), *TABLE):
        assert part in message


@pytest.mark.parametrize("what", ["no-such-weights", "some/folder/x.onnx"])
def test_an_unknown_name_lists_the_names(what: str) -> None:
    with pytest.raises(WeightsError, match="does not exist") as caught:
        resolve(what)
    assert what in str(caught.value)
    assert NAME in str(caught.value)


def test_a_directory_is_no_weights_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a directory"):
        resolve(tmp_path)


def test_the_environment_must_name_a_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match="MBCLI_WEIGHTS must name a directory"):
        resolve(NAME)


def test_a_truncated_file_is_told_by_its_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = resolve(NAME).read_bytes()
    (tmp_path / TABLE[NAME].file).write_bytes(content[:-1])
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(WeightsError, match=f"must be {len(content)} bytes, got {len(content) - 1}"):
        resolve(NAME)


def test_a_damaged_file_is_told_by_its_digest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = bytearray(resolve(NAME).read_bytes())
    content[-1] ^= 1
    (tmp_path / TABLE[NAME].file).write_bytes(content)
    monkeypatch.setenv(weights.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert resolve(NAME).parent == tmp_path
    with pytest.raises(WeightsError, match="SHA-256"):
        verify(NAME)


def test_verify_takes_names_only() -> None:
    with pytest.raises(WeightsError, match="no weights are named"):
        verify("thunder")


def test_sha256_of_more_than_one_chunk(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_an_unreadable_file_is_told() -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        sha256_of("no such file")
