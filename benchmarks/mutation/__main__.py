"""How many small changes of the code the tests nearest to it notice.

    python -m benchmarks.mutation [MODULE ...] [--sample N] [--seed 0] [--jobs 1] [--out JSON]

Each module is changed in one place at a time (`mutants` lists the changes), in a copy of the
checkout, and the tests nearest to it run (``NEAREST``). A change is noticed if a test fails, or
does not end. The score is the share that is noticed, weighted by the number of changes that a
module has where only a sample of each was tried. What is not noticed is printed: it is worth an
assertion, or changes nothing.

MODULE is a file or room of ``NEAREST``, such as ``geometry.py`` or ``refinement``. Equal seeds
draw equal samples, as long as the module stays as it is.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.mutation.mutants import Mutant, mutants
from benchmarks.mutation.trees import Try, copied, prepare

CHECKOUT = Path(__file__).parents[2]
PACKAGE = "mbcli"

_WHO = ("tests/tracks/test_tracker.py", "tests/tracks/test_encounters.py")
_REPAIR = ("tests/tracks/test_repair.py", "tests/tracks/test_repair_real.py")
_GROUND = tuple(f"tests/refinement/test_{name}.py" for name in ("standing", "ground", "refine"))
# Modules, as patterns, and their nearest tests. The first pattern that fits a module counts; of a
# folder of tests, the file that is named after the module runs first.
NEAREST: Mapping[str, tuple[str, ...]] = {
    "skeleton.py": ("tests/test_skeleton.py", "tests/test_conversion.py"),
    "conversion.py": ("tests/test_conversion.py",),
    "geometry.py": ("tests/test_geometry.py", "tests/placing/test_rays.py"),
    "camera.py": ("tests/test_camera.py", "tests/placing"),
    "kinematics/bones.py": ("tests/kinematics/test_bones.py", "tests/refinement"),
    "placing/low_pass.py": ("tests/refinement/test_filters.py",),
    "placing/*.py": ("tests/placing",),
    "timeline.py": ("tests/test_timeline.py",),
    "tracks/joining.py": _WHO,
    "tracks/tracker.py": _WHO,
    "tracks/gather.py": _WHO,
    "tracks/encounters.py": ("tests/tracks/test_encounters.py",),
    "tracks/looks.py": ("tests/tracks/test_encounters.py",),
    "tracks/cuts.py": ("tests/tracks/test_cuts.py",),
    "tracks/body_size.py": _REPAIR,
    "tracks/flicker.py": _REPAIR,
    "tracks/repair.py": _REPAIR,
    "tracks/swaps.py": _REPAIR,
    "tracks/*.py": ("tests/tracks/test_keypoint_detection.py", "tests/keypoints/test_source.py"),
    "lift/windows.py": ("tests/lift/test_lifter.py",),
    "refinement/world.py": _GROUND,
    "refinement/floor.py": _GROUND,
    "refinement/feet.py": _GROUND,
    "refinement/legs.py": _GROUND,
    "refinement/planted.py": ("tests/refinement/test_planted.py", *_GROUND),
    "refinement/*.py": ("tests/refinement",),
}
_LEAST_LIMIT = 20.0  # seconds: a busy machine is not a test that does not end
_LIMIT = 5.0  # times what the tests take without a change


@dataclass
class Score:
    """One module.

    Attributes:
        module: within the package.
        mutants: how many there are.
        tried: how many of them were.
        killed: how many of those the tests noticed, those included that did not end.
        timed_out: of ``killed``, those that did not end.
        survivors: what was not noticed: file, line, change.
    """

    module: str
    mutants: int
    tried: int = 0
    killed: int = 0
    timed_out: int = 0
    survivors: list[str] = field(default_factory=list)


def modules(checkout: Path, nearest: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Module, within the package -> its nearest tests, in the order in which they run."""
    found: dict[str, list[str]] = {}
    for pattern, tests in nearest.items():
        for path in sorted((checkout / PACKAGE).glob(pattern)):
            name = path.relative_to(checkout / PACKAGE).as_posix()
            if path.name != "__init__.py" and name not in found:
                own = [f"{test}/test_{path.stem}.py" for test in tests]
                there = [test for test in own if (checkout / test).is_file()]
                found[name] = [*there, *tests]
    return found


def chosen(names: Sequence[str], among: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The modules of some names or rooms, or all.

    Raises:
        ValueError: a name that none has.
    """
    rooms = sorted({name.partition("/")[0] for name in among})
    for wanted in names:
        if wanted not in rooms and wanted not in among:
            raise ValueError(f"a module must be of {', '.join(rooms)}, got {wanted!r}")
    return {
        module: tests
        for module, tests in among.items()
        if not names or module in names or module.partition("/")[0] in names
    }


def sampled(found: Sequence[Mutant], count: int | None, seed: str) -> list[Mutant]:
    """``count`` of the mutants in their order, or all."""
    if count is None or count >= len(found):
        return list(found)
    kept = sorted(random.Random(seed).sample(range(len(found)), count))
    return [found[number] for number in kept]


def verdicts(
    module: str, tests: Sequence[str], tried: Sequence[Mutant], trees: Sequence[Path]
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it, as they end; a tree tries one at a time.

    Raises:
        RuntimeError: the tests fail without any change.
    """
    log = trees[0].parent / "log"
    unchanged = Try.of(trees[0], tests, log, 3600)
    while (result := unchanged.result()) is None:
        time.sleep(0.05)
    if result != "survived":
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the tests of {module} must pass before it is changed, got:\n{tail}")
    limit = max(_LEAST_LIMIT, _LIMIT * (time.monotonic() - unchanged.started))
    source = (trees[0] / PACKAGE / module).read_text(encoding="utf-8")
    waiting, running = list(tried), dict[Path, tuple[Mutant, Try]]()
    try:
        while waiting or running:
            for tree in trees:
                path = tree / PACKAGE / module
                if tree in running:
                    mutant, run = running[tree]
                    if (found := run.result()) is None:
                        continue
                    path.write_text(source, encoding="utf-8")
                    del running[tree]
                    yield mutant, found
                if waiting:
                    mutant = waiting.pop(0)
                    path.write_text(mutant.source, encoding="utf-8")
                    running[tree] = mutant, Try.of(tree, tests, tree.parent / "log", limit)
            time.sleep(0.02)
    finally:
        for _, run in running.values():
            run.end()


def measure(
    wanted: Mapping[str, list[str]], trees: Sequence[Path], count: int | None, seed: int
) -> Iterator[Score]:
    """The score of each module, as they are done."""
    for module, tests in wanted.items():
        found = mutants((trees[0] / PACKAGE / module).read_text(encoding="utf-8"))
        score = Score(module, len(found))
        tried = sampled(found, count, f"{seed} {module}")
        for mutant, verdict in verdicts(module, tests, tried, trees):
            score.tried += 1
            score.killed += verdict != "survived"
            score.timed_out += verdict == "timed out"
            if verdict == "survived":
                where = f"{PACKAGE}/{module}:{mutant.line}"
                score.survivors.append(f"{where}: {mutant.before}  ->  {mutant.after}")
        yield score


def overall(scores: Sequence[Score]) -> float:
    """Per cent noticed of all mutants, each module's share taken from what was tried of it."""
    known = [score for score in scores if score.tried]
    noticed = sum(score.mutants * score.killed / score.tried for score in known)
    return 100 * noticed / sum(score.mutants for score in known) if known else float("nan")


def table(scores: Sequence[Score]) -> Table:
    """One row a module, and the whole."""
    result = Table(show_footer=True)
    result.add_column("module", footer="all")
    for head, footer in (
        ("mutants", sum(score.mutants for score in scores)),
        ("tried", sum(score.tried for score in scores)),
        ("killed", sum(score.killed for score in scores)),
        ("of these timed out", sum(score.timed_out for score in scores)),
    ):
        result.add_column(head, footer=str(footer), justify="right")
    result.add_column("score %", footer=f"{overall(scores):.1f}", justify="right")
    for s in scores:
        counts = map(str, (s.mutants, s.tried, s.killed, s.timed_out))
        result.add_row(s.module, *counts, f"{overall([s]):.1f}")
    return result


def main() -> int:
    """Try the mutants and print the scores; 1 if that cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="all of them unless given")
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many a module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="tries at a time")
    parser.add_argument("--out", type=Path, help="scores and survivors as JSON")
    arguments = parser.parse_args()
    if arguments.jobs < 1 or (arguments.sample is not None and arguments.sample < 1):
        parser.error("--jobs and --sample must be at least 1")
    console = Console(width=None if sys.stdout.isatty() else 130)
    scores: list[Score] = []
    try:
        wanted = chosen(arguments.modules, modules(CHECKOUT, NEAREST))
        prepare()
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            trees = [copied(CHECKOUT, Path(folder) / str(n)) for n in range(arguments.jobs)]
            for score in measure(wanted, trees, arguments.sample, arguments.seed):
                scores.append(score)
                console.print(f"{score.module}: {score.killed} of {score.tried} noticed")
                for survivor in score.survivors:
                    console.print(f"  {survivor}", markup=False, highlight=False)
                if arguments.out is not None:
                    text = json.dumps([asdict(one) for one in scores], indent=1)
                    arguments.out.write_text(text + "\n", encoding="utf-8")
    except (ValueError, RuntimeError) as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 1
    console.print(table(scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
