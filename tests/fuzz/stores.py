"""Stores of clips."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from train import conftest as train_conftest

from .cases import Command, Subject

STORE = "store"


def write_json(path: Path, tree: Any) -> None:
    """Write values as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))


def moving() -> np.ndarray:
    """(80, 21, 3) someone who stands and is carried to the side."""
    body = np.repeat(train_conftest.standing()[None], 80, axis=0)
    body[..., 0] += (np.arange(80) / 60 * 0.5)[:, None]
    return body


def write_store(folder: Path) -> None:
    """A store of three people, 1.3 seconds each."""
    train_conftest.write_store(
        folder / STORE, (moving() + np.float32(number) for number in range(3))
    )


@cache
def _store_meta() -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder))
        return json.loads((Path(folder) / STORE / "meta.json").read_text())


def subjects() -> list[Subject]:
    """All of them."""
    commands: tuple[Command, ...] = (
        ("data", "check", STORE),
        ("data", "info", STORE),
        ("data", "merge", STORE, STORE, "--out", "out"),
    )
    table, rows = f"{STORE}/meta.json", f"{STORE}/joints.npy"
    return [
        Subject(
            "stores",
            "table",
            commands,
            table,
            write_store,
            _store_meta,
            write_json,
            weight=2,
        ),
        Subject("stores", "rows", commands, rows, write_store, moving, lambda p, a: np.save(p, a)),
    ]
