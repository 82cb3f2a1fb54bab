"""The camera of a motion: its lens, and its pose in every frame.

Axes: x right, y down, z away from the camera. Pixels in the picture, metres in space. A ray is
(x/z, y/z), the viewing direction of a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mbcli.distortion import LensModel, bent, straightened
from mbcli.errors import ConfigError
from mbcli.types import ByValue, FloatArray, IntArray, check_shape, frozen_array

CameraMotion = Literal["still", "turning", "moving", "unknown"]

# Degrees across the longer side, about those of a 35 mm lens on 36 mm film (54). Phones' main
# cameras have more (26 mm: 69), portrait lenses less (50 mm: 40).
DEFAULT_FOV = 55.0
# Plausible degrees: from a telescope of 2 m with a sensor of 36 mm (1) to the widest rectilinear
# lenses (10 mm: 122), with some margin.
FOVS = (1.0, 150.0)


@dataclass(frozen=True, eq=False)
class Camera(ByValue):
    """A camera with OpenCV's lens model, and its pose in each of T frames.

    Cameras are compared by value.

    Attributes:
        focal: (2,) float64 focal length in pixels, along x and y.
        centre: (2,) float64 principal point in pixels.
        distortion: (5,) float64, OpenCV's k1, k2, p1, p2, k3; 0 for a lens without distortion. Of a
            fisheye k1, k2, k3, k4, and 0.
        world_from_camera: (T, 4, 4) float64 rigid transforms, metres, from camera axes to world
            axes; constant for a static camera.
        motion: ``still``, ``turning`` in place, ``moving``, or ``unknown``, which is treated like a
            static camera.
        grounded: whether the world's y axis points down along gravity and its floor is y = 0;
            else the world has the axes of the first frame's camera.
        focal_given: whether the user gave the focal length or field of view; else it was assumed.
        centre_given: likewise for the principal point.
        distortion_given: likewise for the distortion.
        model: ``perspective`` or ``fisheye``, see `mbcli.distortion`.
        zooms: (T,) float64 focal length in each frame relative to ``focal``; 1 if the lens does not
            zoom.
    """

    focal: FloatArray
    centre: FloatArray
    distortion: FloatArray = field(default_factory=lambda: np.zeros(5))
    world_from_camera: FloatArray = field(default_factory=lambda: np.eye(4)[None])
    motion: CameraMotion = "unknown"
    grounded: bool = False
    focal_given: bool = False
    centre_given: bool = False
    distortion_given: bool = False
    model: LensModel = "perspective"
    zooms: FloatArray = field(default_factory=lambda: np.ones(1))

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[int, ...]] = {"focal": (2,), "centre": (2,), "distortion": (5,)}
        shapes["world_from_camera"] = (-1, 4, 4)
        if len(self.zooms) == 1:
            one = np.broadcast_to(self.zooms, len(self.world_from_camera))
            object.__setattr__(self, "zooms", one)
        for name, shape in {**shapes, "zooms": (len(self.world_from_camera),)}.items():
            array = frozen_array(getattr(self, name), np.float64)
            check_shape("Camera", name, array, shape)
            if not np.isfinite(array).all():
                raise ValueError(f"Camera.{name} must be finite numbers, got {array.tolist()}")
            object.__setattr__(self, name, array)
        if (self.focal <= 0).any():
            raise ValueError(f"Camera.focal must be positive, got {self.focal.tolist()}")
        if (self.zooms <= 0).any():
            raise ValueError(f"Camera.zooms must be positive, got {self.zooms.min()}")
        for name, kind in (("motion", CameraMotion), ("model", LensModel)):
            if (value := getattr(self, name)) not in get_args(kind):
                known = ", ".join(get_args(kind))
                raise ValueError(f"Camera.{name} must be one of {known}, got {value!r}")
        turns = self.world_from_camera[:, :3, :3]
        rigid = np.allclose(turns @ np.swapaxes(turns, 1, 2), np.eye(3), atol=1e-6)
        rigid &= bool((np.linalg.det(turns) > 0).all())
        if not rigid or (self.world_from_camera[:, 3] != [0, 0, 0, 1]).any():
            raise ValueError("Camera.world_from_camera must be rigid: rotation and translation")

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) float64, OpenCV's camera matrix, pixels."""
        (fx, fy), (cx, cy) = self.focal.tolist(), self.centre.tolist()
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    @cached_property
    def straight(self) -> Camera:
        """This camera with a lens without distortion, whose pixels are square."""
        focal = np.full(2, self.focal.mean())
        return replace(self, focal=focal, distortion=np.zeros(5), model="perspective")

    @cached_property
    def unzoomed(self) -> Camera:
        """This camera with a lens that does not zoom."""
        return replace(self, zooms=np.ones(1)) if self.zooming else self

    @cached_property
    def bends(self) -> bool:
        """Whether straight lines are not straight in the picture."""
        return self.model == "fisheye" or bool(self.distortion.any())

    @cached_property
    def zooming(self) -> bool:
        """Whether its focal length changes."""
        return bool((self.zooms != 1).any())

    @cached_property
    def fixed(self) -> bool:
        """Whether its pose is constant."""
        return bool((self.world_from_camera == self.world_from_camera[:1]).all())

    @cached_property
    def ungrounded(self) -> Camera:
        """This camera in a world with the axes of the first frame's camera."""
        if not self.grounded:
            return self
        if self.fixed:
            poses = np.tile(np.eye(4), (len(self.world_from_camera), 1, 1))
        else:
            poses = np.linalg.inv(self.first_pose) @ self.world_from_camera
            poses[:, 3] = 0.0, 0.0, 0.0, 1.0
        return self.posed(poses, motion=self.motion)

    @property
    def first_pose(self) -> FloatArray:
        """(4, 4) float64, ``world_from_camera`` of the first frame; the identity without any."""
        return self.world_from_camera[0] if len(self.world_from_camera) else np.eye(4)

    @property
    def astray(self) -> bool:
        """Whether it moves through space on an unknown way, which people's paths then contain."""
        places = self.world_from_camera[:, :3, 3]
        return self.motion == "moving" and bool((places == places[:1]).all())

    @property
    def behaviour(self) -> str:
        """A short human-readable description of the camera's motion."""
        return {
            "still": "the camera stands still",
            "turning": "the camera turns in place",
            "moving": "the camera moves",
            "unknown": "the camera's motion is unknown",
        }[self.motion]

    def lasting(self, frames: int) -> Camera:
        """This camera, static for a number of frames, with its own axes as the world."""
        poses = np.broadcast_to(np.eye(4), (frames, 4, 4))
        return self.posed(poses, motion="unknown", zooms=np.ones(1))

    def posed(
        self,
        world_from_camera: FloatArray,
        *,
        motion: CameraMotion,
        grounded: bool = False,
        zooms: FloatArray | None = None,
    ) -> Camera:
        """A camera with this lens and other poses.

        Args:
            world_from_camera: (T, 4, 4), see the attribute.
            motion: see the attribute.
            grounded: see the attribute.
            zooms: see the attribute; None keeps them.
        """
        return replace(
            self,
            world_from_camera=world_from_camera,
            motion=motion,
            grounded=grounded,
            zooms=self.zooms if zooms is None else zooms,
        )

    def part(self, frames: slice) -> Camera:
        """The camera in a section of the clip."""
        poses = self.world_from_camera[frames]
        if len(poses) == len(self.world_from_camera):
            return self
        return replace(self, world_from_camera=poses, zooms=self.zooms[frames])

    def project(self, points: npt.ArrayLike, rows: slice | IntArray = slice(None)) -> FloatArray:
        """Project points to the picture; the inverse of :meth:`unproject`.

        Args:
            points: (..., 3) metres in the camera's axes; (T', ..., 3) if the lens zooms.
            rows: the frames of the points, if the lens zooms; all T by default.

        Returns:
            (..., 2) float64 pixels; NaN for points that are not in front of the camera.
        """
        seen = np.asarray(points, np.float64)
        rays = seen[..., :2] / np.where(seen[..., 2:] > 0, seen[..., 2:], np.nan)
        return self._imaged(rays, rows)

    def unproject(self, pixels: npt.ArrayLike, rows: slice | IntArray = slice(None)) -> FloatArray:
        """The rays of pixels; the inverse of :meth:`project`.

        Without distortion this is a division. Otherwise the ray is found by iteration, until its
        projection is within 1e-9 focal lengths of the pixel: a millionth of a pixel, usually less.

        Args:
            pixels: (..., 2); (T', ..., 2) if the lens zooms.
            rows: the frames of the pixels, if the lens zooms; all T by default.

        Returns:
            (..., 2) float64, x/z and y/z in the camera's axes; NaN for pixels that are NaN or that
            the distortion model does not reach.
        """
        seen = np.asarray(pixels, np.float64)
        images = (seen - self.centre) / self._focals(seen.ndim, rows)
        return straightened(images, self.distortion, self.model)

    def straightened(
        self, pixels: npt.ArrayLike, rows: slice | IntArray = slice(None)
    ) -> FloatArray:
        """Where the camera :attr:`straight` sees what this one sees at pixels (..., 2).

        ``rows`` are as in :meth:`unproject`; :meth:`distorted` is the inverse.
        """
        return self.straight._imaged(self.unproject(pixels, rows), rows)

    def distorted(self, pixels: npt.ArrayLike, rows: slice | IntArray = slice(None)) -> FloatArray:
        """Where this camera sees what the camera :attr:`straight` sees at pixels (..., 2)."""
        return self._imaged(self.straight.unproject(pixels, rows), rows)

    def to_world(self, points: npt.ArrayLike, rows: slice | IntArray = slice(None)) -> FloatArray:
        """From the camera's axes to the world's; the inverse of :meth:`from_world`.

        Args:
            points: (T', ..., 3) metres, the camera's axes of each frame.
            rows: the frames of the points; all T by default.

        Returns:
            (T', ..., 3) float64 metres.
        """
        here = np.asarray(points, np.float64)
        moved: FloatArray
        if self.fixed:
            moved = here @ self.first_pose[:3, :3].T + self.first_pose[:3, 3]
        else:
            turns, shifts = self._turns_and_shifts(here.ndim, rows)
            moved = np.einsum("tij,t...j->t...i", turns, here) + shifts
        return moved

    def from_world(self, points: npt.ArrayLike, rows: slice | IntArray = slice(None)) -> FloatArray:
        """From the world's axes to the camera's; the inverse of :meth:`to_world`.

        Args:
            points: (T', ..., 3) metres in the world.
            rows: the frames of the points; all T by default.

        Returns:
            (T', ..., 3) float64 metres, the camera's axes of each frame.
        """
        there = np.asarray(points, np.float64)
        moved: FloatArray
        if self.fixed:
            moved = (there - self.first_pose[:3, 3]) @ self.first_pose[:3, :3]
        else:
            turns, shifts = self._turns_and_shifts(there.ndim, rows)
            moved = np.einsum("tji,t...j->t...i", turns, there - shifts)
        return moved

    def _imaged(self, rays: FloatArray, rows: slice | IntArray) -> FloatArray:
        """The pixels (..., 2) of rays."""
        images = bent(np.asarray(rays, np.float64), self.distortion, self.model)
        return images * self._focals(rays.ndim, rows) + self.centre

    def _focals(self, axes: int, rows: slice | IntArray) -> FloatArray:
        """(2,), or (T', ..., 2) if the lens zooms, to go with points of ``axes`` axes."""
        if not self.zooming:
            return self.focal
        return self.zooms[rows].reshape(-1, *(1,) * (axes - 1)) * self.focal

    def _turns_and_shifts(self, axes: int, rows: slice | IntArray) -> tuple[FloatArray, FloatArray]:
        """(T', 3, 3) rotations, and translations that broadcast with points of ``axes`` axes."""
        poses = self.world_from_camera[rows]
        return poses[:, :3, :3], poses[:, :3, 3].reshape(len(poses), *(1,) * (axes - 2), 3)


def camera_from(
    size: tuple[int, int], focal: float | None = None, fov: float | None = None, frames: int = 1
) -> Camera:
    """The static camera described by ``--focal`` or ``--fov``; 55 degrees if neither is given.

    Args:
        size: (width, height) of the pictures in pixels; the principal point is their centre.
        focal: focal length in pixels.
        fov: degrees across the longer side.
        frames: number of frames.

    Raises:
        ConfigError: both are given, or one is outside its range.
    """
    pixels = focal_length(size, focal, fov)
    middle = np.array(size) / 2
    given = focal is not None or fov is not None
    return Camera(np.full(2, pixels), middle, focal_given=given).lasting(frames)


def focal_length(size: tuple[int, int], focal: float | None, fov: float | None) -> float:
    """The focal length in pixels described by ``--focal`` or ``--fov``; see `camera_from`.

    Raises:
        ConfigError: both are given, or one is outside its range.
    """
    check_lens(focal, fov)
    if focal is None:
        return focal_of(DEFAULT_FOV if fov is None else fov, size)
    widest, narrowest = (focal_of(view, size) for view in reversed(FOVS))
    if not widest <= focal <= narrowest:
        raise ConfigError(
            f"--focal must be {widest:.0f}..{narrowest:.0f} pixels for pictures of "
            f"{size[0]}x{size[1]}, got {focal:g}: pixels, not millimetres"
        )
    return float(focal)


def focal_of(fov: float, size: tuple[int, int]) -> float:
    """The focal length in pixels that sees degrees across the longer side; see `fov_of`."""
    return max(size) / 2 / math.tan(math.radians(fov) / 2)


def fov_of(focal: float, size: tuple[int, int]) -> float:
    """The degrees across the longer side that a focal length in pixels sees."""
    return 2 * math.degrees(math.atan(max(size) / 2 / focal))


def check_lens(focal: float | None, fov: float | None) -> None:
    """Check ``--focal`` and ``--fov`` as far as possible without the size of the pictures.

    Raises:
        ConfigError: both are given, or one is outside its range.
    """
    if focal is not None and fov is not None:
        raise ConfigError(f"only one of --focal and --fov may be given, got {focal:g} and {fov:g}")
    if focal is not None and not (math.isfinite(focal) and focal > 0):
        raise ConfigError(f"--focal must be a positive number of pixels, got {focal:g}")
    if fov is not None and not FOVS[0] <= fov <= FOVS[1]:
        raise ConfigError(f"--fov must be {FOVS[0]:g}..{FOVS[1]:g} degrees, got {fov:g}")
