"""Lifters exported as ONNX, which run in onnxruntime: nothing here imports torch.

`mbcli.lift.exporting` writes them. Their metadata are those of our safetensors, see
`mbcli.lift.header`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.header import LIFTER, CheckpointInfo, Origin, parse_lifter, read_header
from mbcli.lift.network import MirroredNetwork
from mbcli.skeleton import H36M17, Skeleton
from mbcli.storage.onnx_file import ERRORS, open_onnx, open_onnx_on, runtime_line
from mbcli.weights import sha256_of

SUFFIX = ".onnx"
INPUT, OUTPUT = "keypoints", "poses"  # names in the graph
SOURCE = "exported_from"  # key of the facts: what the file was exported from

_FLOAT = "tensor(float)"


@dataclass(frozen=True)
class ExportedLifter:
    """A lifter in an ONNX file.

    Attributes:
        path: the file.
        config: the dimensions of its network.
    """

    path: Path
    config: DSTformerConfig


class ExportedNetwork(MirroredNetwork):
    """An exported lifter ready to run.

    Args:
        lifter: the file.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``.
        mirror: as for `MirroredNetwork`.
        skeleton: likewise.

    Raises:
        WeightsError: the file cannot be loaded.
        ConfigError: no such device, or another precision.
    """

    def __init__(
        self,
        lifter: ExportedLifter,
        device: str = "auto",
        precision: str = "float32",
        mirror: bool = True,
        skeleton: Skeleton = H36M17,
    ) -> None:
        if precision != "float32":
            raise ConfigError(f"--precision must be float32 with weights in ONNX, got {precision}")
        super().__init__(mirror, skeleton)
        self._path = lifter.path
        self._session, self._device = open_onnx_on(lifter.path, device)

    @property
    def on_cpu(self) -> bool:
        """See `MirroredNetwork`."""
        return self._device == "cpu"

    def _run(self, clips: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        batch = np.ascontiguousarray(clips, dtype=np.float32)
        try:
            (poses,) = self._session.run([OUTPUT], {INPUT: batch})
        except ERRORS as error:
            raise WeightsError(
                f"the lifter {self._path} failed on clips of shape {clips.shape}: "
                f"{runtime_line(error)}"
            ) from error
        return poses


def load_exported(path: Path) -> tuple[ExportedLifter, CheckpointInfo]:
    """Read what an ONNX file says of its lifter.

    Raises:
        WeightsError: the file is missing, damaged or no lifter of mbcli.
    """
    session = open_onnx(path, optimised=False)
    texts = session.get_modelmeta().custom_metadata_map
    config, facts = read_header(path, texts, LIFTER, "lifter", parse_lifter)
    takes = [(port.name, port.type, port.shape[2:]) for port in session.get_inputs()]
    if takes != [(INPUT, _FLOAT, [config.num_joints, config.dim_in])]:
        raise WeightsError(
            f"{path} must take {INPUT} as float [batch, frames, {config.num_joints}, "
            f"{config.dim_in}], got {takes!r:.100}"
        )
    with reading(path, "lifter", WeightsError, verdict="describes no"):
        origin = _origin(facts)
        return ExportedLifter(path, config), CheckpointInfo(path, sha256_of(path), origin, facts)


def _origin(facts: Mapping[str, Any]) -> Origin:
    """The project whose format the file had before it was exported."""
    origin = facts.get(SOURCE, {}).get("origin", "mbcli")
    if origin not in get_args(Origin):
        raise ValueError(f"origin must be {', '.join(get_args(Origin))}, got {origin!r:.40}")
    found: Origin = origin
    return found
