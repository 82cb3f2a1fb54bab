"""Mutants in a process that has loaded the module: other code or values where they are."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from benchmarks.mutation.mutants import Mutant


def recode(path: Path, mutant: Mutant, functions: Sequence[FunctionType]) -> None:
    """Give the function of a mutant its code, wherever it is known by now."""
    assert functions
    assert mutant.function is not None
    whole = compile(mutant.source, str(path), "exec", dont_inherit=True)
    (code,) = _codes(whole, *mutant.function)
    for function in functions:
        function.__code__ = code


def assign(path: Path, mutant: Mutant) -> None:
    """Give a name of the module its value, wherever it is known by now.

    What cannot be evaluated raises, here as on import, and so is noticed.
    """
    assert mutant.name is not None
    loaded = [one for one in list(sys.modules.values()) if type(one) is ModuleType]
    (own,) = (vars(one) for one in loaded if vars(one).get("__file__") == str(path))
    before = own[mutant.name]
    body = [one for one in ast.parse(mutant.source).body if one.lineno == mutant.lines.start]
    exec(compile(ast.Module(body, []), str(path), "exec", dont_inherit=True), own)
    for one in loaded:
        if vars(one).get(mutant.name) is before:
            setattr(one, mutant.name, own[mutant.name])


def functions(paths: set[str]) -> dict[str, dict[tuple[str, int], list[FunctionType]]]:
    """Module -> name and first line -> its functions, wherever they are known by now."""
    found: dict[str, dict[tuple[str, int], list[FunctionType]]] = {path: {} for path in paths}
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename in paths:
            place = one.__code__.co_name, one.__code__.co_firstlineno
            found[one.__code__.co_filename].setdefault(place, []).append(one)
    return found


def _codes(code: CodeType, name: str, line: int) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if (inner.co_name, inner.co_firstlineno) == (name, line):
                yield inner
            else:
                yield from _codes(inner, name, line)


def used(path: Path) -> set[str]:
    """Names that are read when a module is imported."""

    def read(node: ast.AST) -> set[str]:
        if isinstance(node, ast.Name):
            return {node.id} if isinstance(node.ctx, ast.Load) else set()
        if isinstance(node, ast.FunctionDef):
            parts: list[ast.AST] = [node.args, *node.decorator_list]
        else:
            parts = list(ast.iter_child_nodes(node))
        return set().union(*map(read, parts))

    return read(ast.parse(path.read_text(encoding="utf-8")))
