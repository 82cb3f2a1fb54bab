"""Compatibility of MMPose 1.3 and MMDetection 3.3 with current versions of torch and numpy.

Their last releases are for torch 2.1 and numpy 1. All workarounds are in this module; `prepare`
must run before the first import of mmengine, mmcv, mmdet or mmpose.

    mmcv._ext       compiled operators, which mmcv-lite lacks: a replacement that can do NMS
    torchvision     a build for another torch cannot be imported: two operators are declared
    xtcocotools     its wheel is built for numpy 1: pycocotools replaces it
    torch.load      rejects non-tensor data in OpenMMLab's checkpoints: `read_checkpoint`
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

from mbcli.errors import ConfigError, WeightsError, first_line
from mbcli.pose2d.overlap import suppress
from mbcli.storage.torch_file import load_torch

PYTHONS = ((3, 10), (3, 11))  # xtcocotools, which MMPose requires, has no wheels for newer ones
INSTALL = "pip install 'mbcli[mmpose]'"

_PACKAGES = ("torchvision", "mmengine", "mmcv", "mmdet", "mmpose")

# Warnings at import, while a model is built and while it runs. All are about the age of the code
# and harmless here.
_OUTDATED = re.compile(
    r"`torch\.jit\.\w+` is deprecated"
    r"|`TorchScript` support for functional optimizers is deprecated"
    r"|`torch\.cuda\.amp\.\w+\(args\.\.\.\)` is deprecated"
    r"|torch\.meshgrid: in an upcoming release"
    r"|``MultiScaleDeformableAttention`` has been moved"
    r"|pkg_resources is deprecated as an API"
    r"|Deprecated call to `pkg_resources\.declare_namespace"
    r"|invalid escape sequence"
    r"|numpy\.\w+ size changed, may indicate binary incompatibility"
    r"|The metainfo config file .* does not exist\. A matched config file"
    r"|checkpoint is None, use COCO classes by default"
    r"|Can not load dataset_meta from the checkpoint or the model config"
)

_declared: list[Any] = []  # operators live as long as the torch.library.Library declaring them


@cache
def prepare() -> None:
    """Make mmengine, mmcv, mmdet and mmpose importable, and import them; once per process.

    Raises:
        ConfigError: an unsupported Python, or the packages are not installed or fail to load.
    """
    here = sys.version_info[:2]
    if here not in PYTHONS:
        pythons = " and ".join(f"{major}.{minor}" for major, minor in PYTHONS)
        raise ConfigError(
            f"--pose2d mmpose needs Python {pythons}, got {here[0]}.{here[1]}: use "
            "--pose2d rtmpose, the same models without MMPose"
        )
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise ConfigError(f"--pose2d mmpose needs {', '.join(missing)}: {INSTALL}")
    try:
        with recorded_warnings():
            _mend_torchvision()
            _mend_xtcocotools()
            _mend_mmcv()
            for module in ("mmdet.apis", "mmpose.apis"):
                importlib.import_module(module)
    except (AssertionError, AttributeError, ImportError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"the installed MMPose cannot be loaded ({first_line(error)}): {INSTALL}"
        ) from error


@contextmanager
def recorded_warnings() -> Iterator[None]:
    """Suppress the warnings about OpenMMLab's age; others are issued when the block ends.

    A warning filter does not suffice, since their code resets the filters.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for one in caught:
        if not _OUTDATED.search(str(one.message)):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


@contextmanager
def quiet(scope: str) -> Iterator[None]:
    """Run their code in the default scope ``mmdet`` or ``mmpose``, without log output.

    The log would go to stdout, where results are printed. The scope and the level of their logger
    are restored afterwards.
    """
    from mmengine.logging import MMLogger
    from mmengine.registry import DefaultScope

    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with recorded_warnings(), DefaultScope.overwrite_default_scope(scope):
            yield
    finally:
        logger.setLevel(level)


def _mend_torchvision() -> None:
    """Import torchvision, even if its operators were built for another torch.

    In that case its library fails to register operators that its Python code refers to.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = importlib.import_module("torch.library").Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
        _declared.append(library)
        importlib.import_module("torchvision")


def _mend_xtcocotools() -> None:
    """Replace an xtcocotools that numpy 2 cannot load by pycocotools.

    Only evaluation and the reading of annotations use it; inference does not.
    """
    try:
        importlib.import_module("xtcocotools._mask")
    except (ImportError, ValueError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "xtcocotools"]:
            del sys.modules[name]
        sys.modules["xtcocotools"] = importlib.import_module("pycocotools")
        for part in ("mask", "coco", "cocoeval"):
            sys.modules[f"xtcocotools.{part}"] = importlib.import_module(f"pycocotools.{part}")


def _mend_mmcv() -> None:
    """Replace the compiled operators that mmcv-lite lacks; a full mmcv is left alone."""
    if "mmcv._ext" not in sys.modules and find_spec("mmcv._ext") is None:
        sys.modules["mmcv._ext"] = _Operators("mmcv._ext")


class _Operators(ModuleType):
    """The operators of mmcv: non-maximum suppression, and placeholders for the others.

    mmcv looks up every name at import, but calls an operator only when a layer runs it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # Without a loader: mmengine takes this as the sign that mmcv has no compiled layers.
        self.__spec__ = ModuleSpec(name, None)

    def nms(self, bboxes: Any, scores: Any, iou_threshold: float, offset: int) -> Any:
        """Indices (K,) int64 of the boxes that are kept, best first; tensors on any device."""
        import torch

        kept = suppress(bboxes.cpu().numpy(), scores.cpu().numpy(), iou_threshold, offset)
        return torch.from_numpy(kept).to(bboxes.device)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise ConfigError(
                f"this configuration uses mmcv's compiled operator {name}, which mmcv-lite "
                "lacks: choose another one, or install mmcv 2.1.0 with its operators"
            )

        return refuse


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Contents of an OpenMMLab file: ``state_dict``, ``meta``, ``message_hub``, or only tensors.

    The file is read with ``weights_only=True``. Besides the types that torch allows, numeric numpy
    arrays and scalars are read; the training curves of ``message_hub`` are skipped. Anything else
    is refused by name and never executed.

    Raises:
        WeightsError: the file is damaged, unsafe, or not a mapping.
    """
    content = load_torch(path, "a checkpoint", allowed=_ALLOWED)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path} is not a checkpoint: it holds a {type(content).__name__}")
    return content


class _Curve:
    """Placeholder for a checkpoint's ``HistoryBuffer``, a loss curve: read and discarded.

    The original class would write its state into a table shared by all buffers of the process.
    """

    def __setstate__(self, state: object) -> None:
        pass


def _curve_method(owner: object, name: object) -> None:
    """Replacement for ``getattr``, by which a ``HistoryBuffer`` refers to its own methods."""
    if owner is not _Curve:
        raise UnpicklingError(f"Unsupported global: GLOBAL getattr of {name!r} is refused")


# The types in OpenMMLab's checkpoints, under the names by which the files refer to them.
_ALLOWED = (
    (_Curve, "mmengine.logging.history_buffer.HistoryBuffer"),
    (_curve_method, "builtins.getattr"),
)
