from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from copying import Copying, prepared

from mbcli.batch.finished import LEDGER
from mbcli.batch.plan import Plan
from mbcli.batch.run import run_all
from mbcli.batch.work import silent
from mbcli.errors import OutputError


def run(made: Plan, work: Copying, jobs: int = 1) -> list[str]:
    results = run_all(made, work, silent, jobs=jobs)
    assert [result.source for result in results] == [job.source for job in made.jobs]
    rows = []
    for result in results:
        assert (result.error is None) == (result.target is not None)
        made_now = "" if result.target is None else result.target.name
        rows.append(result.error or ("before" if result.finished else made_now))
    return rows


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_fails_is_a_row(jobs: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = prepared(tmp_path, "a", "bad", "slow", "defect", "b")
    (tmp_path / "4.txt").unlink()
    rows = run(made, Copying(), jobs)
    assert rows == [
        "0.txt",
        f"{tmp_path / '1.txt'}: bad indeed",
        "2.txt",
        "a defect of mbcli, ZeroDivisionError: of mine",
        "4.txt",
    ]
    assert "ZeroDivisionError: of mine" in capfd.readouterr().err, "a traceback for a bug report"
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == [LEDGER, "0.txt", "2.txt", "4.txt"]
    if jobs > 1:
        threads = (tmp_path / "out" / "0.txt").read_text().split()[-1]
        assert int(threads) == max(1, (os.cpu_count() or 1) // jobs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_system_refuses_is_no_defect(
    jobs: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = run(prepared(tmp_path, "large", "long", "a"), Copying(), jobs)
    assert rows == [
        "there is not enough memory: Unable to allocate 9 GiB",
        f"{'n' * 60}... cannot be used: {os.strerror(errno.ENAMETOOLONG)}",
        "2.txt",
    ]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_process_that_is_killed_takes_no_other_job_with_it(tmp_path: Path) -> None:
    made = prepared(tmp_path, "slow", "killed", "slow", "a", "b")
    rows = run(made, Copying(), 2)
    assert rows[1].startswith("its process was killed")
    assert rows[:1] + rows[2:] == ["0.txt", "2.txt", "3.txt", "4.txt"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_ends_the_run(jobs: int, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="disk full"):
        run(prepared(tmp_path, "full", "full", "full"), Copying(), jobs)


def test_finished_results_are_left_as_they_are(tmp_path: Path) -> None:
    made = prepared(tmp_path, "a", "b", "bad")
    assert run(made, Copying())[:2] == ["0.txt", "1.txt"]
    assert run(made, Copying())[:2] == ["before", "before"]
    assert run(made, Copying(), 2)[:2] == ["before", "before"]
    (tmp_path / "0.txt").write_text("other")
    assert run(made, Copying())[:2] == ["0.txt", "before"], "another content"
    (tmp_path / "out" / "1.txt").write_text("edited")
    assert run(made, Copying())[:2] == ["before", "1.txt"], "a result that was changed since"
    assert run(made, Copying(option=1))[:2] == ["0.txt", "1.txt"], "another option"
    assert run(made, Copying(option=1, overwrite=True))[:2] == ["0.txt", "1.txt"]
    with (tmp_path / "out" / LEDGER).open("a") as ledger:
        ledger.write('{"target": "0.t')
    assert run(made, Copying(option=1))[:2] == ["before", "before"], "a line cut off by a crash"
