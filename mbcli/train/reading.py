"""Reading a configuration: YAML, overrides, and errors that name the nearest key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mbcli.errors import ConfigError, WeightsError, first_line
from mbcli.lift.checkpoint import load_lifter
from mbcli.train.sections import ModelConfig, Settings
from mbcli.weights import TABLE, resolve

Kind = TypeVar("Kind", bound=Settings)


def load_config(path: Path, overrides: Iterable[str], kind: type[Kind]) -> Kind:
    """Read a YAML file and apply ``section.key=value`` overrides.

    Relative paths in the file count from its folder, those of overrides from the working folder.
    Dimensions of the model that are not given are those of ``run.init``.

    Args:
        path: the file, or the name of an example.
        overrides: overrides, applied in order.
        kind: type of the task's configuration.

    Raises:
        ConfigError: the file is missing or not a YAML mapping, a key is unknown (the nearest known
            one is named), or a value breaks its rule.
    """
    file = _found(path)
    tree = read_tree(file)
    here = {_apply_override(tree, item) for item in overrides}
    _fill_dimensions(tree, partial(_place, file, "run.init" in here))
    try:
        config = kind.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_line(error, kind)}") from error
    return _placed(config, file, here)


def read_tree(path: Path) -> dict[str, Any]:
    """The raw mapping in a YAML file, or in an example named without a folder and suffix.

    Raises:
        ConfigError: the file is missing or not a YAML mapping.
    """
    path = _found(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    tree = _parsed(content, f"the configuration {path}")
    if not isinstance(tree, dict):
        raise ConfigError(f"the configuration {path} must be a mapping of sections")
    return tree


def _parsed(text: str | bytes, what: str) -> Any:
    """The value of a YAML document.

    Raises:
        ConfigError: the document is not valid. Besides its own errors, yaml passes on Python's
            errors about invalid dates, numbers and tags.
    """
    try:
        return yaml.safe_load(text)
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ConfigError(f"{what} is not valid YAML: {first_line(error)}") from error


def examples() -> Path:
    """The folder of the example configurations, in the installed package or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    carried = package / "_configs"
    return carried if carried.is_dir() else package.parent / "examples" / "configs"


def _found(path: Path) -> Path:
    """The file, or the example that is meant by a name such as ``lifter_tiny``.

    Raises:
        ConfigError: there is neither.
    """
    if path.exists() or path != Path(path.name):
        return path
    file = examples() / f"{path.name.removesuffix('.yaml')}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(one.stem for one in examples().glob("*.yaml")))
        raise ConfigError(
            f"the configuration must be a file or the name of an example, got {path}; the "
            f"examples are {known}"
        )
    return file


def _place(file: Path, here: bool, value: Path) -> Path:
    """A path of a configuration, absolute.

    Args:
        file: the configuration.
        here: whether the path was given on the command line, and counts from the working folder.
        value: the path. In an example, what lies outside of the examples' own folder lies under
            the working folder: nobody keeps data inside an installed package.
    """
    if here:
        return Path.cwd() / value
    folder = file.resolve().parent
    if folder == examples() and folder.name == "_configs":
        inside = [part for part in value.parts if part != ".."]
        if len(inside) < len(value.parts):
            return Path.cwd().joinpath(*inside)
    return folder / value


def _placed(config: Kind, file: Path, here: Collection[str]) -> Kind:
    """Make the relative paths of a configuration absolute.

    Args:
        config: the configuration.
        file: where it was read.
        here: the keys given on the command line, as section.key.
    """
    changed: dict[str, dict[str, Any]] = {}
    for place in ("run.out", "run.init", *config.places):
        section, name = place.split(".")
        value = getattr(getattr(config, section), name)
        if value is None or str(value) in TABLE:
            continue
        at = partial(_place, file, place in here)
        joined = tuple(map(at, value)) if isinstance(value, tuple) else at(value)
        changed.setdefault(section, {})[name] = joined
    return config.model_copy(
        update={
            section: getattr(config, section).model_copy(update=values)
            for section, values in changed.items()
        }
    )


def _fill_dimensions(tree: dict[str, Any], place: Callable[[Path], Path]) -> None:
    """Take the dimensions of the model that the configuration leaves open from ``run.init``."""
    run, model = tree.get("run"), tree.setdefault("model", {})
    init = run.get("init") if isinstance(run, dict) else None
    if not isinstance(init, str) or not isinstance(model, dict):
        return
    try:
        path = resolve(init if init in TABLE else str(place(Path(init))))
    except WeightsError:
        return  # what is wrong is said where the weights are read
    known = asdict(load_lifter(path, num_heads=model.get("num_heads"))[0].config)
    for name in ModelConfig.model_fields:
        if name in known:
            model.setdefault(name, known[name])


def _apply_override(tree: dict[str, Any], item: str) -> str:
    """Change a value of the tree; returns its key, as section.key."""
    key, separator, text = item.partition("=")
    section, dot, name = key.strip().partition(".")
    if not separator or not dot or not name:
        raise ConfigError(f"an override must read section.key=value, got {item!r}")
    branch = tree.setdefault(section, {})
    if not isinstance(branch, dict):
        raise ConfigError(f"an override needs a section, but {section!r} is a value")
    branch[name] = _parsed(text, f"the value of {section}.{name}, {text!r:.60},")
    return f"{section}.{name}"


def _first_line(error: ValidationError, kind: type[Settings]) -> str:
    """One line about the first error, with the nearest key for an unknown one."""
    first = error.errors(include_url=False)[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        message = first["msg"].removeprefix("Value error, ")
        prefix = ".".join(where)
        return f"{prefix}: {message} (got {first['input']!r})" if prefix else message
    section: Any = kind
    for part in where[:-1]:
        section = section.model_fields[part].annotation
    known = list(section.model_fields)
    near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"unknown key {'.'.join(where)}: {hint}"
