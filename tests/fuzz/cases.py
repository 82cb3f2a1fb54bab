"""What is tried: a valid input of each kind, and what is broken in it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .odd import Rng, changed, damaged, pick
from .odd_archives import odd_archive

Command = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One run of the command line.

    Attributes:
        kind: row of the report.
        name: what is tried, unique.
        commands: arguments of ``mbcli``; run in the case's folder.
        prepare: writes the inputs into that folder.
    """

    kind: str
    name: str
    command: Command
    prepare: Callable[[Path], None]


@dataclass(frozen=True)
class Subject:
    """A kind of input, as it should be.

    Attributes:
        kind: row of the report.
        name: unique.
        commands: commands that read it, used in turn; the first is also run on the whole input.
        target: path of the file that is broken, in the case's folder.
        build: writes all files into a folder, as they should be.
        tree: the values in the target, if it is made of values.
        write: writes changed values to the target.
        archive: whether the target is a ZIP of arrays.
        weight: how many cases there are of it, in proportion.
    """

    kind: str
    name: str
    commands: tuple[Command, ...]
    target: str
    build: Callable[[Path], None]
    tree: Callable[[], Any] | None = None
    write: Callable[[Path, Any], None] | None = None
    archive: bool = False
    weight: int = 1

    def whole(self) -> Case:
        """The input as it should be, which must be accepted."""
        return Case(self.kind, f"{self.name} whole", self.commands[0], self.build)

    def broken(self, count: int, seed: int) -> Iterator[Case]:
        """Cases of the broken input."""
        for number in range(count):
            command = self.commands[number % len(self.commands)]
            name = f"{self.name} {seed}/{number}"
            entropy = zlib.crc32(name.encode())
            yield Case(self.kind, name, command, self._breaking(entropy))

    def _breaking(self, entropy: int) -> Callable[[Path], None]:
        def prepare(folder: Path) -> None:
            rng = np.random.default_rng(entropy)
            self.build(folder)
            target = folder / self.target
            if self.write is not None and self.tree is not None and rng.random() < 0.6:
                try:
                    self.write(target, changed(self.tree(), rng))
                except _NOT_WRITTEN:
                    target.write_bytes(damaged(target.read_bytes(), rng))
            elif self.archive and rng.random() < 0.6:
                target.write_bytes(odd_archive(target.read_bytes(), rng))
            else:
                target.write_bytes(damaged(target.read_bytes(), rng))

        return prepare


# What a format's own writer refuses to write.
_NOT_WRITTEN = (
    *(ArithmeticError, AttributeError, LookupError, OSError, RecursionError, RuntimeError),
    *(TypeError, ValueError),
)


def chosen(rng: Rng, cases: list[Case], count: int) -> list[Case]:
    """Some of the cases, in any order."""
    return [cases[number] for number in rng.permutation(len(cases))[:count].tolist()]


__all__ = ["Case", "Command", "Subject", "chosen", "pick"]
