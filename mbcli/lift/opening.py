"""Opening a lifter of any format, importing torch only for those that need it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.lift.exported import SUFFIX, ExportedLifter, load_exported
from mbcli.lift.header import CheckpointInfo

if TYPE_CHECKING:
    from mbcli.lift.model import DSTformer


def open_lifter(path: Path) -> tuple[DSTformer | ExportedLifter, CheckpointInfo]:
    """Load a lifter; a file ``.onnx`` is one that was exported, else `load_lifter` reads it.

    Raises:
        WeightsError: the file is missing, damaged, unsafe or of another architecture.
    """
    if path.suffix.lower() == SUFFIX:
        return load_exported(path)
    # Imported on use: it loads torch.
    from mbcli.lift.checkpoint import load_lifter

    return load_lifter(path)
