"""The whole run: ``python -m tests.fuzz``, with a report by kind of input."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import get_args

os.environ["OMP_NUM_THREADS"] = "1"  # a fork keeps no threads
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
sys.path.insert(0, str(Path(__file__).parents[1]))  # for motions.py and the makers of data sets

import numpy as np

from . import process
from .all_cases import all_cases, prepare_shared
from .cases import chosen

VERDICTS = get_args(process.Verdict)
BAD = ("traceback", "crash", "time", "memory", "leftovers", "lines")


def main() -> int:
    """Run the cases, print the table, and say what is to be looked at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2600, help="broken inputs in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, help="try so many of them, chosen by the seed")
    parser.add_argument("--only", default="", help="kinds or names with this in them")
    parser.add_argument("--json", type=Path, help="also write all outcomes there")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    asked = parser.parse_args()
    cases = all_cases(asked.count, asked.seed)
    cases = [one for one in cases if asked.only in one.kind or asked.only in one.name]
    if asked.sample is not None:
        whole = [one for one in cases if one.name.endswith(" whole")]
        broken = [one for one in cases if not one.name.endswith(" whole")]
        cases = whole + chosen(np.random.default_rng(asked.seed), broken, asked.sample)
    process.load()
    with tempfile.TemporaryDirectory(prefix="mbcli-fuzz-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        prepare_shared(Path(folder))
        outcomes = _run(cases, asked.seconds)
    _report(outcomes)
    if asked.json is not None:
        asked.json.write_text(json.dumps([_row(one) for one in outcomes], indent=1))
    return int(any(one.verdict in BAD or _rejected(one) for one in outcomes))


def _run(cases: list, seconds: float | None) -> list[process.Outcome]:
    import time

    started, outcomes = time.monotonic(), []
    for number, case in enumerate(cases, 1):
        try:
            outcome = process.run(case)
        except KeyboardInterrupt:  # what has been found is reported
            break
        outcomes.append(outcome)
        if outcome.verdict in BAD or _rejected(outcome):
            print(
                f"{outcome.verdict}: {case.name}: {' '.join(case.command)}: {outcome.said}",
                flush=True,
            )
        if number % 100 == 0:
            print(f"{number} of {len(cases)}, {time.monotonic() - started:.0f} s", flush=True)
        if seconds is not None and time.monotonic() - started > seconds:
            break
    return outcomes


def _rejected(outcome: process.Outcome) -> bool:
    """Whether an input as it should be was refused: then its broken ones show nothing."""
    return outcome.case.name.endswith(" whole") and outcome.verdict != "exit 0"


def _row(outcome: process.Outcome) -> dict[str, object]:
    return {
        "kind": outcome.case.kind,
        "name": outcome.case.name,
        "command": outcome.case.command,
        "verdict": outcome.verdict,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 2),
        "peak": outcome.peak,
        "said": outcome.said,
    }


def _report(outcomes: list[process.Outcome]) -> None:
    counted: dict[str, Counter[str]] = {}
    for one in outcomes:
        counted.setdefault(one.case.kind, Counter())[one.verdict] += 1
        counted.setdefault("all", Counter())[one.verdict] += 1
    counted["all"] = counted.pop("all", Counter())
    print(f"{'':16}{'inputs':>8}" + "".join(f"{name:>11}" for name in VERDICTS))
    for kind, numbers in counted.items():
        print(f"{kind:16}{numbers.total():8}" + "".join(f"{numbers[n]:11}" for n in VERDICTS))
    print(
        f"most memory {max((one.peak for one in outcomes), default=0) / 1e9:.2f} GB, "
        f"longest {max((one.seconds for one in outcomes), default=0):.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
