"""Models of MMPose and MMDetection from a configuration and a checkpoint.

A configuration is a Python program, which is executed when read: use only files that you would
run. Those that come with the two packages can be given by name, without folder and suffix.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mbcli.errors import ConfigError, WeightsError, first_line
from mbcli.pose2d.openmmlab import prepare, quiet, read_checkpoint

# Folders of configurations within the packages.
_POSE_FOLDERS = (("mmpose", ".mim/configs"),)
_DETECTOR_FOLDERS = (("mmpose", ".mim/demo/mmdetection_cfg"), ("mmdet", ".mim/configs"))

# Exceptions caused by a faulty configuration, while it is read and while its model is built.
_BROKEN = (
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)

# Buffers that OpenMMLab used to save with a model; the values are now in the configuration.
_SAVED_ONCE = ("data_preprocessor.mean", "data_preprocessor.std")

_NAMED_AT_MOST = 3  # names in a message, so that it stays on one line


def build_pose_estimator(config: str, checkpoint: Path, *, flip_test: bool, device: str) -> Any:
    """Build a top-down pose estimator with ``mmpose.apis.init_model``.

    Args:
        config: name or path.
        checkpoint: its weights.
        flip_test: average with the mirrored crop.
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigError: the configuration is missing, broken, or describes something else.
        WeightsError: the checkpoint is damaged, unsafe or of another architecture.
    """
    prepare()
    from mmpose.apis import init_model
    from mmpose.models import TopdownPoseEstimator

    with quiet("mmpose"):
        tree = _read_config("--pose2d-config", config, _POSE_FOLDERS)
        try:
            tree.model.test_cfg = {**(tree.model.get("test_cfg") or {}), "flip_test": flip_test}
            model = init_model(tree, checkpoint=None, device="cpu")
        except _BROKEN as error:
            raise ConfigError(
                f"--pose2d-config {config} builds no model: {_says(error)}"
            ) from error
        if not isinstance(model, TopdownPoseEstimator):
            raise ConfigError(
                f"--pose2d-config must describe a TopdownPoseEstimator, {config} describes a "
                f"{type(model).__name__}"
            )
        meta = _load_weights(model, checkpoint, config)
        model.dataset_meta = {**model.dataset_meta, **meta}
        return model.to(device)


def build_detector(config: str, checkpoint: Path, *, device: str) -> Any:
    """Build a detector with ``mmdet.apis.init_detector``.

    Raises:
        ConfigError: the configuration is missing, broken, or describes something else.
        WeightsError: the checkpoint is damaged, unsafe or of another architecture.
    """
    prepare()
    from mmdet.apis import init_detector
    from mmdet.models import BaseDetector

    with quiet("mmdet"):
        tree = _read_config("--det-config", config, _DETECTOR_FOLDERS)
        try:
            # With a palette given, though unused, no dataset is built to look one up.
            model = init_detector(tree, checkpoint=None, palette="coco", device="cpu")
        except _BROKEN as error:
            raise ConfigError(f"--det-config {config} builds no model: {_says(error)}") from error
        if not isinstance(model, BaseDetector):
            raise ConfigError(
                f"--det-config must describe a detector of MMDetection, {config} describes a "
                f"{type(model).__name__}"
            )
        meta = _load_weights(model, checkpoint, config)
        model.dataset_meta = {**model.dataset_meta, **{k.lower(): v for k, v in meta.items()}}
        return model.to(device)


def build_pipeline(steps: Any, scope: str) -> Any:
    """Build the preprocessing pipeline of a configuration.

    Args:
        steps: the steps in the configuration.
        scope: ``mmdet`` or ``mmpose``, where their names are looked up.

    Raises:
        ConfigError: a step does not exist or has wrong parameters.
    """
    from mmengine.dataset import Compose

    with quiet(scope):
        try:
            return Compose(steps)
        except _BROKEN as error:
            raise ConfigError(
                f"the configuration's test pipeline cannot be built: {_says(error)}"
            ) from error


def _read_config(option: str, name: str, folders: tuple[tuple[str, str], ...]) -> Any:
    """Read a configuration and remove the initial weights of its parts."""
    from mmengine.config import Config

    path, packaged = _find_config(option, name, folders)
    try:
        tree = Config.fromfile(str(path))
        if not isinstance(tree.get("model"), dict) or "type" not in tree.model:
            raise ConfigError(f"{option} {name} describes no model")
        for part in _parts(tree.model):
            # The checkpoint holds all weights; these would be downloaded.
            if "Pretrained" in str(part.get("init_cfg")):
                part.init_cfg = None
            part.pop("pretrained", None)
        if packaged:
            _name_packaged_metainfo(tree)
    except _BROKEN as error:
        raise ConfigError(f"{option} {name} cannot be read: {_says(error)}") from error
    return tree


def _find_config(option: str, name: str, folders: tuple[tuple[str, str], ...]) -> tuple[Path, bool]:
    """The file of a configuration, and whether it comes with the packages."""
    path = Path(name)
    if path.suffix in (".py", ".json", ".yaml", ".yml"):
        if not path.is_file():
            raise ConfigError(f"{option} {name} does not exist")
        return path, False
    names: list[str] = []
    for package, folder in folders:
        for file in sorted((_folder_of(package) / folder).rglob("*.py")):
            if file.stem == name:
                return file, True
            names.append(file.stem)
    close = get_close_matches(name, names, n=_NAMED_AT_MOST, cutoff=0)
    raise ConfigError(
        f"{option} must be the path of a .py file or the name of a configuration of "
        f"{' or '.join(package for package, _ in folders)}, such as {', '.join(close)}; "
        f"got {name!r}"
    )


def _folder_of(package: str) -> Path:
    return Path(str(importlib.import_module(package).__file__)).parent


def _parts(tree: Any) -> Iterator[Any]:
    """Every mapping in a configuration, including itself."""
    if isinstance(tree, dict):
        yield tree
    for value in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(value, dict | list | tuple):
            yield from _parts(value)


def _name_packaged_metainfo(tree: Any) -> None:
    """Replace the paths of joint lists by absolute paths.

    A packaged configuration gives them relative to MMPose's own checkout. A file with the same
    path under the working directory would otherwise be executed instead.
    """
    joint_lists = _folder_of("mmpose") / ".mim/configs/_base_/datasets"
    for part in _parts(tree._cfg_dict):
        if isinstance(part.get("from_file"), str):
            part.from_file = str(joint_lists / Path(part.from_file).name)


def _load_weights(model: Any, path: Path, config: str) -> Mapping[str, Any]:
    """Load weights into a model; returns the checkpoint's metadata about its training data."""
    checkpoint = read_checkpoint(path)
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise WeightsError(f"{path} holds no weights: expected 'state_dict' or tensors by name")
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    state = {name: tensor for name, tensor in state.items() if name not in _SAVED_ONCE}
    try:
        found = model.load_state_dict(state, strict=False)
    except (AttributeError, RuntimeError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines()]
        reason = lines[1] if len(lines) > 1 else first_line(error)
        raise WeightsError(f"{path} does not fit configuration {config}: {reason}") from error
    # Files from torch 0.4 lack these counters, and only training uses them.
    missing = [name for name in found.missing_keys if "num_batches_tracked" not in name]
    wrong = [
        f"{len(names)} {what} ({', '.join(names[:_NAMED_AT_MOST])}{', ...' * more})"
        for what, names in (("missing", missing), ("unexpected", found.unexpected_keys))
        if names
        for more in [len(names) > _NAMED_AT_MOST]
    ]
    if wrong:
        raise WeightsError(
            f"{path} does not fit configuration {config}, of its tensors are {', '.join(wrong)}"
        )
    meta = checkpoint.get("meta")
    dataset = meta.get("dataset_meta") if isinstance(meta, Mapping) else None
    return dataset if isinstance(dataset, Mapping) else {}


def _says(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}"
