"""A work folder whose process is on another machine, or about to be gone."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mbcli.storage import journal
from mbcli.storage.journal import wait_until_free
from mbcli.storage.workspace import locked


def seconds_waited(folder: Path) -> float:
    began = time.monotonic()
    wait_until_free(folder)
    return time.monotonic() - began


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
def test_waiting_ends_when_the_lock_is_free_or_after_some_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = 5.0
    monkeypatch.setattr(journal, "_GONE", gone)
    assert seconds_waited(tmp_path / "none") < gone
    with locked(tmp_path / "lock"):
        assert seconds_waited(tmp_path) >= gone
    assert seconds_waited(tmp_path) < gone
