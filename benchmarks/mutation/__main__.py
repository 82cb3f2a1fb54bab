"""How many small changes of the code the tests nearest to it notice.

    python -m benchmarks.mutation [MODULE ...] [--sample N] [--seed 0] [--out JSON]

Each module is changed in one place at a time (`mutants` lists the changes), in a copy of the
checkout, and of the tests nearest to it (``NEAREST``) those run that reach that place. A change is
noticed if a test fails, or does not end. The score is the share that is noticed, weighted by the
number of changes that a module has where only a sample of each was tried; a room's and the whole
follow. What is not noticed is printed: it is worth an assertion, or changes nothing, which belongs
into `equivalent`.

MODULE is a file or room of ``NEAREST``, such as ``geometry.py`` or ``refinement``. Equal seeds
draw equal samples, as long as the module stays as it is.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.mutation.equivalent import EQUIVALENT
from benchmarks.mutation.mutants import Mutant, mutants
from benchmarks.mutation.stage import IMPORTED, Part, Stage
from benchmarks.mutation.trees import anew, copied, limit, prepare

CHECKOUT = Path(__file__).parents[2]
PACKAGE = "mbcli"

_WHO = ("tests/tracks/test_tracker.py", "tests/tracks/test_encounters.py")
_REPAIR = ("tests/tracks/test_repair.py", "tests/tracks/test_repair_rules.py")
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
    "tracks/pieces.py": _WHO,
    "tracks/braids.py": ("tests/tracks/test_braids.py",),
    "tracks/tracker.py": _WHO,
    "tracks/gather.py": _WHO,
    "tracks/encounters.py": ("tests/tracks/test_encounters.py",),
    "tracks/looks.py": ("tests/tracks/test_looks.py",),
    "tracks/cuts.py": ("tests/tracks/test_cut_rules.py",),
    "tracks/body_size.py": ("tests/tracks/test_body_size.py",),
    "tracks/flicker.py": _REPAIR,
    "tracks/repair.py": _REPAIR,
    "tracks/swaps.py": _REPAIR,
    "tracks/alignment.py": ("tests/tracks/test_alignment.py",),
    "tracks/detection.py": ("tests/tracks/test_detection.py",),
    "tracks/seen.py": ("tests/tracks/test_detection.py",),
    "tracks/from_pictures.py": (
        "tests/tracks/test_from_pictures.py",
        "tests/tracks/test_detection.py",
    ),
    "tracks/*.py": ("tests/tracks/test_keypoint_detection.py", "tests/keypoints/test_source.py"),
    "lift/windows.py": ("tests/lift/test_lifter.py",),
    "refinement/world.py": _GROUND,
    "refinement/floor.py": ("tests/refinement/test_floor.py", *_GROUND),
    "refinement/feet.py": _GROUND,
    "kinematics/legs.py": ("tests/kinematics/test_legs.py", "tests/refinement/test_held.py"),
    "refinement/planted.py": ("tests/refinement/test_planted.py", *_GROUND),
    "refinement/gaps.py": ("tests/refinement/test_gaps.py",),
    "refinement/filters.py": ("tests/refinement/test_filters.py",),
    "refinement/outliers.py": ("tests/refinement/test_outliers.py",),
    "refinement/options.py": ("tests/refinement/test_refine_options.py",),
    "refinement/refine.py": ("tests/refinement/test_refine.py", "tests/test_more_joints.py"),
    "refinement/*.py": ("tests/refinement",),
}


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


def measure(
    wanted: Mapping[str, list[str]], tree: Path, count: int | None, seed: int
) -> Iterator[Score]:
    """The score of each module, as they are done.

    Raises:
        RuntimeError: the tests fail without any change.
    """
    parts, scores = [], []
    for module, tests in wanted.items():
        path = tree / PACKAGE / module
        same = EQUIVALENT.get(module, {})
        found = [m for m in mutants(path.read_text(encoding="utf-8")) if m.changed not in same]
        parts.append(Part(path, tests, sampled(found, count, f"{seed} {module}")))
        scores.append(Score(module, len(found)))
    stage = Stage(tree, parts, tree.parent / "log")
    for number, (part, score) in enumerate(zip(parts, scores, strict=True)):
        verdicts = [stage.verdict(number, one) for one in range(len(part.tried))]
        for mutant, verdict in zip(part.tried, _complete(part, verdicts, tree), strict=True):
            score.tried += 1
            score.killed += verdict != "survived"
            score.timed_out += verdict == "timed out"
            if verdict == "survived":
                where = f"{PACKAGE}/{score.module}:{mutant.line}"
                score.survivors.append(f"{where}: {mutant.before}  ->  {mutant.after}")
        yield score
    stage.end()


def _complete(part: Part, verdicts: Sequence[str], tree: Path) -> Iterator[str]:
    """The verdicts, with those that need a new process."""
    source, log = part.path.read_text(encoding="utf-8"), tree.parent / "log"
    seconds = None
    for mutant, verdict in zip(part.tried, verdicts, strict=True):
        if verdict != IMPORTED:
            yield verdict
            continue
        if seconds is None:
            before = _computing()
            anew(tree, part.tests, log)
            seconds = limit(_computing() - before)
        part.path.write_text(mutant.source, encoding="utf-8")
        verdict = anew(tree, part.tests, log, seconds)
        part.path.write_text(source, encoding="utf-8")
        yield verdict


def _computing() -> float:
    """Seconds that the processes that have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def overall(scores: Sequence[Score]) -> float:
    """Per cent noticed of all mutants, each module's share taken from what was tried of it."""
    known = [score for score in scores if score.tried]
    noticed = sum(score.mutants * score.killed / score.tried for score in known)
    return 100 * noticed / sum(score.mutants for score in known) if known else float("nan")


def table(scores: Sequence[Score]) -> Table:
    """One row a module, one a room, and the whole."""
    result = Table(show_footer=True)
    heads = ("module", "mutants", "tried", "killed", "of these timed out", "score %")
    for head, footer in zip(heads, ("all", *_figures(scores)), strict=True):
        result.add_column(head, footer=footer, justify="left" if head == "module" else "right")
    for score in scores:
        result.add_row(score.module, *_figures([score]))
    result.add_section()
    for room in dict.fromkeys(score.module.partition("/")[0] for score in scores):
        own = [score for score in scores if score.module.partition("/")[0] == room]
        result.add_row(room, *_figures(own))
    return result


def _figures(scores: Sequence[Score]) -> list[str]:
    names = ("mutants", "tried", "killed", "timed_out")
    sums = [str(sum(getattr(score, name) for score in scores)) for name in names]
    return [*sums, f"{overall(scores):.1f}"]


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
    parser.add_argument("--out", type=Path, help="scores and survivors as JSON")
    arguments = parser.parse_args()
    if arguments.sample is not None and arguments.sample < 1:
        parser.error("--sample must be at least 1")
    console = Console(width=None if sys.stdout.isatty() else 130)
    scores: list[Score] = []
    try:
        wanted = chosen(arguments.modules, modules(CHECKOUT, NEAREST))
        prepare()
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            tree = copied(CHECKOUT, Path(folder))
            for score in measure(wanted, tree, arguments.sample, arguments.seed):
                scores.append(score)
                console.print(f"{score.module}: {score.killed} of {score.tried} noticed")
                for survivor in score.survivors:
                    console.print(f"  {survivor}", markup=False, highlight=False, emoji=False)
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
