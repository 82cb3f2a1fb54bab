"""Configurations of trainings, and checkpoints."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from train import conftest as train_conftest

from .cases import Case, Subject
from .odd import TEXTS
from .stores import STORE, write_store
from .weights import write_torch


def _config_tree() -> Any:
    tree = train_conftest.small_config(STORE, "run")
    tree["run"] |= {"steps": 1, "batch": 2, "log_every": 1, "validate_every": 1, "save_every": 1}
    tree["run"]["validation_clips"] = 2
    return {**tree, "loss": {"mpjpe": 1.0}}


def _write_yaml(path: Path, tree: Any) -> None:
    path.write_text(yaml.dump(tree))


def _configured(folder: Path) -> None:
    write_store(folder)
    _write_yaml(folder / "c.yaml", _config_tree())


def _checkpointed(folder: Path) -> None:
    _configured(folder)
    (folder / "run").mkdir()
    for name, content in _trained().items():
        (folder / "run" / name).write_bytes(content)


@cache
def _trained() -> dict[str, bytes]:
    """The files of a training that ended after a step."""
    import tempfile

    from .process import call

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _configured(folder)
        call(folder, ("pretrain", "c.yaml"))
        files = [path for path in (folder / "run").iterdir() if path.is_file()]
        return {path.name: path.read_bytes() for path in files}


def _checkpoint_tree() -> Any:
    import torch

    content = io.BytesIO(_trained()["last.ckpt"])
    return torch.load(content, weights_only=False)


def cases() -> list[Case]:
    """Every section and key of a configuration, and values that are odd."""
    values: tuple[str, ...] = ("[", "'", "@", "%x", "2020-13-45", "!!python/x 1", "nan", "-1", "{}")
    values += ("1e400", "null", "[]", "9" * 400, "9" * 5000, "[" * 2000, "2001-01-01", "&a *a")
    values += ("0x", "1_0", "true", *TEXTS)
    keys = [f"{section}.{key}" for section, some in _config_tree().items() for key in some]
    cases = []
    for number, value in enumerate(values * 3):
        key = keys[number * 7 % len(keys)]
        if "\0" in value:
            continue
        command = ("pretrain", "c.yaml", "--set", f"{key}={value}")
        cases.append(
            Case("YAML and --set", f"set {number} {key}={value[:20]!r}", command, _configured)
        )
    return cases


def subjects() -> list[Subject]:
    """All of them."""
    return [
        Subject(
            "YAML and --set",
            "yaml",
            (("pretrain", "c.yaml"),),
            "c.yaml",
            _configured,
            _config_tree,
            _write_yaml,
            weight=3,
        ),
        Subject(
            "checkpoints",
            "resume",
            (("pretrain", "c.yaml", "--resume"),),
            "run/last.ckpt",
            _checkpointed,
            _checkpoint_tree,
            write_torch,
        ),
    ]
