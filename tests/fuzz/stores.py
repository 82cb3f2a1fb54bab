"""Stores of clips."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from train import conftest as train_conftest

from mbcli.data.stores.store import StoreWriter

from .cases import Command, Subject

STORE = "store"


def _json(path: Path, tree: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))


def _moving() -> np.ndarray:
    """(80, 21, 3) someone who stands and is carried to the side."""
    body = np.repeat(train_conftest.standing()[None], 80, axis=0)
    body[..., 0] += (np.arange(80) / 60 * 0.5)[:, None]
    return body


def write_store(folder: Path) -> None:
    """A store of three people, 1.3 seconds each."""
    with StoreWriter(folder / STORE) as writer:
        for number, subject in enumerate(("ann", "bob", "eve")):
            writer.add(
                _moving() + np.float32(number),
                name=f"{subject}/1",
                subject=subject,
                source=f"{subject}.bvh",
                fps=60.0,
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
            _json,
            weight=2,
        ),
        Subject("stores", "rows", commands, rows, write_store, _moving, lambda p, a: np.save(p, a)),
    ]
