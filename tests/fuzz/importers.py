"""The command that imports recordings and data sets, and what their files are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Command, Subject


def imports(format: str, source: str, *options: str) -> tuple[Command, ...]:
    """The command that imports a data set."""
    return (("data", "import", format, source, "--out", "out", *options),)


def write_arrays(path: Path, tree: Any) -> None:
    """Write an archive of arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **tree)


def write_objects(path: Path, tree: Any) -> None:
    """Write an archive of Python's own values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    members = {key: np.array(value, dtype=object) for key, value in tree.items()}
    np.savez_compressed(path, **members)  # type: ignore[arg-type]


def imported(
    name: str,
    command: tuple[Command, ...],
    target: str,
    tree: Callable[[], Any],
    write: Callable[[Path, Any], None],
    *,
    archive: bool = False,
) -> Subject:
    """A data set that is a single file of values."""

    def build(folder: Path) -> None:
        write(folder / target, tree())

    return Subject("importers", name, command, target, build, tree, write, archive)
