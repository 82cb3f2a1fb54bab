"""Where a result comes from and what it rests on, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mbcli.weights import TABLE, entry_for, resolve, sha256_of

Facts = dict[str, Any]


def pose2d_weights(name: str) -> Facts:
    """Stage, name, file, SHA-256, licence and origin of weights of a 2D front end.

    Args:
        name: a name of the weights table, or the path of a file of the user's.
    """
    entry, path = TABLE.get(name), resolve(name)
    return {
        "stage": "pose2d",
        "name": name,
        "file": path.name,
        "sha256": sha256_of(path),
        "licence": None if entry is None else entry.licence,
        "origin": None if entry is None else entry.origin,
    }


def trained_weights(
    stage: str, path: Path, *, name: str, sha256: str, origin: str, facts: Mapping[str, Any]
) -> Facts:
    """The same of a DSTformer: from the table if the file is in it, else from what it says itself.

    Args:
        stage: ``lift``, ``action`` or ``mesh``.
        path: the weights file.
        name: what the user called it.
        sha256: of the file.
        origin: whose format it is in.
        facts: what the training wrote into the file.
    """
    entry = entry_for(path)
    return {
        "stage": stage,
        "name": name if entry is None else entry.name,
        "file": path.name,
        "sha256": sha256,
        "licence": facts.get("licence") if entry is None else entry.licence,
        "origin": origin if entry is None else entry.origin,
    }
