"""Reading a configuration: YAML, overrides, and errors that name the nearest key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mbcli.errors import ConfigError, first_line
from mbcli.train.sections import Settings
from mbcli.weights import TABLE

Kind = TypeVar("Kind", bound=Settings)


def load_config(path: Path, overrides: Iterable[str], kind: type[Kind]) -> Kind:
    """Read a YAML file and apply ``section.key=value`` overrides.

    Args:
        path: the file.
        overrides: overrides, applied in order.
        kind: type of the task's configuration.

    Raises:
        ConfigError: the file is missing or not a YAML mapping, a key is unknown (the nearest known
            one is named), or a value breaks its rule.
    """
    tree = read_tree(path)
    for item in overrides:
        _apply_override(tree, item)
    try:
        config = kind.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_line(error, kind)}") from error
    return _placed(config, path.resolve().parent)


def read_tree(path: Path) -> dict[str, Any]:
    """The raw mapping in a YAML file.

    Raises:
        ConfigError: the file is missing or not a YAML mapping.
    """
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


def _placed(config: Kind, base: Path) -> Kind:
    """Make the relative paths of a configuration absolute."""
    changed: dict[str, dict[str, Any]] = {
        "run": {"out": base / config.run.out, "init": _start(base, config.run.init)}
    }
    for place in config.places:
        section, name = place.split(".")
        value = getattr(getattr(config, section), name)
        if value is not None:
            many = isinstance(value, tuple)
            joined = tuple(base / path for path in value) if many else base / value
            changed.setdefault(section, {})[name] = joined
    return config.model_copy(
        update={
            section: getattr(config, section).model_copy(update=values)
            for section, values in changed.items()
        }
    )


def _start(base: Path, init: Path | None) -> Path | None:
    if init is None or str(init) in TABLE:
        return init
    return base / init


def _apply_override(tree: dict[str, Any], item: str) -> None:
    key, separator, text = item.partition("=")
    section, dot, name = key.strip().partition(".")
    if not separator or not dot or not name:
        raise ConfigError(f"an override must read section.key=value, got {item!r}")
    branch = tree.setdefault(section, {})
    if not isinstance(branch, dict):
        raise ConfigError(f"an override needs a section, but {section!r} is a value")
    branch[name] = _parsed(text, f"the value of {section}.{name}, {text!r:.60},")


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
