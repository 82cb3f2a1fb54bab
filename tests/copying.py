"""Work for tests of many inputs, in a module that other processes can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mbcli.batch.finished import fingerprint
from mbcli.batch.inputs import Given
from mbcli.batch.options import BatchOptions
from mbcli.batch.plan import Plan, plan
from mbcli.batch.result import Result
from mbcli.batch.work import Watcher
from mbcli.errors import InputError
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
