"""Exporting a lifter for other runtimes: ONNX, OpenVINO, and TorchScript for Core ML.

Each file carries the header of our own (`mbcli.lift.header`), so that whoever runs it knows its
dimensions, skeleton, frame rates, licence and the calibration of its errors. It is run once in its
own runtime and compared with torch before it gets its name.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.exported import (
    INPUT,
    OUTPUT,
    SOURCE,
    ExportedLifter,
    ExportedNetwork,
)
from mbcli.lift.header import LIFTER, CheckpointInfo, about_lifter, header
from mbcli.lift.model import DSTformer
from mbcli.lift.opening import open_lifter
from mbcli.lift.runtime import Network
from mbcli.skeleton import H36M17
from mbcli.storage.output import check_output, written_together
from mbcli.weights import entry_for, resolve

# Largest difference from torch in the network's units. Somebody who stands fills -1..1, so it is
# 0.1 mm on a person of 1.70 m. Measured with mbcli-lifter as ONNX: 0.000005. Clips of white noise
# differ by 0.0003: no movement is like that, and rounding errors grow with it.
LIMIT = 1e-4

_OPSET = 18  # of ONNX; the oldest that the exporter of torch writes without converting

# (clips, frames) with which an export is compared; None is the longest that the model takes.
_TRIED = ((1, None), (3, 9), (2, 1))

Clips = npt.NDArray[np.float32]
Run = Callable[[Clips], Clips]
Write = Callable[[DSTformer, Mapping[str, str], Path], None]


@dataclass(frozen=True)
class Format:
    """A format of exported lifters.

    Attributes:
        suffix: of the file.
        write: writes a model with its header to a path.
        read: makes the file run.
        fixed: whether it takes one clip of the longest length alone.
        beside: suffixes of files that belong to it.
    """

    suffix: str
    write: Write
    read: Callable[[DSTformer, Path], Run]
    fixed: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class LifterExport:
    """What was exported.

    Attributes:
        path: the file.
        difference: largest distance from torch's result, in the network's units.
    """

    path: Path
    difference: float


def export_lifter(
    name_or_path: str, format: str, path: Path | None = None, *, overwrite: bool = False
) -> LifterExport:
    """Export a lifter.

    Args:
        name_or_path: a name in the weights table, or a file.
        format: a key of ``FORMATS``.
        path: the file to write; None means the name of the weights with the format's suffix, in
            the working directory.
        overwrite: whether existing files are replaced.

    Raises:
        WeightsError: the weights are no lifter, or the export differs from torch; nothing is left.
        ConfigError: the format is unknown, the path has another suffix, or a package is missing.
        OutputError: a file exists or cannot be written.
    """
    if format not in FORMATS:
        raise ConfigError(f"--format must be {', '.join(FORMATS)}, got {format!r}")
    kind = FORMATS[format]
    source = resolve(name_or_path)
    path = Path(f"{source.stem}{kind.suffix}") if path is None else path
    if path.suffix.lower() != kind.suffix:
        raise ConfigError(f"--out must end in {kind.suffix} for {format}, got {path}")
    places = [*(path.with_suffix(suffix) for suffix in kind.beside), path]
    for place in places:
        check_output(place, overwrite=overwrite, inputs=(source,))
    model, info = open_lifter(source)
    if isinstance(model, ExportedLifter):
        raise WeightsError(f"{source} must be a lifter that torch runs, got one that was exported")
    texts = header(LIFTER, about_lifter(model.config, _facts(name_or_path, info)))
    with written_together(places, overwrite=overwrite) as temporaries:
        made = temporaries[-1]
        with torch.no_grad():
            kind.write(model, texts, made)
        difference = _difference(model, kind.read(model, made), fixed=kind.fixed)
        if not difference <= LIMIT:
            raise WeightsError(
                f"the {format} export of {name_or_path} must not differ from torch by more than "
                f"{LIMIT:g} of half a window, got {difference:.2g}"
            )
    return LifterExport(path, difference)


def _facts(name_or_path: str, info: CheckpointInfo) -> dict[str, Any]:
    """What the file says of itself, or the table says of it, and where the export comes from."""
    entry = entry_for(name_or_path)
    known: dict[str, Any] = {"skeleton": H36M17.name}
    if entry is not None:
        known = {**known, **entry.metadata, "licence": entry.licence}
    source = {
        "name": name_or_path if entry is None else entry.name,
        "sha256": info.sha256,
        "origin": info.origin,
        "training_data": None if entry is None else entry.training_data,
    }
    return {**known, **info.metadata, SOURCE: source}


def _difference(model: DSTformer, run: Run, *, fixed: bool) -> float:
    """Largest difference between a runtime and torch."""
    want, apart = Network(model, "cpu", mirror=False), []
    for clips, frames in _TRIED[:1] if fixed else _TRIED:
        length = model.config.maxlen if frames is None else min(frames, model.config.maxlen)
        batch = _swaying(clips, length, model.config)
        apart.append(np.abs(run(batch) - want(batch)).max())
    return float(np.max(apart))  # NaN if one is


def _swaying(clips: int, frames: int, config: DSTformerConfig) -> Clips:
    """(clips, frames, J, in) joints anywhere that sway a little, one of them missing."""
    rng = np.random.default_rng(0)
    shape = (clips, 1, config.num_joints, config.dim_in)
    phase = np.arange(frames)[:, None, None] / 6 + rng.uniform(0, 2 * np.pi, shape)
    batch = rng.uniform(-0.9, 0.9, shape) + 0.1 * np.sin(phase)
    batch[..., 2:] = 0.8  # confidence
    batch[:, :, rng.integers(config.num_joints)] = 0
    return batch.astype(np.float32)


def _example(model: DSTformer, clips: int) -> torch.Tensor:
    config = model.config
    return torch.zeros(clips, config.maxlen, config.num_joints, config.dim_in)


def _write_onnx(model: DSTformer, texts: Mapping[str, str], path: Path) -> None:
    onnx = _package("onnx", "onnx")
    _package("onnxscript", "onnx")
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("frames", max=model.config.maxlen)}
    with _unwarned():
        program = torch.onnx.export(
            model,
            (_example(model, 2),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(shape,),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    onnx.helper.set_model_props(graph, dict(texts))
    onnx.save_model(graph, path)


def _read_onnx(model: DSTformer, path: Path) -> Run:
    return ExportedNetwork(ExportedLifter(path, model.config), "cpu", mirror=False)


def _write_openvino(model: DSTformer, texts: Mapping[str, str], path: Path) -> None:
    openvino = _openvino()
    onnx = path.with_suffix(".onnx")
    _write_onnx(model, texts, onnx)
    network = openvino.Core().read_model(onnx)
    onnx.unlink()
    for key, text in texts.items():
        network.set_rt_info(text, ["mbcli", key])
    openvino.save_model(network, path, compress_to_fp16=False)


def _read_openvino(model: DSTformer, path: Path) -> Run:
    openvino = _openvino()
    network = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(clips: Clips) -> Clips:
        found: Clips = network(clips)[0]
        return found

    return run


def _write_torchscript(model: DSTformer, texts: Mapping[str, str], path: Path) -> None:
    with _unwarned():
        traced = torch.jit.trace(model, (_example(model, 1),))  # type: ignore[no-untyped-call]
        traced.save(str(path), _extra_files=dict(texts))


def _read_torchscript(model: DSTformer, path: Path) -> Run:
    with _unwarned():
        network = torch.jit.load(str(path))  # type: ignore[no-untyped-call]

    def run(clips: Clips) -> Clips:
        with torch.no_grad():
            found: Clips = network(torch.from_numpy(clips)).numpy()
        return found

    return run


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without torch's warnings about its own parts, and about the form that Core ML takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _openvino() -> Any:
    """OpenVINO without the package by which it reports its use: it does without where that lacks.

    Raises:
        ConfigError: it is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return _package("openvino", "openvino")


def _package(name: str, extra: str) -> Any:
    """A package that only exporting needs.

    Raises:
        ConfigError: it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"exporting needs the package {name}: pip install 'mbcli[{extra}]'"
        ) from error


FORMATS: dict[str, Format] = {
    "onnx": Format(".onnx", _write_onnx, _read_onnx),
    "openvino": Format(".xml", _write_openvino, _read_openvino, beside=(".bin",)),
    "coreml-ready": Format(".pt", _write_torchscript, _read_torchscript, fixed=True),
}
