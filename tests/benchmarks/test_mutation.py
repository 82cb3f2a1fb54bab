"""Mutation testing: what is changed, what is left alone, and who notices."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutation.__main__ import (
    CHECKOUT,
    NEAREST,
    PACKAGE,
    Score,
    chosen,
    modules,
    overall,
    sampled,
)
from benchmarks.mutation.equivalent import EQUIVALENT
from benchmarks.mutation.mutants import mutants

# The modules that must be measured, whatever else is.
ROOMS = {"skeleton.py", "geometry.py", "conversion.py", "camera.py", "placing", "tracks", "lift"}


def changes(source: str) -> list[tuple[str, str]]:
    found = mutants(source)
    for mutant in found:
        compile(mutant.source, "mutant", "exec")
        assert mutant.source != source
    return [(mutant.before, mutant.after) for mutant in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 3", ["(4)"]),
        ("x = 0.5", ["(0.0)", "(1.0)"]),
        ("x = 0.0", ["(1.0)"]),
        ("x = True", ["(False)"]),
        ("x = a < b", ["(a >= b)"]),
        ("x = len(a) < b", ["(len(a) <= b)", "(len(a) >= b)"]),
        ("x = a < b < c", ["(not a < b < c)"]),
        ("x = a is not b", ["(a is b)"]),
        ("x = a and b", ["(a or b)"]),
        ("x = a + b", ["(a - b)"]),
        ("x = a ** b", ["(a * b)"]),
        ("x = -a", ["(a)"]),
        ("x = not a", ["(a)"]),
        ("x = np.minimum(a, b)", ["(np.maximum(a, b))"]),
        ("x = a.mean(axis=b)", ["(a.mean())"]),
        ("x = zeros(a, dtype=int)", []),
        ("x = zip(a, b, strict=True)", []),
        ("x = a if b else c", ["(not b)"]),
        ("x = [a for a in b if a.c]", ["(not a.c)"]),
        ("f(a)", ["pass"]),
        ("a += b", ["a -= b", "pass"]),
        ("a[b] = c", ["pass"]),
        ("a = b", []),
        ("for a in b:\n    break", ["continue"]),
    ],
)
def test_what_is_changed(source: str, expected: list[str]) -> None:
    assert [after for _, after in changes(source)] == expected


def test_what_only_says_something_is_left_alone() -> None:
    source = '''
"""Module 1."""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    LIMIT = 3
@decorated(frozen=True)
def function(a: int | 3 = None, *, b: "4" = None) -> 5 | 6:
    """Two and 2."""
    if a:
        raise ValueError(f"{a + 1} must be 2", 3)
    assert a == 1
    return f"{a + 1:.3f}"
'''
    assert changes(source) == [("a", "(not a)")]


def test_columns_count_bytes_and_lines_stay() -> None:
    (mutant,) = mutants('é = "é"; x = [\n  "ü",\n  a + b]\n')
    assert (mutant.line, mutant.before) == (3, "a + b")
    assert mutant.source == 'é = "é"; x = [\n  "ü",\n  (a - b)]\n'


def test_every_pattern_and_test_is_there() -> None:
    for pattern, tests in NEAREST.items():
        assert list((CHECKOUT / PACKAGE).glob(pattern)), pattern
        for test in tests:
            assert (CHECKOUT / test).exists(), test
    known = modules(CHECKOUT, NEAREST)
    assert {*ROOMS, "kinematics", "refinement", "timeline.py"} == {
        name.partition("/")[0] for name in known
    }
    assert "lift/windows.py" in known
    # A file of tests that is named after the module runs first.
    holding = ["tests/refinement/test_held.py", "tests/refinement"]
    assert known["refinement/held.py"] == holding


def test_every_change_without_effect_is_still_one() -> None:
    for module, lines in EQUIVALENT.items():
        source = (CHECKOUT / PACKAGE / module).read_text(encoding="utf-8")
        assert lines.keys() <= {mutant.changed for mutant in mutants(source)}, module


def test_modules_are_chosen_by_name_and_room() -> None:
    among = {"a.py": ["t"], "room/b.py": ["t"], "room/c.py": ["t"]}
    assert chosen([], among) == among
    assert list(chosen(["room/c.py", "a.py"], among)) == ["a.py", "room/c.py"]
    assert list(chosen(["room"], among)) == ["room/b.py", "room/c.py"]
    with pytest.raises(ValueError, match=r"must be of a.py, room, got 'd.py'"):
        chosen(["d.py"], among)


def test_samples_are_drawn_by_the_seed() -> None:
    found = mutants("x = " + " + ".join(map(str, range(40))))
    lines = [mutant.before for mutant in sampled(found, 10, "0 a.py")]
    assert lines == [mutant.before for mutant in sampled(found, 10, "0 a.py")]
    assert lines != [mutant.before for mutant in sampled(found, 10, "1 a.py")]
    assert len(lines) == len(set(lines)) == 10
    assert sampled(found, None, "0 a.py") == sampled(found, 1000, "0 a.py") == found


def test_where_a_change_is() -> None:
    source = """
LIMIT = (1 +
    2)
@decorated
def outer(a, b=3):
    def inner():
        return (a -
            b)
    while (a <
            b):
        b += a
    return inner
"""
    found = {mutant.before: mutant for mutant in mutants(source)}
    both = ("outer", 4)
    assert [found[one].function for one in ("2", "3", "a - b", "b += a")] == [
        None,
        None,
        both,
        both,
    ]
    assert [found[one].name for one in ("2", "3", "a - b")] == ["LIMIT", None, None]
    lines = [found[one].lines for one in ("2", "a - b", "a < b", "b += a")]
    assert lines == [range(2, 4), range(7, 9), range(9, 11), range(11, 12)]


def test_a_module_counts_by_how_much_of_it_there_is() -> None:
    parts = [Score("a.py", mutants=90, tried=10, killed=9), Score("b.py", 10, tried=10, killed=0)]
    assert overall(parts) == pytest.approx(81)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.slow
def test_tests_notice_or_not(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name, text in {
        "mbcli/__init__.py": "",
        "mbcli/sums.py": "_LEAST = 0.5\n"
        "_STEP, _FIRST = 1, 0\n"
        "MORE = _FIRST\n"
        "def total(n):\n"
        "    x = MORE\n"
        "    while n > _LEAST:\n"
        "        x += n\n"
        "        n -= _STEP\n"
        "    return x\n"
        "def never(n):\n"
        "    return -n\n",
        "tests/test_sums.py": "from mbcli.sums import total\n\n"
        "def test_total():\n"
        "    assert total(3) == 6\n",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    # In a process of its own, as always: this one has threads, and has loaded mbcli.
    code = f"""
import json
from dataclasses import asdict
from pathlib import Path
from benchmarks.mutation import __main__ as mutation
from benchmarks.mutation import trees
trees._LEAST_LIMIT = 1.0
tree = trees.copied(Path({str(project)!r}), Path({str(tmp_path)!r}))
known = mutation.modules(Path({str(project)!r}), {{"*.py": ["tests"]}})
(score,) = mutation.measure(known, tree, None, 0)
print(json.dumps(asdict(score)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    score = json.loads(done.stdout)
    survivors = score.pop("survivors")
    # Of 3, 2, 1, 0 both leave out the 0 alone; and nothing calls the other function.
    assert survivors == ["mbcli/sums.py:1: 0.5  ->  (0.0)", "mbcli/sums.py:11: -n  ->  (n)"]
    assert score == {"module": "sums.py", "mutants": 10, "tried": 10, "killed": 8, "timed_out": 2}
    assert (project / "mbcli" / "sums.py").read_text().startswith("_LEAST = 0.5\n")
