"""The command line is made from the option dataclasses, and their choices from the tables."""

from __future__ import annotations

import typing
from collections.abc import Collection
from dataclasses import fields
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

import mbcli
from mbcli.camera import DEFAULT_FOV
from mbcli.cli.app import app
from mbcli.cli.evaluate import evaluate
from mbcli.cli.keypoints import keypoints
from mbcli.evaluate.protocols import PROTOCOLS
from mbcli.exports.options import ExportOptions
from mbcli.flags import described, flag, of
from mbcli.keypoints import WRITTEN, WriteOptions
from mbcli.lift.runtime import PRECISIONS as ARITHMETIC
from mbcli.live.options import NOT_LIVE, LiveOptions
from mbcli.options import InferOptions
from mbcli.people import GRAMMAR
from mbcli.placing.metric import DEFAULT_HEIGHT
from mbcli.pose2d import BACKENDS
from mbcli.pose2d.models import WEIGHTS_OF_MODE
from mbcli.refinement.options import DEFAULT_CUTOFF, RefineOptions
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.styles import STYLES
from mbcli.show.plots.options import PlotOptions
from mbcli.show.rerun.options import ViewOptions

ROOT: Any = typer.main.get_command(app)
TAKEN: dict[str, tuple[type, ...]] = {
    "infer": (InferOptions,),
    "live": (LiveOptions,),
    "keypoints": (InferOptions, WriteOptions),
    "refine": (RefineOptions,),
    "render": (RenderOptions, RefineOptions),
    "view": (ViewOptions, RefineOptions),
    "plot": (PlotOptions, RefineOptions),
    "export": (ExportOptions, RefineOptions),
    "gait": (RefineOptions,),
}
EACH = [(command, kind) for command, kinds in TAKEN.items() for kind in kinds]
LIFTING = {
    *("height", "focal", "fov", "weights", "precision", "flip", "low_pass"),
    *("compat", "root_relative", "action", "mesh", "body_model", "calibration", "skeleton"),
    *("known_distance", "camera_motion"),
}
LEFT_OUT: dict[str, Collection[str]] = {"keypoints": LIFTING, "live": NOT_LIVE}


def parameter(command: str, name: str) -> Any:
    return {one.name: one for one in ROOT.commands[command].params}.get(name)


def choices(command: str, name: str) -> tuple[str, ...]:
    """The words that Typer takes for an option, from the type that it sees."""
    (callback,) = (
        one.callback
        for one in app.registered_commands
        if one.callback is not None and one.callback.__name__ == command
    )
    kind = typing.get_type_hints(callback)[name]
    for part in (kind, *typing.get_args(kind)):
        if typing.get_origin(part) is typing.Literal:
            return typing.get_args(part)
    return ()


@pytest.mark.parametrize(("command", "kind"), EACH)
def test_defaults_choices_and_names_are_those_of_the_fields(command: str, kind: type) -> None:
    for one in described(kind):
        found = parameter(command, one.name)
        if (command, kind, one.name) == ("export", RefineOptions, "feet"):
            continue  # a field of ExportOptions
        if one.name in LEFT_OUT.get(command, ()):
            assert found is None
            continue
        assert flag(one.name) in found.opts
        want = ",".join(one.default) if isinstance(one.default, tuple) else one.default
        assert found.default == (want if want != "" else None), one.name
        assert choices(command, one.name) == of(one).choices
        assert found.help == of(one).help


def test_every_field_is_an_option() -> None:
    for kind in {kind for kinds in TAKEN.values() for kind in kinds}:
        hidden = {one.name for one in fields(kind)} - {one.name for one in described(kind)}
        assert hidden == ({"threads"} if issubclass(kind, InferOptions) else set())


def test_choices_are_those_of_the_tables() -> None:
    assert choices("infer", "pose2d") == ("auto", *BACKENDS)
    assert choices("infer", "pose2d_mode") == tuple(WEIGHTS_OF_MODE)
    assert choices("infer", "precision") == tuple(ARITHMETIC)
    assert choices("render", "style") == tuple(STYLES)
    assert choices("refine", "filter") == ("none", *DEFAULT_CUTOFF)
    assert choices("keypoints", "format") == tuple(WRITTEN)
    assert set(choices("evaluate", "protocol")) == set(PROTOCOLS)
    for command in ("infer", "keypoints", "render", "plot", "export"):
        assert parameter(command, "person").metavar == GRAMMAR


def test_what_help_says_of_none_is_what_is_taken() -> None:
    shown = {one.name: of(one).shown for one in described(InferOptions)}
    assert (shown["height"] or "").startswith(f"{DEFAULT_HEIGHT:.2f}, ")
    words = f"as noted in the file, else from the camera's turns, else {DEFAULT_FOV:g}"
    assert shown["fov"] == words


@pytest.mark.parametrize("command", [*ROOT.commands])
def test_no_name_is_cut_on_a_narrow_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words, group = [command], ROOT.commands[command]
    commands = {command: group} | getattr(group, "commands", {})
    for name, one in commands.items():
        words = [command] if one is group else [command, name]
        text = CliRunner().invoke(app, [*words, "--help"]).stdout
        assert max(map(len, text.splitlines())) <= 80
        for option in one.params:
            for written in (*option.opts, *option.secondary_opts):
                assert written in text or option.param_type_name == "argument", written


def test_panels_are_headings() -> None:
    text = CliRunner().invoke(app, ["infer", "--help"]).stdout
    for heading in ("Input:", "2D stage:", "People and camera:", "Networks:", "Screen:"):
        assert heading in text.splitlines()


def test_version_and_shell_completion() -> None:
    for word in ("-V", "--version"):
        shown = CliRunner().invoke(app, [word])
        assert (shown.exit_code, shown.stdout) == (0, f"mbcli {mbcli.__version__}\n")
    completed = CliRunner().invoke(
        app,
        [],
        prog_name="mbcli",
        env={
            "_MBCLI_COMPLETE": "complete_bash",
            "COMP_WORDS": "mbcli infer --pose2d-m",
            "COMP_CWORD": "2",
        },
    )
    assert completed.stdout.split() == ["--pose2d-mode"]


def test_hints_of_a_command_can_be_read() -> None:
    """What documents itself from signatures sees ordinary parameters."""
    for command in (keypoints, evaluate):
        hints = typing.get_type_hints(command, include_extras=True)
        assert "debug" in hints
        assert "options" not in hints


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": -1.0}, "--start must be 0 or more seconds, got -1"),
        ({"start": float("nan")}, "--start must be 0 or more seconds, got nan"),
        ({"start": "1"}, "--start must be 0 or more seconds, got '1'"),
        ({"end": float("inf")}, "--end must be a positive number of seconds, got inf"),
        ({"start": 2.0, "end": 2.0}, "--end must be later than --start (2 s), got 2 s"),
        ({"every": 0}, "--every must be 1 (all frames) or more, got 0"),
        ({"every": -1}, "--every must be 1 (all frames) or more, got -1"),
        ({"every": 1.5}, "--every must be 1 (all frames) or more, got 1.5"),
        ({"every": None}, "--every must be 1 (all frames) or more, got None"),
        ({"device": "abacus"}, "--device must be auto, cpu, cuda, cuda:N or mps, got 'abacus'"),
        ({"precision": "float8"}, "--precision must be float32, bfloat16 or float16, got 'float8'"),
        ({"weights": " "}, "--weights must be a name or the path of a file, got ' '"),
        ({"compat": "alphapose"}, "--compat must be motionbert, got 'alphapose'"),
        ({"flip": "no"}, "--flip must be True or False, got 'no'"),
        ({"height": 3.0}, "--height must be 0.4..2.6 metres, got 3"),
        ({"height": 0.39}, "--height must be 0.4..2.6 metres, got 0.39"),
        ({"height": 178}, "--height must be 0.4..2.6 metres, got 178"),
        ({"height": 10**400}, "--height must be 0.4..2.6 metres, got 1000"),
        ({"focal": 0.0}, "--focal must be a positive number of pixels, got 0"),
        ({"fov": 179.0}, "--fov must be 1..150 degrees, got 179"),
        ({"focal": 900.0, "fov": 60.0}, "only one of --focal and --fov may be given, got 900"),
        ({"fps": 0.0}, "--fps must be 0.1..10000 frames/s, got 0"),
        ({"fps": 1e9}, "--fps must be 0.1..10000 frames/s, got 1e+09"),
        ({"image_size": (0, 9)}, "--image-size must be two numbers of 1..100000 pixels, got 0x9"),
        ({"image_size": (9, 10**6)}, "numbers of 1..100000 pixels, got 9x1000000"),
        ({"person": "first"}, "--person must be all, largest or ids such as 1 or 1,3"),
        (
            {"low_pass": -1.0},
            "--low-pass must be a frequency of 0.001 Hz or more, or 0 for none, got -1",
        ),
        ({"body_model": "x"}, "--body-model needs --mesh"),
    ],
)
def test_infer_options_state_their_rule(options: dict[str, Any], said: str) -> None:
    with pytest.raises(mbcli.MbcliError) as error:
        InferOptions(**options)
    assert said in str(error.value)
    assert len(str(error.value)) < 200
