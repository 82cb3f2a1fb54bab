"""The lens of one camera of a calibration file, and the camera that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mbcli.camera import FOVS, Camera, focal_of
from mbcli.distortion import LensModel
from mbcli.errors import ConfigError, InputError
from mbcli.flags import listed
from mbcli.types import FloatArray

# The middle of the first pixel is (0, 0) in OpenCV and (0.5, 0.5) here.
OPENCV_ORIGIN = 0.5
# Relative difference of the two aspects, from rounded sizes: 854x480 for 1920x1080.
_SAME_ASPECT = 0.005
# Distance of the principal point from the middle in sides of the picture, if the file does not say
# the size of its pictures; the cameras of shared/ are off by 0.02 at most.
_OFF_MIDDLE = 0.1


@dataclass(frozen=True, eq=False)
class Lens:
    """The lens of a camera, with one of OpenCV's models.

    Attributes:
        name: the camera's name in the file.
        size: (width, height) of the pictures it was calibrated with; None if the file lacks it.
        focal: (2,) float64 pixels, along x and y.
        centre: (2,) float64 principal point in pixels; the first pixel spans 0..1.
        distortion: (5,) float64 k1, k2, p1, p2, k3; of a fisheye k1, k2, k3, k4, 0.
        model: see `mbcli.distortion`.
    """

    name: str
    size: tuple[int, int] | None
    focal: FloatArray
    centre: FloatArray
    distortion: FloatArray
    model: LensModel = "perspective"

    def camera(self, size: tuple[int, int], path: Path) -> Camera:
        """The camera for pictures of a size, which may be larger or smaller than the lens's.

        Args:
            size: (width, height) in pixels.
            path: the file, for messages.

        Raises:
            InputError: the aspect is another, or the focal length is not one of such pictures.
        """
        if self.size is None:
            away = np.abs(self.centre / np.array(size) - 0.5).max()
            if not away <= _OFF_MIDDLE:
                raise InputError(
                    f"{path} does not say the size of its pictures, and must have its principal "
                    f"point near the middle of {_times(size)}, got {_numbers(self.centre)}"
                )
        scale = np.ones(2) if self.size is None else np.array(size) / np.array(self.size)
        if self.size is not None and abs(scale[0] / scale[1] - 1) > _SAME_ASPECT:
            on_side = abs(size[0] * self.size[0] / (size[1] * self.size[1]) - 1) <= _SAME_ASPECT
            hint = ": its pictures lie on their side" if on_side else ""
            raise InputError(
                f"{path} must be for pictures of the aspect of {_times(size)}, got "
                f"{_times(self.size)}{hint}"
            )
        focal = self.focal * scale
        narrow, wide = focal_of(FOVS[0], size), focal_of(FOVS[1], size)
        if not (np.isfinite(focal).all() and (focal >= wide).all() and (focal <= narrow).all()):
            raise InputError(
                f"{path} must have a focal length of {wide:.0f}..{narrow:.0f} pixels for pictures "
                f"of {_times(size)}, got {_numbers(focal)}"
            )
        return Camera(
            focal,
            self.centre * scale,
            self.distortion,
            focal_given=True,
            centre_given=True,
            distortion_given=True,
            model=self.model,
        )


def lens(
    name: str,
    size: Sequence[float] | npt.NDArray[np.generic] | None,
    focal: npt.ArrayLike,
    centre: npt.ArrayLike,
    distortion: npt.ArrayLike,
    *,
    fisheye: bool = False,
) -> Lens:
    """A lens from the numbers of a file.

    Args:
        name: the camera's name.
        size: width and height in pixels, whole numbers; None if unknown.
        focal: one number, or two.
        centre: two numbers, see `Lens`.
        distortion: OpenCV's k1, k2, p1, p2, k3, k4, ..., of a fisheye k1, k2, k3, k4; missing ones
            are 0.
        fisheye: whether these are numbers of OpenCV's fisheye model.

    Raises:
        ValueError: the numbers are not finite, or describe another lens model.
    """
    bent = np.asarray(distortion, np.float64).ravel()
    if fisheye and (bent[4:] != 0).any():
        raise ValueError(
            f"camera {name or 1} must have the 4 coefficients of a fisheye, got {len(bent)}"
        )
    if (bent[5:] != 0).any():
        raise ValueError(
            f"camera {name or 1} has {len(bent)} coefficients of distortion, of which mbcli has "
            "OpenCV's first five: calibrate without the rational, thin prism and tilted model"
        )
    known = None
    if size is not None:
        width, height = (int(side) for side in np.asarray(size, np.float64).ravel())
        if min(width, height) < 1:
            raise ValueError(f"the pictures must have a size of 1 pixel or more, got {size}")
        known = width, height
    whole = np.zeros(5)
    whole[: min(len(bent), 5)] = bent[:5]
    made = Lens(
        name,
        known,
        np.broadcast_to(np.asarray(focal, np.float64).ravel(), 2),
        np.asarray(centre, np.float64).reshape(2),
        whole,
        "fisheye" if fisheye else "perspective",
    )
    if not all(np.isfinite(part).all() for part in (made.focal, made.centre, whole)):
        raise ValueError(f"the lens of camera {name or 1} must have finite numbers")
    return made


def opencv_lens(
    name: str,
    size: Sequence[float] | npt.NDArray[np.generic] | None,
    matrix: npt.ArrayLike,
    distortion: npt.ArrayLike,
    *,
    fisheye: bool = False,
) -> Lens:
    """A lens from OpenCV's camera matrix (3, 3) and coefficients; see `lens`.

    Raises:
        ValueError: the matrix is not [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].
    """
    found = np.asarray(matrix, np.float64)
    if found.shape != (3, 3):
        raise ValueError(f"a camera matrix must be 3x3, got shape {found.shape}")
    if found[2].tolist() != [0, 0, 1] or found[1, 0] != 0:
        raise ValueError(
            f"a camera matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got {found.tolist()}"
        )
    if abs(found[0, 1]) > 1e-3 * abs(found[0, 0]):
        raise ValueError(f"a camera matrix must have no skew, got {found[0, 1]:g}")
    centre = found[:2, 2] + OPENCV_ORIGIN
    return lens(name, size, found[[0, 1], [0, 1]], centre, distortion, fisheye=fisheye)


def chosen(lenses: Sequence[Lens], path: Path, name: str | None) -> Lens:
    """The lens of the named camera, or the only one.

    Raises:
        ConfigError: there are several and none is named, or none has the name.
    """
    names = [one.name for one in lenses]
    if name is None:
        if len(lenses) == 1:
            return lenses[0]
        raise ConfigError(
            f"--calibration must name one of the cameras in {path}, {listed(names)}: "
            f"{path}:{names[0]}, got none"
        )
    if name not in names:
        raise ConfigError(
            f"--calibration must name a camera of {path}, {listed(names)}, got {name}"
        )
    return lenses[names.index(name)]


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _numbers(values: FloatArray) -> str:
    return ", ".join(f"{value:g}" for value in values.tolist())
