"""Opening ONNX files in onnxruntime, with one-line errors."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from mbcli.boundary import reading
from mbcli.cores import cores
from mbcli.errors import ConfigError, WeightsError, one_line

# For programs that loaded onnxruntime before mbcli, where the environment variable is too late.
ort.disable_telemetry_events()

CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_SILENT = 4  # onnxruntime's log level for fatal errors; others are raised as exceptions

# The runtime's exceptions have no common base class.
ERRORS = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


def open_onnx(
    path: Path,
    *,
    providers: Sequence[Any] = (CPU,),
    threads: int | None = None,
    optimised: bool = True,
) -> ort.InferenceSession:
    """Load an ONNX file.

    Args:
        path: the file.
        providers: the runtime's execution providers, in order of preference.
        threads: CPU threads; None means ``OMP_NUM_THREADS`` if it is set, which the runtime itself
            does not read, else the cores that may be used.
        optimised: optimise the graph for running; not needed to inspect it.

    Raises:
        WeightsError: the file is damaged or not an ONNX file.
    """
    options = ort.SessionOptions()
    options.log_severity_level = _SILENT
    if threads is None:
        wanted = os.environ.get("OMP_NUM_THREADS", "")
        threads = int(wanted) if wanted.isdecimal() else cores()
    options.intra_op_num_threads = threads
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        with reading(path, "a complete ONNX file", WeightsError):
            return ort.InferenceSession(str(path), options, providers=list(providers))
    except ERRORS as error:
        raise WeightsError(
            f"{path} cannot be loaded as an ONNX file: {runtime_line(error)}"
        ) from error


def open_onnx_on(
    path: Path, device: str, *, threads: int | None = None
) -> tuple[ort.InferenceSession, str]:
    """Load an ONNX file on a device, and say which one that is: ``cpu`` or ``cuda:N``.

    Args:
        path: the file.
        device: ``cpu``, ``cuda``, ``cuda:N``, or ``auto`` for CUDA where it works.
        threads: as for :func:`open_onnx`.

    Raises:
        WeightsError: as for :func:`open_onnx`.
        ConfigError: the device is none of the above, or CUDA is requested but unavailable.
    """
    session = open_onnx(path, providers=_providers(device), threads=threads)
    on_cuda = session.get_providers()[0] == _CUDA
    if device.startswith("cuda") and not on_cuda:
        # The runtime silently falls back to the CPU.
        raise ConfigError(
            f"--device {device} was requested, but onnxruntime cannot use CUDA here: it needs "
            f"an NVIDIA driver, CUDA and cuDNN of the versions it was built for"
        )
    return session, f"cuda:{_cuda_number(device)}" if on_cuda else "cpu"


def runtime_line(error: BaseException) -> str:
    """The runtime's error message in one line, without its error codes."""
    text = one_line(error)
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)


def _providers(device: str) -> list[Any]:
    """The runtime's execution providers for a device, in order of preference.

    Raises:
        ConfigError: an unknown device, or CUDA is requested and this onnxruntime lacks it.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigError(f"--device must be auto, cpu, cuda or cuda:N here, got {device!r}")
    available = ort.get_available_providers()
    if device == "cpu" or (device == "auto" and _CUDA not in available):
        return [CPU]
    if _CUDA not in available:
        raise ConfigError(
            f"--device {device} needs an onnxruntime with CUDA: pip uninstall onnxruntime, then "
            f"pip install onnxruntime-gpu"
        )
    # Finds CUDA's libraries in wheels, such as those that torch depends on. It prints what is
    # missing, which the session reports more clearly.
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()
    return [(_CUDA, {"device_id": _cuda_number(device)}), CPU]


def _cuda_number(device: str) -> int:
    return int(device.partition(":")[2] or 0)
