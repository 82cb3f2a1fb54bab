"""Every option of every command with odd values, taken from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .cases import Case, Command
from .odd import TEXTS
from .people import KEYPOINTS, TINY, motion, write_people
from .stores import write_store

_WHOLE = ("0", "-1", "1", "2147483648", "99999999999999999999", "1.5", "nan", "", "x", "1e3")
_REAL = (
    *(
        "0",
        "-1",
        "1e-320",
        "0.001",
        "1e6",
        "1e300",
        "1e308",
        "1e999",
        "nan",
        "inf",
        "-inf",
        "",
        "x",
    ),
    *("99999999999999999999", "1,5", "0x10"),
)
_WORDS = (
    *(text for text in TEXTS if "\0" not in text),
    "1x1",
    "99999x99999",
    "0,0",
    "-x",
    "*",
    "[",
)
_SAFE = {
    "infer": (
        "infer",
        KEYPOINTS,
        "--image-size",
        "1280x720",
        "--fps",
        "30",
        "--weights",
        TINY,
        "--out",
        "out.npz",
    ),
    "keypoints": (
        "keypoints",
        KEYPOINTS,
        "--image-size",
        "1280x720",
        "--fps",
        "30",
        "--out",
        "out.npz",
    ),
    "refine": ("refine", "pose.npz", "--filter", "butterworth", "--out", "out.npz"),
    "render": ("render", "pose.npz", "--layout", "3d", "--out", "out.png"),
    "plot": ("plot", "pose.npz", "--out", "out.png"),
    "export": ("export", "pose.npz", "--out", "out.bvh"),
    "data check": ("data", "check", "store"),
    "data info": ("data", "info", "store"),
    "data preview": ("data", "preview", "store", "--out", "out.png"),
    "data import": (
        "data",
        "import",
        "keypoints",
        KEYPOINTS,
        "--image-size",
        "1280x720",
        "--fps",
        "20",
        "--out",
        "out",
    ),
}
# They ask for a network, a device, a display, or another file, whatever their value.
_LEFT = {"help", "device", "mesh", "mesh_out", "debug", "version", "jobs", "out"}


def _prepare(folder: Path) -> None:
    write_people(folder)
    motion().save(folder / "pose.npz")
    write_store(folder)


def cases() -> Iterator[Case]:
    """An odd value for each option of each command, one at a time."""
    import typer

    from mbcli.cli.app import app

    root: Any = typer.main.get_command(app)
    for name, command in _SAFE.items():
        found = root
        for part in name.split():
            found = found.commands[part]
        yield Case("options", f"{name} whole", command, _prepare)
        for parameter in found.params:
            if parameter.name in _LEFT or not parameter.opts[0].startswith("--"):
                continue
            for number, value in enumerate(_values(parameter)):
                label = f"{name} {parameter.opts[0]} {number} {value[:20]!r}"
                yield Case("options", label, _with(command, parameter.opts[0], value), _prepare)


def _values(parameter: Any) -> tuple[str, ...]:
    kind = repr(parameter.type_descriptor.annotation)
    if parameter.is_flag:
        return ()
    if "int" in kind:
        return _WHOLE
    if "float" in kind:
        return _REAL
    return _WORDS[:4] if "Literal" in kind else _WORDS


def _with(command: Command, option: str, value: str) -> Command:
    if option in command:
        place = command.index(option)
        return (*command[: place + 1], value, *command[place + 2 :])
    return (*command, option, value)
