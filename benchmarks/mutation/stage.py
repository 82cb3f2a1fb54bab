"""Tests that are loaded and timed once; each mutant is tried in a copy of their process.

A function is given other code, or a name of the module another value, where it is. What has already
run when the module was imported stays as it is, so that a mutant there is only known to be noticed:
one that is not needs a new process (`trees.anew`).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest

from benchmarks.mutation import patching
from benchmarks.mutation.mutants import Mutant
from benchmarks.mutation.trees import branch, limit, outcome, restrict

IMPORTED = "imported"  # in place of a verdict: must be tried in a new process


@dataclass(frozen=True)
class Part:
    """A module that is changed.

    Attributes:
        path: the file in the copy of the project.
        tests: files and folders that are nearest to it, from the copy's root.
        tried: its mutants.
    """

    path: Path
    tests: Sequence[str]
    tried: Sequence[Mutant]

    def near(self, item: pytest.Item) -> bool:
        """Whether a test is in one of ``tests``."""
        file = item.nodeid.partition("::")[0]
        return any(file == test or file.startswith(f"{test}/") for test in self.tests)


class Stage:
    """The process that has loaded the tests of some modules.

    Args:
        tree: the copy of the project.
        parts: the modules.
        log: where the output of the tests goes.
    """

    def __init__(self, tree: Path, parts: Sequence[Part], log: Path) -> None:
        asked, self._asking = os.pipe()
        answered, answering = os.pipe()
        self._log = log
        self._process = os.fork()
        if not self._process:
            os.close(self._asking)
            os.close(answered)
            tests = list(dict.fromkeys(test for part in parts for test in part.tests))
            branch(tree, tests, log, [_Server(parts, asked, answering)])
        os.close(asked)
        os.close(answering)
        self._answers = os.fdopen(answered, encoding="utf-8")

    def verdict(self, part: int, number: int) -> str:
        """What becomes of a mutant, or ``IMPORTED``.

        Args:
            part: which of the modules, from 0.
            number: which of its mutants, from 0.

        Raises:
            RuntimeError: the tests fail without any change.
        """
        os.write(self._asking, f"{part} {number}\n".encode())
        answer = self._answers.readline().strip()
        if answer:
            return answer
        tail = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the tests must pass before anything is changed, got:\n{tail}")

    def end(self) -> None:
        """End the process."""
        os.close(self._asking)
        self._answers.close()
        os.waitpid(self._process, 0)


@dataclass
class _Run:
    """One run of a test without any change: seconds of computing, and the lines that ran."""

    seconds: float
    lines: dict[str, set[int]]


@dataclass
class _Server:
    """A plugin of pytest: runs the tests of each mutant that is asked for in place of all."""

    parts: Sequence[Part]
    asked: int
    answering: int
    imported: dict[str, set[int]] = field(default_factory=dict)

    def pytest_configure(self) -> None:
        self._follow(self.imported)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._follow(None)
        functions = patching.functions({str(part.path) for part in self.parts})
        gc.freeze()  # collecting would copy what the processes have in common
        runs = self._unchanged(session)
        if runs is None:
            return True
        with os.fdopen(self.asked, encoding="utf-8") as lines:
            for line in lines:
                part, number = (int(word) for word in line.split())
                chosen = self.parts[part]
                found = functions[str(chosen.path)]
                verdict = self._verdict(session, chosen, chosen.tried[number], runs, found)
                os.write(self.answering, f"{verdict}\n".encode())
        return True

    def _follow(self, lines: dict[str, set[int]] | None) -> None:
        """From now on, note the lines of the modules that run."""
        names = {str(part.path) for part in self.parts}

        def each(frame: FrameType, event: str, _: Any) -> Any:
            name = frame.f_code.co_filename
            if name not in names:
                return None
            assert lines is not None
            lines.setdefault(name, set()).add(frame.f_lineno)
            return each

        sys.settrace(each if lines is not None else None)
        threading.settrace(each if lines is not None else None)

    def _unchanged(self, session: pytest.Session) -> dict[str, _Run] | None:
        """Test -> its run; None if one fails."""
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            for item, following in _one_by_one(session.items):
                lines: dict[str, set[int]] = {}
                started = time.process_time()
                self._follow(lines)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                self._follow(None)
                seconds = time.process_time() - started
                row = item.nodeid, seconds, {name: sorted(ran) for name, ran in lines.items()}
                os.write(writing, (json.dumps(row) + "\n").encode())
            _end(1 if session.testsfailed else 0)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as rows:
            runs = {
                test: _Run(seconds, {name: set(ran) for name, ran in lines.items()})
                for test, seconds, lines in map(json.loads, rows)
            }
        return None if os.waitpid(process, 0)[1] else runs

    def _verdict(
        self,
        session: pytest.Session,
        part: Part,
        mutant: Mutant,
        runs: Mapping[str, _Run],
        functions: Mapping[tuple[str, int], Sequence[FunctionType]],
    ) -> str:
        name = str(part.path)
        items = [item for item in session.items if part.near(item)]
        if mutant.function is not None:
            changed = mutant.lines
            early = bool(self.imported.get(name, set()).intersection(changed))
            items = [
                i for i in items if runs[i.nodeid].lines.get(name, set()).intersection(changed)
            ]
        elif mutant.name is not None:
            early = not mutant.name.startswith("_") or mutant.name in patching.used(part.path)
            items = [item for item in items if name in runs[item.nodeid].lines]
        else:
            return IMPORTED
        if not items:
            return "survived"
        # The long ones last; those of one file stay together, as they share what is set up.
        items.sort(key=lambda item: int(runs[item.nodeid].seconds))
        process = os.fork()
        if not process:
            os.setsid()
            restrict(limit(sum(runs[item.nodeid].seconds for item in items)))
            if mutant.function is None:
                patching.assign(part.path, mutant)
            else:
                patching.recode(part.path, mutant, functions[mutant.function])
            for item, following in _one_by_one(items):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    _end(1)
            _end(0)
        verdict = outcome(process)
        return IMPORTED if early and verdict == "survived" else verdict


def _one_by_one(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    yield from zip(items, [*items[1:], None], strict=True)


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
