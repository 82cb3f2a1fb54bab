"""What is assumed about the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbcli.errors import ConfigError

DEFAULT_FOV = 55.0


@dataclass(frozen=True)
class CameraAssumption:
    """A pinhole camera with its principal point in the middle of the picture.

    Attributes:
        focal: focal length in pixels.
        given: whether the user said so, as focal length or field of view.
        fov: degrees across the longer side of the picture, None where ``focal`` was given.
    """

    focal: float
    given: bool
    fov: float | None


def camera_from(
    size: tuple[int, int], focal: float | None = None, fov: float | None = None
) -> CameraAssumption:
    """The camera that ``--focal`` or ``--fov`` describe; 55 degrees if neither does.

    Args:
        size: (width, height) of the pictures in pixels.
        focal: focal length in pixels.
        fov: degrees across the longer side.

    Raises:
        ConfigError: both are given, or one is outside its range.
    """
    if focal is not None and fov is not None:
        raise ConfigError(
            f"--focal and --fov say the same thing, give one of them; got {focal:g} and {fov:g}"
        )
    if focal is not None:
        if not (math.isfinite(focal) and focal > 0):
            raise ConfigError(f"--focal must be a positive number of pixels, got {focal:g}")
        return CameraAssumption(focal=float(focal), given=True, fov=None)
    degrees = DEFAULT_FOV if fov is None else float(fov)
    if not 0 < degrees < 180:
        raise ConfigError(f"--fov must be between 0 and 180 degrees, got {degrees:g}")
    half_side = max(size) / 2
    return CameraAssumption(
        focal=half_side / math.tan(math.radians(degrees) / 2), given=fov is not None, fov=degrees
    )
