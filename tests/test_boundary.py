"""What readers raise becomes one line that names the file."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from mbcli.boundary import READER_ERRORS, reading
from mbcli.errors import ConfigError, DataError, InputError, WeightsError


@pytest.mark.parametrize("kind", READER_ERRORS, ids=lambda kind: kind.__name__)
def test_whatever_a_reader_raises_becomes_a_line(kind: type[Exception]) -> None:
    with (
        pytest.raises(DataError, match=r"^a\.bvh is not a motion: [^\n]+$") as caught,
        reading("a.bvh", "a motion", DataError),
    ):
        raise kind("first\nsecond")
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RecursionError("maximum depth"), "it is nested too deeply"),
        (MemoryError(), "it needs more memory than there is"),
        (OverflowError("int too large"), "a number in it is too large"),
        (KeyError("joints"), "joints is missing"),
        (KeyError("Unable to open\nobject"), "Unable to open object"),
        (ValueError("x" * 1000), "x" * 197 + "..."),
        (zipfile.BadZipFile("no zip"), "no zip"),
        (pickle.UnpicklingError(), "UnpicklingError"),
    ],
)
def test_the_reason_is_in_words(error: Exception, words: str) -> None:
    with pytest.raises(InputError) as caught, reading(Path("a.npz"), "an archive"):
        raise error
    assert str(caught.value) == f"a.npz is not an archive: {words}" or (
        words in str(caught.value) and isinstance(error, OverflowError)
    )


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with (
        pytest.raises(InputError, match=r"none\.json cannot be read: No such file or directory$"),
        reading(path, "JSON"),
    ):
        path.read_bytes()


def test_errors_of_ours_pass_but_for_their_class() -> None:
    with pytest.raises(ConfigError, match=r"^rule$"), reading("a", "b", DataError):
        raise ConfigError("rule")
    # A reader of storage does not know what it reads for.
    with pytest.raises(WeightsError, match=r"^rule$"), reading("a", "b", WeightsError):
        raise InputError("rule")
    with pytest.raises(KeyboardInterrupt), reading("a", "b"):
        raise KeyboardInterrupt
