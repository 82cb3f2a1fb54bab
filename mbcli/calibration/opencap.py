"""OpenCap's pickle of one camera (``cameraIntrinsics.pickle``); no code in it is run.

A dictionary with ``intrinsicMat`` (3, 3), ``distortion`` (1, 5) and ``imageSize`` (2, 1), which
OpenCap writes as height and width and other programs the other way round: the order whose middle is
nearer to the principal point is taken.
"""

from __future__ import annotations

import io
import pickletools

import numpy as np

from mbcli.calibration.content import Content
from mbcli.calibration.lens import Lens, opencv_lens
from mbcli.storage.plainpickle import load_plain_pickle
from mbcli.types import FloatArray


def recognise(content: Content) -> bool:
    """Whether it is a pickle that mentions a camera matrix; raises for what is no pickle."""
    if not content.data.startswith(b"\x80"):
        return False
    return any(argument == "intrinsicMat" for _, argument, _ in pickletools.genops(content.data))


def read(content: Content) -> list[Lens]:
    """Read the lens; see `mbcli.calibration.CalibrationFormat`."""
    found = load_plain_pickle(io.BytesIO(content.data), str(content.path))
    if not isinstance(found, dict):
        raise ValueError(f"it must hold a dictionary, got {type(found).__name__}")
    matrix = np.asarray(found["intrinsicMat"], np.float64)
    bent = np.asarray(found.get("distortion", []), np.float64)
    size = None if found.get("imageSize") is None else _size(found["imageSize"], matrix)
    return [opencv_lens(content.path.stem, size, matrix, bent)]


def _size(stored: object, matrix: FloatArray) -> FloatArray:
    """Width and height."""
    sides = np.asarray(stored, np.float64).ravel()
    if sides.shape != (2,) or matrix.shape != (3, 3):
        raise ValueError(f"imageSize must be two numbers, got {sides.tolist()}")
    orders = (sides[::-1], sides)  # OpenCap's own first
    return min(orders, key=lambda order: float(np.abs(order / 2 - matrix[:2, 2]).sum()))
