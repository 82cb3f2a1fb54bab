"""Opening ONNX files in onnxruntime, with one-line errors."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from mbcli.boundary import reading
from mbcli.cores import cores
from mbcli.errors import WeightsError, one_line

# For programs that loaded onnxruntime before mbcli, where the environment variable is too late.
ort.disable_telemetry_events()

CPU = "CPUExecutionProvider"
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


def runtime_line(error: BaseException) -> str:
    """The runtime's error message in one line, without its error codes."""
    text = one_line(error)
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
