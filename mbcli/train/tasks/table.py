"""The table of tasks: each with its configuration, by its name in the YAML file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mbcli.errors import ConfigError
from mbcli.train.config import PretrainConfig
from mbcli.train.reading import load_config, read_tree
from mbcli.train.sections import Settings
from mbcli.train.tasks import Task
from mbcli.train.tasks.action import Action, ActionConfig
from mbcli.train.tasks.feet import Feet, FeetConfig
from mbcli.train.tasks.lifting import Pretraining
from mbcli.train.tasks.mesh import Mesh, MeshConfig
from mbcli.train.tasks.oneshot import OneShot, OneShotConfig
from mbcli.train.tasks.pose3d import Pose3D, Pose3DConfig

FINETUNING: dict[str, tuple[type[Settings], Callable[[Any], Task]]] = {
    "pose3d": (Pose3DConfig, Pose3D),
    "action": (ActionConfig, Action),
    "oneshot": (OneShotConfig, OneShot),
    "mesh": (MeshConfig, Mesh),
    "feet": (FeetConfig, Feet),
}


def pretraining(path: Path, overrides: Iterable[str] = ()) -> Task:
    """The pretraining described by a YAML file.

    Raises:
        ConfigError: see `mbcli.train.reading.load_config`.
    """
    return Pretraining(load_config(path, overrides, PretrainConfig))


def finetuning(path: Path, overrides: Iterable[str] = ()) -> Task:
    """The finetuning described by a YAML file, whose key ``task`` names the task.

    Raises:
        ConfigError: no such task, or see `mbcli.train.reading.load_config`.
    """
    name = read_tree(path).get("task")
    if not isinstance(name, str) or name not in FINETUNING:
        raise ConfigError(f"{path}: task must be {', '.join(FINETUNING)}, got {name!r}")
    config, task = FINETUNING[name]
    return task(load_config(path, overrides, config))
