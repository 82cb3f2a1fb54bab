"""Commands on the pages do what they say: each is run on the first moments of the example clip.

Commands are the lines of ``bash`` blocks and indented lines. Those below a comment
``<!-- not run: why -->`` are only parsed by the command line. What stands in backquotes is parsed
as far as it is whole. Blocks of ``python`` are run.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import mbcli
from mbcli.cli.app import app
from mbcli.video import VideoReader, write_video

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
}
SECONDS = 0.8  # long enough for training data, which begin at half a second

_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
_BASH = re.compile(
    r"^(?P<comment><!-- not run: [^\n]+ -->\n\n?)?"
    r"(?:```bash\n(?P<fenced>.*?)^```$|(?<=\n\n)(?P<indented>(?:^ {4}\S[^\n]*\n)+))",
    re.M | re.S,
)


@dataclass(frozen=True)
class Command:
    """One command of a block; those that are joined by && come one by one."""

    words: tuple[str, ...]
    run: bool  # here: .venv/bin/mbcli in the README is run by .ci/run, where .venv is made

    @property
    def of_mbcli(self) -> bool:
        return Path(self.words[0]).name == "mbcli"


def commands(page: str) -> Iterator[Command]:
    for block in _BASH.finditer(_PYTHON.sub("", PAGES[page])):
        for line in (block["fenced"] or block["indented"]).splitlines():
            for part in line.split(" && "):
                words = tuple(shlex.split(part))
                yield Command(words, run=words[0] == "mbcli" and block["comment"] is None)


def in_backquotes() -> Iterator[tuple[str, str]]:
    for name, page in PAGES.items():
        text = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
        yield from ((name, code) for code in re.findall(r"`([^`\n]+)`", text))


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the live command line by its words."""
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


LEAVES = dict(leaves(typer.main.get_command(app)))
FLAGS = {
    flag: path
    for path, command in LEAVES.items()
    for parameter in command.params
    for flag in (*parameter.opts, *parameter.secondary_opts)
}
# Options of other programs, and of scripts, that pages speak of.
FOREIGN = {"--help"}


@pytest.fixture(scope="module")
def example(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages take for granted: a short video.mp4, and its pose.npz."""
    folder = tmp_path_factory.mktemp("pages")
    with VideoReader(walk, end=SECONDS) as reader:
        write_video(folder / "video.mp4", (frame.image for frame in reader), fps=reader.fps)
    mbcli.infer(folder / "video.mp4").save(folder / "pose.npz")
    (folder / "examples").mkdir()
    shutil.copy(folder / "video.mp4", folder / "examples" / "walk.mp4")
    return folder


@pytest.fixture
def place(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, as the working directory."""
    folder = tmp_path / "place"
    shutil.copytree(example, folder)
    monkeypatch.chdir(folder)
    return folder


def written(words: tuple[str, ...]) -> Path | None:
    return next((Path(b) for a, b in pairwise(words) if a == "--out"), None)


RUN = [page for page in PAGES if any(command.run for command in commands(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_commands_run(page: str, place: Path) -> None:
    for command in commands(page):
        if not command.run:
            continue
        done = CliRunner().invoke(app, command.words[1:], catch_exceptions=False)
        assert done.exit_code == 0, f"{shlex.join(command.words)}\n{done.output}"
        out = written(command.words)
        if out is not None:
            # One file per person if the format holds one: walk_1.bvh.
            found = [out, *place.glob(f"{out.name.partition('.')[0]}_*{out.suffix}")]
            assert any(path.exists() for path in found), shlex.join(command.words)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if "import mbcli" in PAGES[page]])
def test_python_runs(page: str, place: Path) -> None:
    for code in _PYTHON.findall(PAGES[page]):
        if "load(" not in code:
            (place / "pose.npz").unlink()
        exec(compile(code, page, "exec"), {})


def test_the_pages_have_commands() -> None:
    every = [command for page in PAGES for command in commands(page)]
    assert len(RUN) >= 5
    assert len([command for command in every if command.run]) > 25
    assert len([command for command in every if command.of_mbcli and not command.run]) > 10


def parsed(words: tuple[str, ...]) -> None:
    """Let the command line read its words, and do nothing."""
    command = typer.main.get_command(app)
    for _, leaf in leaves(command):
        leaf.callback = lambda **_: None
    command.main(args=list(words), prog_name="mbcli", standalone_mode=False)


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_sound(page: str) -> None:
    """All of them, those that are not run too."""
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for command in commands(page):
        program, *words = command.words
        for word in words:
            if word.startswith(("examples/", "tests/")):
                assert (ROOT / word).exists(), word
        if command.of_mbcli:
            parsed(tuple(words))
        elif program.startswith("python") and words[0] == "-m":
            assert find_spec(words[1]) is not None, words[1]
        elif program == ".ci/check":
            assert set(words) <= {"style", "spelling", "types", "dependencies", "docs", "tests"}
        elif program == "pip" or program.endswith("/pip"):
            for extra in ",".join(re.findall(r"\[([\w,]+)\]", shlex.join(words))).split(","):
                assert not extra or re.search(rf"^{extra} = \[$", extras, re.M), extra
        else:
            assert program in (".venv/bin/python", ".venv/bin/pre-commit"), program


def test_commands_in_backquotes_are_sound() -> None:
    """Their command and options exist, and a value is one that its option takes."""
    groups = {path[:1] for path in LEAVES}
    seen = 0
    for page, code in in_backquotes():
        if not re.match(r"mbcli [a-z]|--[a-z]|rtmpose --", code):
            continue
        words = shlex.split(code)
        if words[0] == "mbcli":
            path = tuple(word for word in words[1:3] if re.fullmatch(r"[a-z]+", word))
            assert path in LEAVES or path[:1] in LEAVES or path in groups, f"{page}: {code}"
        for word, after in zip(words, [*words[1:], ""], strict=True):
            flag, _, joined = word.partition("=")
            if not re.match(r"--[a-z]", flag) or flag in FOREIGN:
                continue
            assert flag in FLAGS, f"{page}: {code}"
            seen += 1
            value = joined or after
            # What is in capitals or gives a choice stands for a value.
            if value and not re.search(r"^-|[|{]|[A-Z]{3}", value):
                assert f"Invalid value for '{flag}'" not in complaint(FLAGS[flag], flag, value)
    assert seen > 60


def complaint(path: tuple[str, ...], *words: str) -> str:
    """What the command line has against words that it is given; empty if nothing."""
    try:
        parsed((*path, *words))
    except Exception as error:
        return getattr(error, "format_message", error.__str__)()
    return ""


def test_a_wrong_value_is_noticed() -> None:
    assert "Invalid value for '--layout'" in complaint(("render",), "--layout", "sideways")
    assert "No such option" in complaint(("render",), "--sideways")


def test_pictures_are_there_and_small() -> None:
    wanted = {
        name
        for page in PAGES.values()
        for name in re.findall(r"!\[[^\]]+\]\((?:docs/)?pictures/([^)]+)\)", page)
    }
    files = {path.name: path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()}
    assert wanted == set(files)
    assert files["walk.webp"] < 3_000_000
    assert sum(files.values()) < 4_000_000


def test_the_readme_is_short() -> None:
    lines = PAGES["README.md"].splitlines()
    assert len(lines) <= 120


def test_every_extra_that_is_installed_is_the_same_everywhere() -> None:
    """README, CONTRIBUTING and the head of constraints.txt speak of one environment."""
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    texts = (PAGES["README.md"], PAGES["CONTRIBUTING.md"], constraints)
    extras = {extra for text in texts for extra in re.findall(r"'\.\[(dev,[\w,]+)\]'", text)}
    assert len(extras) == 1


def test_the_api_page_has_every_public_name() -> None:
    shown = set(re.findall(r"^::: mbcli\.(\w+)$", PAGES["docs/api.md"], re.M))
    assert shown - {"errors"} == set(mbcli.__all__) - {"MbcliError", "__version__"}
