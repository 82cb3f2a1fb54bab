"""All small changes of a module: what is changed, where, and the source with the change.

A change must be one that somebody could make by mistake and that no type checker sees:

- a number: an integer plus 1; any other number doubled, and set to 0; at the top of a module too
- a comparison, a condition or a truth value turned round, ``and`` for ``or``
- ``<`` for ``<=`` where one side is an integer (for measured numbers both mean the same)
- another operator: ``-`` for ``+``, ``/`` for ``*``, ``&`` for ``|``
- a sign, ``not`` or ``~`` left out
- another function: ``max`` for ``min``, ``any`` for ``all``, ``ceil`` for ``floor``
- ``break`` for ``continue``
- a statement left out: a call for its effect, ``x += y``, ``x[i] = y``, ``x.y = z``
- a keyword argument left out, except ``dtype`` and ``strict``, which guard and rarely decide, so
  that their values stay too

Texts stay as they are, and so does what only says something: annotations, decorators, docstrings,
f-strings, ``raise`` and ``assert``.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_BOUNDARIES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_FUNCTIONS = {
    one: other
    for pair in (
        ("min", "max"),
        ("minimum", "maximum"),
        ("nanmin", "nanmax"),
        ("argmin", "argmax"),
        ("any", "all"),
        ("floor", "ceil"),
        ("sin", "cos"),
    )
    for one, other in (pair, pair[::-1])
}
_GUARDS = ("dtype", "strict")


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        line: of the source, from 1.
        before: what stood there, on one line.
        after: what stands there now.
        source: of the whole module with the change.
        lines: of the innermost statement, or of what stands before its body.
        function: name and first line of the outermost function in whose body it is.
        name: what is assigned by a statement of the module itself.
    """

    line: int
    before: str
    after: str
    source: str
    lines: range
    function: tuple[str, int] | None
    name: str | None

    @property
    def changed(self) -> str:
        """The line as it reads with the change."""
        return self.source.splitlines()[self.line - 1].strip()


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of the source."""
    text = source.encode()  # columns count bytes
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[tuple[int, int, str], Mutant] = {}
    module = ast.parse(source)
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    for node, after in _changes(module):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[node.end_lineno - 1] + node.end_col_offset
        changed = (text[:first] + after.encode() + text[last:]).decode()
        before = " ".join(text[first:last].decode().split())
        home = _home(node, parents)
        found[first, last, after] = Mutant(node.lineno, before, after, changed, *home)
    return [found[place] for place in sorted(found)]


def _home(
    node: ast.AST, parents: Mapping[ast.AST, ast.AST]
) -> tuple[range, tuple[str, int] | None, str | None]:
    """``lines``, ``function`` and ``name`` of a mutant."""
    above = [node]  # ends with the module
    while above[-1] in parents:
        above.append(parents[above[-1]])
    statement = next(one for one in above if isinstance(one, ast.stmt))
    body = getattr(statement, "body", None)
    last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno
    assert last is not None
    function: tuple[str, int] | None = None
    for inner, outer in itertools.pairwise(above):
        if isinstance(outer, ast.FunctionDef) and inner in outer.body:
            function = outer.name, min([outer.lineno, *(d.lineno for d in outer.decorator_list)])
    assigned: str | None = None
    match above[-2]:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            assigned = str(name)
    return range(statement.lineno, last + 1), function, assigned


_Place = ast.expr | ast.stmt


def _changes(node: ast.AST) -> Iterator[tuple[_Place, str]]:
    """(what is replaced, by what) in a node and all below it."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.expr):
        yield from ((node, f"({ast.unparse(new)})") for new in _expressions(node))
    elif isinstance(node, ast.stmt):
        yield from ((node, ast.unparse(new)) for new in _statements(node))
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _turned(node.test)
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield from _turned(test)
    for child in _below(node):
        yield from _changes(child)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    """The children that may be changed."""
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.MatchValue):
        return
    if isinstance(node, ast.keyword) and node.arg in _GUARDS:
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        children = value if isinstance(value, list) else [value]
        yield from (child for child in children if isinstance(child, ast.AST))


def _turned(test: ast.expr) -> Iterator[tuple[_Place, str]]:
    """A condition that none of the other changes turns round."""
    if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        yield test, f"(not {ast.unparse(test)})"


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    new = copy.deepcopy(node)
    match new:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(number)):
            yield ast.Constant(number + 1)
        case ast.Constant(value=float(number)):
            yield ast.Constant(2 * number if number else 1.0)
            if number:
                yield ast.Constant(0.0)
        case ast.Compare(ops=[operator], left=left, comparators=[right]):
            new.ops = [_COMPARISONS[type(operator)]()]
            yield new
            if type(operator) in _BOUNDARIES and (_whole(left) or _whole(right)):
                yield ast.Compare(left, [_BOUNDARIES[type(operator)]()], [right])
        case ast.Compare():
            yield ast.UnaryOp(ast.Not(), new)
        case ast.BoolOp(op=operator):
            new.op = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield new
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            new.op = _OPERATORS[type(operator)]()
            yield new
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            yield operand
        case ast.Call():
            yield from _calls(new)


def _whole(node: ast.expr) -> bool:
    """Whether it is a whole number for all that can be seen here."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "len"
    return isinstance(node, ast.Constant) and type(node.value) is int


def _calls(call: ast.Call) -> Iterator[ast.expr]:
    if isinstance(call.func, ast.Name) and call.func.id in _FUNCTIONS:
        yield ast.Call(ast.Name(_FUNCTIONS[call.func.id]), call.args, call.keywords)
    elif isinstance(call.func, ast.Attribute) and call.func.attr in _FUNCTIONS:
        function = ast.Attribute(call.func.value, _FUNCTIONS[call.func.attr])
        yield ast.Call(function, call.args, call.keywords)
    for number, keyword in enumerate(call.keywords):
        if keyword.arg is not None and keyword.arg not in _GUARDS:
            kept = call.keywords[:number] + call.keywords[number + 1 :]
            yield ast.Call(call.func, call.args, kept)


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()
    if isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
