"""What is finished: the results in a folder, with what each was made from.

A file ``.mbcli-finished.jsonl`` in the folder of the results has a line for each. It is appended
to, so that a crash costs the last line at most; of several lines about a result the last counts.
Nothing can be appended in an object store: there a folder ``.mbcli-finished`` has a file for each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbcli.errors import OutputError
from mbcli.storage.remote import is_remote, read_json, state, write_json
from mbcli.version import version
from mbcli.weights import sha256_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LEDGER = ".mbcli-finished.jsonl"


def fingerprint(
    command: str, options: Sequence[DataclassInstance], read: Iterable[Path | str | None]
) -> str:
    """SHA-256 of all that a result depends on.

    Args:
        command: name of the command.
        options: its options.
        read: the files that it reads, by their content; folders by names, sizes and times; other
            words, such as names of weights, as they are.

    Raises:
        OSError: a file cannot be read.
    """
    document = [
        version(),
        command,
        [asdict(one) for one in options],
        [_content(path) for path in read],
    ]
    return hashlib.sha256(json.dumps(document, default=str).encode()).hexdigest()


def is_finished(target: Path, key: str) -> bool:
    """Whether a result was made from the same, and its files are as they were then."""
    if is_remote(target):
        line = read_json(_note(target))
    else:
        line = _lines(target.parent / LEDGER).get(target.name)
    if line is None or line.get("key") != key:
        return False
    return all(_state(target.parent, name) == state for name, state in line["files"].items())


def note_finished(target: Path, key: str, files: Iterable[Path]) -> None:
    """Note a result and its files, which are in its folder.

    Raises:
        OutputError: the note cannot be written.
    """
    folder = target.parent
    states = {path.name: _state(folder, path.name) for path in files}
    entry = {"target": target.name, "key": key, "files": states}
    if is_remote(target):
        write_json(_note(target), entry)
        return
    line = json.dumps(entry)
    try:
        with (folder / LEDGER).open("a", encoding="utf-8") as ledger:
            ledger.write(f"{line}\n")
    except OSError as error:
        raise OutputError(f"{folder / LEDGER} cannot be written: {error.strerror}") from error


def _note(target: Path) -> Path:
    return target.parent / ".mbcli-finished" / f"{target.name}.json"


def _content(path: Path | str | None) -> Any:
    if path is not None and is_remote(Path(path)):
        return state(Path(path))
    if path is None or not Path(path).exists():
        return str(path)
    if Path(path).is_dir():
        return sorted((one.name, _state(one.parent, one.name)) for one in Path(path).iterdir())
    return sha256_of(path)


def _state(folder: Path, name: str) -> Any:
    """Size and time of change of a file; None if it is gone."""
    if is_remote(folder):
        return state(folder / name)
    try:
        found = (folder / name).stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _lines(ledger: Path) -> dict[str, dict[str, Any]]:
    try:
        text = ledger.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = {}
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            lines[str(entry["target"])] = {"key": entry["key"], "files": dict(entry["files"])}
        except (ValueError, TypeError, KeyError):
            continue  # of a run that was cut off
    return lines
