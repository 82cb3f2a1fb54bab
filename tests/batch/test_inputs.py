from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mbcli.batch.inputs import gather
from mbcli.batch.plan import plan
from mbcli.errors import InputError


def inside(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mp4"))


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.mp4", "b.mp4", "day1/a.mp4", "day1/late/c.mp4", ".trash/d.mp4", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*words: str, recursive: bool = False, inputs_from: str | None = None) -> list[str]:
    given = gather(words, inside, recursive=recursive, inputs_from=inputs_from)
    return [one.path.as_posix() for one in given]


def test_files_folders_and_patterns(films: Path) -> None:
    assert found("b.mp4", "missing.mp4") == ["b.mp4", "missing.mp4"]
    assert found(".") == ["a.mp4", "b.mp4"]
    assert found("pictures") == ["pictures"], "a folder of pictures is one input"
    assert found("*.mp4") == ["a.mp4", "b.mp4"]
    assert found("**/c.mp4") == ["day1/late/c.mp4"]
    assert found(f"{films}/d*/*.mp4") == [f"{films.as_posix()}/day1/a.mp4"]
    with pytest.raises(InputError, match=r"no file matches \*\.mov"):
        found("*.mov")


def test_a_name_that_looks_like_a_pattern_is_the_file(films: Path) -> None:
    (films / "take[1].mp4").touch()
    assert found("take[1].mp4") == ["take[1].mp4"]


def test_each_file_comes_once(films: Path) -> None:
    assert found("b.mp4", ".", str(films / "a.mp4")) == ["b.mp4", "a.mp4"]


def test_recursive_keeps_folders_and_leaves_out_hidden_ones(films: Path) -> None:
    given = gather(["."], inside, recursive=True)
    assert [(one.path.as_posix(), one.below.as_posix()) for one in given] == [
        ("a.mp4", "."),
        ("b.mp4", "."),
        ("day1/a.mp4", "day1"),
        ("day1/late/c.mp4", "day1/late"),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_in_a_circle_are_an_input_that_cannot_be_read(tmp_path: Path) -> None:
    link = tmp_path / "film.mp4"
    link.symlink_to(link)
    (given,) = gather([link], lambda folder: [])
    made = plan([given], tmp_path / "out", (".npz",), beside="")
    assert [job.source for job in made.jobs] == [link]


def test_lists(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (films / "list.txt").write_text("\ufeffb.mp4\n\n day1 \n*.mp4\n", encoding="utf-8")
    assert found(inputs_from="list.txt") == ["b.mp4", "day1/a.mp4", "a.mp4"]
    monkeypatch.setattr("sys.stdin", io.StringIO("a.mp4\n"))
    assert found("-", "b.mp4") == ["a.mp4", "b.mp4"]
    for name in ("missing.txt", "."):
        with pytest.raises(InputError, match=r"the list of inputs .* cannot be read"):
            found(inputs_from=name)


def test_no_input_is_refused(films: Path) -> None:
    with pytest.raises(InputError, match="there is no input"):
        found()
