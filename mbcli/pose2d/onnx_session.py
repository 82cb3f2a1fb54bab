"""ONNX networks in onnxruntime, on the CPU or on CUDA, with one-line errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli import weights
from mbcli.bounds import MAX_NETWORK_INPUT, memory_size
from mbcli.errors import WeightsError
from mbcli.storage.onnx_file import ERRORS, open_onnx_on, runtime_line

_FLOATS: dict[str, npt.DTypeLike] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True)
class Port:
    """An input or output of a network.

    Attributes:
        name: its name in the graph.
        type: such as ``tensor(float)``.
        shape: its dimensions; None where the graph leaves one open.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]


class OnnxModel:
    """One network: arrays in, arrays out.

    Attributes:
        path: the file.
        device: ``cpu`` or ``cuda:N``, where it runs.
        input: its only input.
        outputs: its outputs, in order.
    """

    def __init__(
        self, name_or_path: str | Path, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        """Load it.

        Args:
            name_or_path: a name in ``mbcli.weights.TABLE``, in which case the digest of the file
                is checked, or the path of an ONNX file.
            device: ``cpu``, ``cuda``, ``cuda:N``, or ``auto`` for CUDA where it works.
            threads: CPU threads; None lets onnxruntime choose.

        Raises:
            WeightsError: the file is missing, damaged, not an ONNX file, or has several inputs.
            ConfigError: the device is none of the above, or CUDA is requested but unavailable.
        """
        table = str(name_or_path) in weights.TABLE
        self.path = weights.verify(str(name_or_path)) if table else weights.resolve(name_or_path)
        self._session, self.device = open_onnx_on(self.path, device, threads=threads)
        inputs = tuple(_port(node) for node in self._session.get_inputs())
        if len(inputs) != 1:
            raise WeightsError(f"{self.path} must have one input, got {len(inputs)}")
        self.input = inputs[0]
        self.outputs = tuple(_port(node) for node in self._session.get_outputs())

    def __call__(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the network on an array that already has the input's type.

        Raises:
            WeightsError: the graph does not accept the array or fails.
        """
        try:
            outputs: list[npt.NDArray[Any]] = self._session.run(None, {self.input.name: batch})
        except ERRORS as error:
            raise WeightsError(
                f"the network {self.path} failed on an input of shape {batch.shape}: "
                f"{runtime_line(error)}"
            ) from error
        return outputs


class PictureModel(OnnxModel):
    """A network that takes (N, 3, H, W) pictures of floating-point numbers.

    Attributes:
        size: (width, height) of its pictures in pixels.
        batch: number of pictures per run; None if it takes any number.
    """

    def __init__(
        self,
        name_or_path: str | Path,
        *,
        device: str = "cpu",
        threads: int | None = None,
        open_size: tuple[int, int] = (640, 640),
    ) -> None:
        """Load it.

        Args:
            name_or_path: as for `OnnxModel`.
            device: as for `OnnxModel`.
            threads: as for `OnnxModel`.
            open_size: (width, height) to use where the graph leaves them open.

        Raises:
            WeightsError: as for `OnnxModel`, or its input is not pictures.
            ConfigError: as for `OnnxModel`.
        """
        super().__init__(name_or_path, device=device, threads=threads)
        shape = self.input.shape
        if len(shape) != 4 or shape[1] not in (3, None) or self.input.type not in _FLOATS:
            raise WeightsError(
                f"{self.path} must take pictures as float [N, 3, height, width], got "
                f"{self.input.type} {_brackets(shape)}"
            )
        self._dtype = _FLOATS[self.input.type]
        self.batch = shape[0]
        self.size = shape[3] or open_size[0], shape[2] or open_size[1]
        size = 4 * 3 * (self.batch or 1) * self.size[0] * self.size[1]
        if size > MAX_NETWORK_INPUT:
            raise WeightsError(
                f"{self.path} must take pictures of at most {memory_size(MAX_NETWORK_INPUT)}, got "
                f"{_brackets(shape)}, {memory_size(size)}"
            )

    def __call__(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the network on (N, 3, H, W) numbers; floating-point outputs become float32.

        Raises:
            WeightsError: the graph does not accept the array or fails.
        """
        outputs = super().__call__(np.ascontiguousarray(batch, self._dtype))
        return [o.astype(np.float32) if o.dtype == np.float16 else o for o in outputs]

    def trial(self) -> list[tuple[int, ...]]:
        """Shapes of the outputs for one black picture (or a batch of the fixed size).

        Graphs often leave output shapes open even though they never vary.
        """
        width, height = self.size
        return [o.shape for o in self(np.zeros((self.batch or 1, 3, height, width)))]


def _port(node: Any) -> Port:
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in node.shape)
    return Port(node.name, node.type, shape)


def _brackets(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("?" if n is None else str(n) for n in shape) + "]"
