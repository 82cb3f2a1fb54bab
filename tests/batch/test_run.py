from __future__ import annotations

import errno
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from mbcli.batch.finished import LEDGER, fingerprint
from mbcli.batch.inputs import Given
from mbcli.batch.options import BatchOptions
from mbcli.batch.plan import Plan, plan
from mbcli.batch.result import Result
from mbcli.batch.run import Watcher, _Silent, run_all
from mbcli.errors import InputError, OutputError
from mbcli.storage.output import written_whole


@dataclass(frozen=True)
class Copying:
    """Copies texts; some texts are trouble."""

    overwrite: bool = False
    option: int = 0

    def key(self, source: Path) -> str:
        return fingerprint(f"copy {self.option}", [BatchOptions()], [source])

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        text = source.read_text() if source.exists() else ""
        if text == "long":
            Path("n" * 300).read_text()
        with progress.progress(source.name), written_whole(target, overwrite=True) as part:
            part.write_text(f"{text} {self.option} {os.environ.get('OMP_NUM_THREADS')}")
            if text == "bad":
                raise InputError(f"{source}: bad\nindeed")
            if text == "defect":
                raise ZeroDivisionError("of mine")
            if text == "large":
                raise MemoryError("Unable to allocate 9 GiB")
            if text == "full":
                raise OSError(28, "disk full")
            if text == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if text == "slow":
                time.sleep(0.3)
        return Result(source, target)


def prepared(folder: Path, *texts: str) -> Plan:
    given = []
    for number, text in enumerate(texts):
        path = folder / f"{number}.txt"
        path.write_text(text)
        given.append(Given(path))
    return plan(given, folder / "out", (".txt",), beside="")


def run(made: Plan, work: Copying, jobs: int = 1) -> list[str]:
    results = run_all(made, work, _Silent(), jobs=jobs)
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
