"""Which program this is: the release and, unless it is the release itself, the revision.

``0.2.0`` is the tagged release, ``0.2.0+g1a2b3c4d5`` another revision, and
``0.2.0+g1a2b3c4d5.changed`` a checkout with changes that are not committed. Where the revision
comes from, in this order:

- ``_version.txt`` beside this file, which ``hatch_build.py`` puts into wheels and source packages.
- ``git describe``, in a checkout.
- This file, where ``git archive`` has filled in the revision (``.gitattributes``).

A bare copy of the tree says ``0.2.0+unknown``.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

RELEASE = "0.2.0"
WRITTEN = "_version.txt"
_ARCHIVED = "$Format:%H %D$"
_DIGITS = 9  # of a revision: enough to tell the revisions of any project of this size apart
_ABBREVIATED = f"--abbrev={_DIGITS}"
_PATIENCE = 10.0  # seconds for git, which takes hundredths of one


@cache
def version() -> str:
    """The version of this copy of mbcli (PEP 440), worked out on the first call."""
    here = Path(__file__).resolve().parent
    written = here / WRITTEN
    if written.is_file():
        return written.read_text(encoding="utf-8").strip()
    if (here.parent / ".git").exists():
        return _described(here.parent)
    if not _ARCHIVED.startswith("$"):
        revision, _, names = _ARCHIVED.partition(" ")
        return _named(revision, f"tag: v{RELEASE}" in names.split(", "))
    return f"{RELEASE}+unknown"


def _described(checkout: Path) -> str:
    import subprocess

    # A hook of another repository sets GIT_DIR.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "--no-optional-locks", *words],
            cwd=checkout,
            env=outside,
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE,
        ).stdout.strip()

    try:
        said = git("describe", "--always", "--long", "--tags", f"--match=v{RELEASE}", _ABBREVIATED)
        # Not describe's --dirty, which locks the index all the same.
        changed = bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return f"{RELEASE}+unknown"
    tagged, _, revision = said.rpartition("-g")
    return _named(revision, tagged == f"v{RELEASE}-0", changed=changed)


def _named(revision: str, released: bool, changed: bool = False) -> str:
    if released and not changed:
        return RELEASE
    return f"{RELEASE}+g{revision[:_DIGITS]}{'.changed' if changed else ''}"
