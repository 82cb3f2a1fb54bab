"""From the words of a command line to input files: folders, patterns, lists."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mbcli.errors import InputError
from mbcli.storage.remote import found, is_folder, is_remote

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Given:
    """An input.

    Attributes:
        path: the file, or a folder that is one input.
        below: its folder relative to the one that was named; results keep it.
        name: the name of its result without suffix; None means that of the file.
    """

    path: Path
    below: Path = Path()
    name: str | None = None


def gather(
    words: Iterable[str | Path],
    inside: Callable[[Path], Sequence[Path]],
    *,
    recursive: bool = False,
    inputs_from: str | None = None,
) -> list[Given]:
    """Find the inputs that are named; each file once, in the order of the names.

    Args:
        words: files, folders, patterns such as ``*.mp4`` that the shell has not expanded, or ``-``
            for names on standard input, one a line.
        inside: lists the inputs directly in a folder; a folder without any is one input.
        recursive: also look in folders inside folders; hidden ones are left out.
        inputs_from: a file of further names, one a line, or ``-``.

    Raises:
        InputError: there is no input, a pattern matches nothing, or a list or folder cannot be
            read.
    """
    named = [*map(str, words), *([] if inputs_from is None else [_List(inputs_from)])]
    all_given: dict[Path, Given] = {}
    for word in _unfolded(named):
        path = Path(word)
        if is_folder(path):
            given = list(_in_folder(path, inside, recursive)) or [Given(path)]
        else:
            given = [Given(path)]
        for one in given:
            all_given.setdefault(real(one.path), one)
    if not all_given:
        raise InputError("there is no input: name files, folders or patterns, or --inputs-from")
    return list(all_given.values())


def real(path: Path) -> Path:
    """A path with its links followed; of links in a circle, at which `Path.resolve` fails, one."""
    return Path(os.path.realpath(path))


class _List(str):
    """The name of a file that lists inputs."""

    __slots__ = ()


def _unfolded(words: Sequence[str]) -> Iterator[str]:
    """Names of files and folders, with lists and patterns resolved."""
    for word in words:
        if word == STANDARD_INPUT or isinstance(word, _List):
            yield from _unfolded(_lines(word))
        elif glob.has_magic(word) and not os.path.lexists(word):
            far = is_remote(Path(word))
            # Of pathlib.Path.glob there are no absolute ones.
            matches = found(Path(word)) if far else glob.glob(word, recursive=True)  # noqa: PTH207
            if not matches:
                raise InputError(f"no file matches {word}")
            yield from sorted(map(str, matches))
        else:
            yield word


def _lines(name: str) -> list[str]:
    try:
        text = (
            sys.stdin.read()
            if name == STANDARD_INPUT
            else Path(name).read_text(encoding="utf-8-sig")
        )
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"the list of inputs {name} cannot be read: {why}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _in_folder(
    folder: Path, inside: Callable[[Path], Sequence[Path]], recursive: bool
) -> Iterator[Given]:
    for path in inside(folder):
        yield Given(path)
    if not recursive:
        return
    for inner in _folders(folder):
        for path in inside(inner):
            yield Given(path, inner.relative_to(folder))


def _folders(folder: Path) -> Iterator[Path]:
    """The visible folders inside a folder and inside each other."""
    if is_remote(folder):
        yield from sorted({one.parent for one in found(folder / "**" / "*")} - {folder})
        return
    for parent, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in folders)
