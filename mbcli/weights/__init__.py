"""Weights: the table of known files, finding them on disk, verifying and downloading them."""

from __future__ import annotations

from mbcli.weights.entry import WeightsEntry
from mbcli.weights.fetch import fetch
from mbcli.weights.find import (
    ENVIRONMENT_VARIABLE,
    bundled_directory,
    cache_directory,
    check,
    digest_note,
    entry_for,
    expected,
    named,
    on_disk,
    resolve,
    search_directories,
    sha256_of,
    verify,
)
from mbcli.weights.structure import check_structure
from mbcli.weights.table import TABLE

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "TABLE",
    "WeightsEntry",
    "bundled_directory",
    "cache_directory",
    "check",
    "check_structure",
    "digest_note",
    "entry_for",
    "expected",
    "fetch",
    "named",
    "on_disk",
    "resolve",
    "search_directories",
    "sha256_of",
    "verify",
]
