"""Provenance of a result: the weights that it was computed with, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mbcli.weights import TABLE, entry_for, resolve, sha256_of

Provenance = dict[str, Any]
"""Stage, name, file, SHA-256, licence and origin of weights."""


def pose2d_weights(name: str) -> Provenance:
    """Provenance of the weights of a 2D front end.

    Args:
        name: a name in the weights table, or the path of the user's own file.
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
    stage: str, path: Path, *, name: str, sha256: str, origin: str, metadata: Mapping[str, Any]
) -> Provenance:
    """Provenance of a DSTformer's weights: from the table, or for other files from their metadata.

    Args:
        stage: ``lift``, ``action`` or ``mesh``.
        path: the weights file.
        name: the name or path given by the user.
        sha256: of the file.
        origin: the program whose format it has.
        metadata: the metadata that training wrote into the file.
    """
    entry = entry_for(path)
    return {
        "stage": stage,
        "name": name if entry is None else entry.name,
        "file": path.name,
        "sha256": sha256,
        "licence": metadata.get("licence") if entry is None else entry.licence,
        "origin": origin if entry is None else entry.origin,
    }
