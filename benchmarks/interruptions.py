"""Kills, signals, full disks and long runs: what they leave behind, and what the next run makes.

    python -m benchmarks.interruptions [--kills 50] [--signals 60] [--full-disks 30] [--runs 300]

Commands of mbcli on the example clip are ended at random moments of their run, from the first
millisecond to the last, with a fixed seed:

- kills: SIGKILL. No result may be there that differs from that of an unbroken run, and the same
  command afterwards makes that result and removes what the killed run left.
- signals: SIGINT, SIGTERM and SIGHUP in turn. The command ends within two seconds with the status
  130, 143 or 129, without a traceback, and leaves nothing but the work folder of the 2D stage, with
  which the next run goes on. (A command that was faster than the
  signal ends with 0.)
- full disks: outputs go to a file system that is too small for them by a random share. One line, no
  traceback, status 1, nothing left. Needs the right to mount a tmpfs.
- runs: clips inferred and drawn in one process, whose memory, open files and temporary files must
  not grow. What the C library keeps for the next run, some 130 of 600 MB, is given back before
  memory is measured.

Exits with 1 if anything else happens.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

CLIP = Path(__file__).parents[1] / "examples" / "walk.mp4"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SLACK = 1.0  # seconds beyond the two, for a machine that others use too
_WELL = {"ok", "too late", "before Python listens, or when all is done"}
_GROWTH = 0.05  # of memory, between the first third of the runs and the last


@dataclass(frozen=True)
class Command:
    """A command, the result that it makes in a folder, and how long it takes."""

    words: tuple[str, ...]
    name: str
    content: bytes
    seconds: float

    def line(self, folder: Path) -> list[str]:
        """The whole command line."""
        out = str(folder / self.name)
        return [sys.executable, "-m", "mbcli", *self.words, "--out", out, "--overwrite"]


def commands(work: Path) -> list[Command]:
    """The commands, each run once without being disturbed."""
    pose = str(work / "pose.npz")
    folder = work / "out"
    folder.mkdir()
    kinds = (
        (("infer", str(CLIP)), "pose.npz"),
        (("render", pose, "--video", str(CLIP), "--layout", "overlay"), "drawn.mp4"),
        (("export", pose, "--person", "1"), "walk.bvh"),
        (("render", pose), "page.html"),
    )
    made = []
    for words, name in kinds:
        command = Command(words, name, b"", 0.0)
        began = time.perf_counter()
        subprocess.run(command.line(folder), check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        made.append(Command(words, name, (folder / name).read_bytes(), seconds))
        if name == "pose.npz":
            shutil.copy(folder / name, pose)
    return made


def started(command: Command, folder: Path) -> subprocess.Popen[str]:
    """The command at work; signals that a shell in the background ignores are switched on."""
    before = [signal.signal(number, signal.SIG_DFL) for number in _SIGNALS]
    try:
        return subprocess.Popen(command.line(folder), stderr=subprocess.PIPE, text=True)
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


def killed(command: Command, folder: Path, moment: float, number: int) -> str:
    """What is wrong after a kill and a second run; ``ok`` or ``too late`` if nothing is."""
    process = started(command, folder)
    time.sleep(moment)
    process.kill()
    process.communicate()
    result = folder / command.name
    if result.exists() and result.read_bytes() != command.content:
        return f"a damaged result: {difference(result, command.content)}"
    again = subprocess.run(command.line(folder), capture_output=True, text=True, check=False)
    if again.returncode:
        return f"the second run failed: {again.stderr.splitlines()[-1]}"
    if result.read_bytes() != command.content:
        return f"another result: {difference(result, command.content)}"
    if names(folder) != [command.name]:
        return f"{names(folder)} left behind"
    return "ok" if process.returncode else "too late"


def signalled(command: Command, folder: Path, moment: float, number: int) -> str:
    """What is wrong after a signal; ``ok`` or ``too late`` if nothing is."""
    kind = _SIGNALS[number % len(_SIGNALS)]
    process = started(command, folder)
    time.sleep(moment)
    process.send_signal(kind)
    sent = time.perf_counter()
    try:
        _, report = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"{kind.name}: it did not end"
    seconds = time.perf_counter() - sent
    if process.returncode == 0:
        return "too late"
    if process.returncode == -kind and names(folder) in ([], [command.name]):
        return "before Python listens, or when all is done"
    if process.returncode != 128 + kind:
        return f"{kind.name}: status {process.returncode}: {report.splitlines()[-1:]}"
    if "Traceback" in report:
        return f"{kind.name}: a traceback"
    if seconds > 2 + _SLACK:
        return f"{kind.name}: {seconds:.1f} s"
    # What has been seen stays for the next run.
    left = [name for name in names(folder) if not name.startswith(".mbcli-work-")]
    return f"{left} left behind" if left else "ok"


def difference(result: Path, expected: bytes) -> str:
    """What is another in a file: arrays of an archive and keys of its metadata, or the first byte.

    A commit meanwhile changes the version, which the metadata hold.
    """
    found = result.read_bytes()
    if result.suffix == ".npz":
        before, now = (members(content) for content in (expected, found))
        apart = {name for name in before | now if before.get(name) != now.get(name)}
        if "meta.npy" in apart:
            one, other = (metadata(archive) for archive in (before, now))
            keys = {key for key in one | other if one.get(key) != other.get(key)}
            apart = (apart - {"meta.npy"}) | {f"meta {key}" for key in keys}
        return ", ".join(sorted(apart)) or "the archive, not its arrays"
    pairs = zip(found, expected, strict=False)
    same = next((n for n, (one, other) in enumerate(pairs) if one != other), "one's end")
    return f"{len(found)} bytes for {len(expected)}, the same up to {same}"


def members(archive: bytes) -> dict[str, bytes]:
    """The files in an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


def metadata(files: dict[str, bytes]) -> dict[str, object]:
    """The metadata among the files of an archive; empty without any."""
    content = files.get("meta.npy")
    return {} if content is None else dict(json.loads(str(np.load(io.BytesIO(content)))))


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def crowded(command: Command, folder: Path, share: float, number: int) -> str:
    """What is wrong on a disk that holds a share of the result; ``ok`` if nothing is."""
    size = max(4096, int(share * len(command.content)) // 4096 * 4096)
    with mounted(folder, size):
        done = subprocess.run(command.line(folder), capture_output=True, text=True, check=False)
        left = [name for name in names(folder) if not name.startswith(".mbcli-work-")]
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    if done.returncode != 1 or "Traceback" in done.stderr or len(errors) != 1:
        return f"status {done.returncode}: {done.stderr.splitlines()[-1:]}"
    return f"{left} left behind" if left else "ok"


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[None]:
    """A small file system in a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def long_run(runs: int, work: Path) -> dict[str, list[float]]:
    """Memory in MiB, open files and temporary files after each of many runs in one process."""
    import mbcli
    from mbcli.options import InferOptions

    seen: dict[str, list[float]] = {"memory": [], "open files": [], "temporary files": []}
    options = InferOptions(end=0.2)
    own = work / "temporary"  # other programs write to the usual folder, too
    own.mkdir()
    tempfile.tempdir = str(own)
    for _ in range(runs):
        motion = mbcli.infer(CLIP, options)
        motion.save(work / "pose.npz", overwrite=True)
        mbcli.render(motion, work / "drawn.png", video=CLIP, overwrite=True)
        mbcli.export(motion, work / "walk.json", overwrite=True)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        seen["memory"].append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        seen["open files"].append(len(list(Path("/proc/self/fd").iterdir())))
        seen["temporary files"].append(len(list(own.iterdir())))
    return seen


def main() -> int:
    """Run all, print a table, and say with the exit status whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, count in (("kills", 50), ("signals", 60), ("full-disks", 30), ("runs", 300)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--only", help="the name of a result: pose.npz, drawn.mp4, ...")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    outcomes: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        known = [one for one in commands(work) if arguments.only in (None, one.name)]
        for title, trial, count in (
            ("kills", killed, arguments.kills),
            ("signals", signalled, arguments.signals),
            ("full disks", crowded, arguments.full_disks),
        ):
            outcomes[title] = Counter()
            for number in range(count):
                # Always the same one: a result notes its command line.
                folder = work / "out"
                shutil.rmtree(folder)
                folder.mkdir()
                command = known[number % len(known)]
                share = chance.random()
                amount = share if trial is crowded else share * command.seconds
                outcome = trial(command, folder, amount, number)
                if outcome not in _WELL:
                    where = f"{share:.0%} of the size" if trial is crowded else f"{amount:.2f} s"
                    outcome = f"{command.name}, {where}: {outcome}"
                    print(f"{title}: {outcome}", file=sys.stderr, flush=True)
                outcomes[title][outcome] += 1
        growth = grown(long_run(arguments.runs, work)) if arguments.runs else {}
    table = Table("kind", "count", "outcome")
    for title, counts in outcomes.items():
        for outcome, count in counts.most_common():
            table.add_row(title, str(count), outcome)
    for what, (early, late) in growth.items():
        table.add_row(f"{arguments.runs} runs", f"{early:.1f} -> {late:.1f}", what)
    Console().print(table)
    if arguments.out is not None:
        document = {"outcomes": outcomes, "growth": growth}
        arguments.out.write_text(json.dumps(document, indent=1), encoding="utf-8")
    good = all(set(counts) <= _WELL for counts in outcomes.values())
    return int(not (good and all(late <= early * (1 + _GROWTH) for early, late in growth.values())))


def grown(seen: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    """Medians of the second sixth of the runs and of the last."""
    part = max(1, len(next(iter(seen.values()))) // 6)
    return {
        what: (sorted(v[part : 2 * part] or v)[part // 2], sorted(v[-part:])[part // 2])
        for what, v in seen.items()
    }


if __name__ == "__main__":
    sys.exit(main())
