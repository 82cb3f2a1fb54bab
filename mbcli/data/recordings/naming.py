"""Names of recordings and of the people in them, from file paths."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from mbcli.errors import ConfigError


def files_in(source: Path) -> list[Path]:
    """The file itself, or all files in a folder, recursively and sorted."""
    return [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())


class Naming:
    """Names people and clips; clip names are unique.

    Args:
        source: the folder that paths are relative to, or a file in it.
        subject: regular expression that must match the whole path of a recording, relative to
            the folder, with forward slashes; its group ``subject`` names the person. None uses
            the path of the file's folder, or the name of ``source`` for a file directly in it.
        prefix: put before the person's name.

    Raises:
        ConfigError: ``subject`` is not a regular expression, or lacks the group.
    """

    def __init__(self, source: Path, subject: str | None, prefix: str) -> None:
        self._folder = source.parent if source.is_file() else source
        self._prefix = prefix
        self._pattern = None if subject is None else _pattern(subject)
        self._taken: set[str] = set()

    def relative(self, path: Path) -> str:
        """The path relative to the folder, with forward slashes."""
        return path.relative_to(self._folder).as_posix()

    def person(self, path: Path) -> str | None:
        """The name of the person in a recording; None where the expression does not match."""
        relative = self.relative(path)
        if self._pattern is None:
            # The root of a file system has an empty name.
            own = self._folder.resolve().name or "person"
            return self._prefix + (relative.rpartition("/")[0] or own)
        named = self._pattern.fullmatch(relative)
        return None if named is None else self._prefix + named["subject"]

    def clips(self, wanted: str, pieces: int) -> list[str]:
        """Names for the pieces of a recording: the wanted one, numbered if it is already taken."""
        for again in count(1):
            name = wanted if again == 1 else f"{wanted}_{again}"
            names = [f"{name}-{piece + 1}" for piece in range(pieces)] if pieces > 1 else [name]
            if self._taken.isdisjoint(names):
                break
        self._taken.update(names)
        return names


def _pattern(subject: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(subject)
    except re.error as error:
        raise ConfigError(
            f"subject must be a regular expression, got {subject!r}: {error}"
        ) from error
    if "subject" not in pattern.groupindex:
        raise ConfigError(f"the subject pattern needs a group (?P<subject>...), got {subject!r}")
    return pattern
