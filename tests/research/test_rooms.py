"""What stands beside the package can be imported, and depends on each other in one direction."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
# Runs in an environment of its own, which has mediapipe.
APART = "benchmarks.accuracy.blazepose"
MODULES = [
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
    for room in ("benchmarks", "research")
    for path in sorted((CHECKOUT / room).rglob("*.py"))
]


@pytest.mark.parametrize("name", [name for name in MODULES if name != APART])
def test_every_module_can_be_imported(name: str) -> None:
    assert import_module(name).__doc__


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.startswith("benchmarks.") and name != APART]
)
def test_benchmarks_need_no_research(name: str) -> None:
    path = import_module(name).__file__
    assert path is not None
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] != "research"
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "research" for alias in node.names)
