"""The house rules that no type checker sees: who imports whom, and what start-up costs."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mbcli
from mbcli.version import RELEASE

PACKAGE = Path(mbcli.__file__).parent
CHECKOUT = Path(__file__).parent.parent

# A room may import only rooms of a lower floor, and itself.
FLOORS = (
    ("bounds", "cores", "errors", "skeleton", "spans", "version"),
    ("values",),
    ("types", "report", "conversion", "distortion", "flags", "excerpt", "boundary"),
    ("camera", "timeline", "geometry"),
    ("storage",),
    ("motion",),
    ("people", "video", "weights", "kinematics", "calibration"),
    ("pose2d", "keypoints", "lift", "placing", "data", "batch", "gait"),
    ("refinement", "show"),
    ("exports", "options", "evaluate"),
    ("tracks",),
    ("pipeline",),
    ("train", "live"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
USES_TORCH = ("lift", "train")
HEAVY = ("torch", "av", "cv2", "onnxruntime", "matplotlib", "scipy", "trackers", "supervision")


def _sources() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that is imported, anywhere in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def test_every_room_is_on_a_floor() -> None:
    assert {_room(path) for path in _sources()} == set(FLOOR)


@pytest.mark.parametrize("path", _sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    room = _room(path)
    wrong = []
    for line, name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        if name.startswith("."):
            wrong.append(f"line {line}: {name} is relative")
        if not name.startswith("mbcli."):
            continue
        other = name.split(".")[1]
        if other not in FLOOR:
            wrong.append(f"line {line}: {name} is taken from the package's front door")
        elif other != room and FLOOR[other] >= FLOOR[room]:
            wrong.append(f"line {line}: {room} must not import {name}")
    assert not wrong


@pytest.mark.parametrize("path", _sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_stays_in_its_rooms(path: Path) -> None:
    if _room(path) in USES_TORCH:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = ast.Module(
        [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], []
    )
    heavy = ("torch.", *(f"mbcli.{room}." for room in USES_TORCH))
    assert not [name for _, name in _imports(top_level) if f"{name}.".startswith(heavy)]


@pytest.mark.parametrize("path", _sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrays_are_not_compared_field_by_field(path: Path) -> None:
    # What a dataclass makes up asks an array for its truth, and hashes it: both raise.
    arrays = re.compile(r"Array|Tensor|\bBody\b|\bRows\b")
    wrong = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        made = next((m for d in node.decorator_list if "dataclass" in (m := ast.unparse(d))), "")
        held = [ast.unparse(n.annotation) for n in node.body if isinstance(n, ast.AnnAssign)]
        if made and "eq=False" not in made and any(map(arrays.search, held)):
            wrong.append(node.name)
    assert not wrong


def test_no_two_public_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def _modules_after(code: str) -> set[str]:
    """Modules that are loaded once ``code`` has run in a fresh interpreter."""
    tail = "import sys; print('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tail}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_is_light() -> None:
    # No process is started either: the version is worked out when it is wanted.
    assert _modules_after("import mbcli").isdisjoint(
        {*HEAVY, "numpy", "rich", "typer", "subprocess"}
    )
    loaded = _modules_after("import mbcli; mbcli.__version__")
    assert loaded.isdisjoint({*HEAVY, "numpy", "rich", "typer"})


def test_help_and_usage_errors_load_nothing_heavy() -> None:
    code = """
import sys
from mbcli.__main__ import main
for words, code in (
    (["--help"], 0), (["infer", "--help"], 0), (["--version"], 0), (["infer", "--unknown"], 2)
):
    sys.argv = ["mbcli", *words]
    try:
        main()
    except SystemExit as exit:
        assert (exit.code or 0) == code, exit.code
"""
    loaded = _modules_after(code)
    assert "typer" in loaded
    assert loaded.isdisjoint({*HEAVY, "numpy"})


def test_infer_loads_only_what_it_needs(walk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    code = f"""
import sys
from mbcli.__main__ import main
sys.argv = ["mbcli", "infer", {str(walk)!r}, "--end", "0.1", "--out", {str(out)!r}, "--quiet"]
try:
    main()
except SystemExit as exit:
    assert not exit.code, exit.code
"""
    loaded = _modules_after(code)
    assert {"torch", "trackers"} <= loaded
    assert loaded.isdisjoint(
        {"scipy.signal", "scipy.stats", "matplotlib", "rerun", "torchvision", "pandas", "onnx"}
    )


def test_help_takes_less_than_half_a_second() -> None:
    command = [sys.executable, "-m", "mbcli", "--help"]

    def seconds() -> float:
        before = os.times()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        after = os.times()
        assert "infer" in done.stdout
        spent = after.children_user + after.children_system
        return spent - before.children_user - before.children_system

    # Processor time, since wall time depends on the load of the machine. The best of several runs,
    # for cold caches.
    fastest = min(seconds() for _ in range(5))
    assert fastest < 0.5


def test_public_names_are_what_they_promise() -> None:
    assert mbcli.__all__ == [
        "ExportOptions",
        "Frame",
        "FramePoses",
        "InferOptions",
        "InferReport",
        "Keypoints2D",
        "MbcliError",
        "Motion3D",
        "PlotOptions",
        "RefineOptions",
        "Refinement",
        "RenderOptions",
        "__version__",
        "export",
        "infer",
        "load",
        "plot",
        "refine",
        "render",
        "save",
        "view",
    ]
    assert dir(mbcli) == sorted(mbcli.__all__)
    for name in mbcli.__all__:
        assert getattr(mbcli, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mbcli.nothing  # noqa: B018


def test_public_names_are_the_same_to_type_checkers() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    declared = {
        alias.asname or alias.name: (node.module, alias.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared == mbcli._WHERE


def test_verbs_take_what_the_commands_take() -> None:
    taken = {
        verb: list(inspect.signature(getattr(mbcli, verb)).parameters)
        for verb in ("infer", "load", "save", "refine", "render", "export", "view", "plot")
    }
    assert taken == {
        "infer": ["source", "options", "observer", "keypoints"],
        "load": ["path"],
        "save": ["path", "motion", "overwrite"],
        "refine": ["motion", "options"],
        "render": ["motion", "path", "video", "options", "overwrite", "observer"],
        "export": ["motion", "path", "options", "format", "overwrite"],
        "view": ["motion", "save", "video", "footage", "overwrite", "observer"],
        "plot": ["motion", "path", "options", "overwrite"],
    }


def test_changelog_describes_this_version() -> None:
    heads = re.findall(r"^## (.+)$", (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert next(head for head in heads if head != "Unreleased") == RELEASE


def _page(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def test_architecture_shows_the_floors() -> None:
    """The table "The floors" of ARCHITECTURE.md is FLOORS, the top floor first."""
    rows = re.findall(r"^\| (\d+) \| (`.+`) \|$", _page("ARCHITECTURE.md"), re.M)
    shown = [(int(number), set(re.findall(r"`(\w+)`", rooms))) for number, rooms in rows]
    floors = [(number, set(rooms)) for number, rooms in enumerate(FLOORS, start=1)]
    assert shown == floors[::-1]


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_pages_for_contributors_name_files_that_exist(name: str) -> None:
    """Paths in backquotes exist, and tables named with a file are in it."""
    page = _page(name)
    paths = {p for p in re.findall(r"`([\w./-]+/[\w./-]*)`", page) if "NAME" not in p}
    paths = {p for p in paths if not p.startswith("build/")}  # made by .ci/check
    assert len(paths) > 20
    # In ARCHITECTURE.md, rooms go without the name of the package.
    missing = {p for p in paths if not ((CHECKOUT / p).exists() or (PACKAGE / p).exists())}
    assert missing == set()
    for table, path in re.findall(r"`(\w+)`(?: and `\w+`)? in `(mbcli/[\w/]+\.py)`", page):
        assert re.search(rf"\b{table}\b", _page(path)), f"{table} is not in {path}"


def test_architecture_says_what_every_room_is() -> None:
    described = re.findall(r"^\| `(\w+)[./]", _page("ARCHITECTURE.md"), re.M)
    assert set(FLOOR) - set(described) == {"version", "__main__"}


def _is_number(node: ast.expr) -> bool:
    """Whether an expression is made of literal numbers and nothing else."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(node, ast.Tuple | ast.List):
        return bool(node.elts) and all(map(_is_number, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    if isinstance(node, ast.Call):
        return bool(node.args) and all(map(_is_number, node.args))
    return False


def _unexplained(source: str) -> list[str]:
    """The numbers at the top of a module that no word explains.

    A comment on the line explains them, one above the paragraph that they stand in, or a string
    below.
    """
    lines = source.splitlines()
    body = ast.parse(source).body
    bare = []
    for node, below in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if not _is_number(node.value):
            continue
        assert node.end_lineno is not None
        first = node.lineno - 1
        above = first
        while above > 0 and lines[above - 1].strip() and not lines[above].startswith("#"):
            above -= 1
        explained = "#" in "".join(lines[first : node.end_lineno]) or lines[above].startswith("#")
        described = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if not explained and not described:
            bare.append(f"line {node.lineno}: {lines[first]}")
    return bare


@pytest.mark.parametrize("path", _sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_numbers_at_the_top_of_a_module_are_explained(path: Path) -> None:
    assert not _unexplained(path.read_text(encoding="utf-8"))


def test_a_bare_number_is_found() -> None:
    bare = "# Of something.\nA = 1\nB = -2.5\n\nC = (1, 2**3)\nD = 4  # metres\nE = x.of(1)\n"
    assert _unexplained(bare) == ["line 5: C = (1, 2**3)", "line 7: E = x.of(1)"]
    assert _unexplained('A = 1\n"""Metres."""\nB = True\nC = x\nD = "1"\n') == []
