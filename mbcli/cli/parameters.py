"""Commands from option dataclasses: fields become flags, and flags become the dataclass again.

    @command
    def draw(pose: PoseFile, *, out: Path, options: RenderOptions, quiet: Quiet = False) -> None:
        ...

has a flag for every field of `RenderOptions` that `mbcli.flags.option` describes, with the field's
default and choices. ``Annotated[InferOptions, without("flip")]`` leaves one out. Every command has
``--debug``, and turns mbcli's own errors into one line and an exit code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Optional, Union, get_args, get_origin, get_type_hints

import typer

from mbcli.cli.arguments import Debug
from mbcli.cli.guard import exit_codes
from mbcli.flags import described, flag, of

Command = Callable[..., None]


def without(*names: str) -> frozenset[str]:
    """Fields that get no flag in a command, for use in an annotation."""
    return frozenset(names)


def command(function: Command) -> Command:
    """Give a function the flags of the option dataclasses it takes.

    Args:
        function: takes dataclasses and ordinary Typer parameters by name, and may take ``given``,
            the names of the parameters present on the command line; ``files``, the values that
            may name files to read; and ``debug``, whether to show tracebacks.
    """
    hints = {
        name: _annotated(hint)
        for name, hint in get_type_hints(function, include_extras=True).items()
    }
    bundles: dict[str, tuple[type, list[Field[Any]]]] = {}
    context = inspect.Parameter("context", _BY_NAME, annotation=typer.Context)
    parameters = [context]
    for name, parameter in inspect.signature(function).parameters.items():
        kind, *more = get_args(hints[name]) or (hints[name],)
        if is_dataclass(kind) and isinstance(kind, type):
            left_out = more[0] if more else ()
            bundles[name] = kind, [one for one in described(kind) if one.name not in left_out]
            types = get_type_hints(kind)
            parameters += [_parameter(one, types[one.name]) for one in bundles[name][1]]
        elif name not in _SUPPLIED:
            parameters.append(parameter.replace(kind=_BY_NAME, annotation=hints[name]))
    parameters.append(inspect.Parameter("debug", _BY_NAME, default=False, annotation=Debug))

    def run(context: typer.Context, *, debug: bool, **values: Any) -> None:
        given = frozenset(name for name in context.params if _is_given(context, name))
        members = [one for _, some in bundles.values() for one in some]
        files = tuple(values[one.name] for one in members if of(one).reads and values[one.name])
        with exit_codes(debug=debug, as_json=values.get("as_json", False)):
            for name, (kind, members) in bundles.items():
                values[name] = kind(
                    **{one.name: _read(one, values.pop(one.name)) for one in members}
                )
            extra = dict(zip(_SUPPLIED, (given, files, debug), strict=True))
            function(**values, **{name: extra[name] for name in extra if name in hints})

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


_BY_NAME = inspect.Parameter.KEYWORD_ONLY
_SUPPLIED = ("given", "files", "debug")


def _annotated(hint: Any) -> Any:
    """An annotation without the Optional that Python 3.10 puts around it for a default of None."""
    inner = [one for one in get_args(hint) if get_origin(one) is Annotated]
    return inner[0] if inner and get_origin(hint) is not Annotated else hint


def _parameter(one: Field[Any], hint: Any) -> inspect.Parameter:
    """The Typer parameter of a field."""
    about, name, kind = of(one), flag(one.name), hint
    default: Any = one.default
    if about.parse is None and get_origin(hint) in (Union, UnionType):
        (kind,) = (part for part in get_args(hint) if part is not NoneType)
    if about.choices:
        kind = Literal[about.choices]
    elif about.parse is not None:
        kind, default = str, ",".join(default) if isinstance(default, tuple) else default
    elif get_origin(kind) is tuple:
        kind, default = list[get_args(kind)[0]], list(default) or None  # type: ignore[misc]
    if kind is bool:
        name = f"{name}/--no-{name[2:]}"
    info = typer.Option(
        name,
        help=about.help,
        metavar=about.metavar,
        show_default=(about.shown or False) if default is None else True,
        rich_help_panel=about.panel,
    )
    kind = Optional[kind] if default is None else kind  # noqa: UP045
    annotation = Annotated[kind, info]  # type: ignore[valid-type]
    return inspect.Parameter(one.name, _BY_NAME, default=default, annotation=annotation)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _read(one: Field[Any], value: Any) -> Any:
    """Convert the value of a parameter to that of its field."""
    parse = of(one).parse
    if parse is not None and value is not None:
        return parse(value)
    if isinstance(one.default, tuple):
        return tuple(value or ())
    return value
