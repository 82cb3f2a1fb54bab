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

from mbcli.errors import ConfigError
from mbcli.types import ByValue, FloatArray, IntArray, check_shape, frozen_array

CameraMotion = Literal["still", "turning", "moving", "unknown"]

# Degrees across the longer side, about those of a 35 mm lens on 36 mm film (54). Phones' main
# cameras have more (26 mm: 69), portrait lenses less (50 mm: 40).
DEFAULT_FOV = 55.0
# Plausible degrees: from a telescope of 2 m with a sensor of 36 mm (1) to the widest rectilinear
# lenses (10 mm: 122), with some margin.
FOVS = (1.0, 150.0)

# cv2.undistortPoints stops iterating at this distance, in focal lengths, between a ray's projection
# and its pixel, or after this many iterations.
_EXACT = 1e-12
_MOST_ROUNDS = 200
# If the projection of a ray is further from its pixel than this, in focal lengths, the lens model
# does not reach that pixel. At a focal length of 1000 pixels it is a millionth of a pixel.
_FOUND = 1e-9


@dataclass(frozen=True, eq=False)
class Camera(ByValue):
    """A camera with OpenCV's lens model, and its pose in each of T frames.

    Cameras are compared by value.

    Attributes:
        focal: (2,) float64 focal length in pixels, along x and y.
        centre: (2,) float64 principal point in pixels.
        distortion: (5,) float64, OpenCV's k1, k2, p1, p2, k3; 0 for a lens without distortion.
        world_from_camera: (T, 4, 4) float64 rigid transforms, metres, from camera axes to world
            axes; constant for a static camera.
        motion: ``still``, ``turning`` in place, ``moving``, or ``unknown``, which is treated like a
            static camera.
        grounded: whether the world's y axis points down along gravity and its floor is y = 0;
            else the world has the axes of the first frame's camera.
        focal_given: whether the user gave the focal length or field of view; else it was assumed.
        centre_given: likewise for the principal point.
        distortion_given: likewise for the distortion.
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

    def __post_init__(self) -> None:
        shapes = {"focal": (2,), "centre": (2,), "distortion": (5,)}
        for name, shape in {**shapes, "world_from_camera": (-1, 4, 4)}.items():
            array = frozen_array(getattr(self, name), np.float64)
            check_shape("Camera", name, array, shape)
            if not np.isfinite(array).all():
                raise ValueError(f"Camera.{name} must be finite numbers, got {array.tolist()}")
            object.__setattr__(self, name, array)
        if (self.focal <= 0).any():
            raise ValueError(f"Camera.focal must be positive, got {self.focal.tolist()}")
        if self.motion not in get_args(CameraMotion):
            known = ", ".join(get_args(CameraMotion))
            raise ValueError(f"Camera.motion must be one of {known}, got {self.motion!r}")
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
        return replace(self, focal=focal, distortion=np.zeros(5))

    def straightened(self, pixels: npt.ArrayLike) -> FloatArray:
        """Where the camera :attr:`straight` sees what this one sees at pixels (..., 2)."""
        straight = self.straight
        return self.unproject(pixels) * straight.focal + straight.centre

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
        return self.posed(np.broadcast_to(np.eye(4), (frames, 4, 4)), motion="unknown")

    def posed(
        self, world_from_camera: FloatArray, *, motion: CameraMotion, grounded: bool = False
    ) -> Camera:
        """A camera with this lens and other poses.

        Args:
            world_from_camera: (T, 4, 4), see the attribute.
            motion: see the attribute.
            grounded: see the attribute.
        """
        return replace(self, world_from_camera=world_from_camera, motion=motion, grounded=grounded)

    def part(self, frames: slice) -> Camera:
        """The camera in a section of the clip."""
        poses = self.world_from_camera[frames]
        if len(poses) == len(self.world_from_camera):
            return self
        return replace(self, world_from_camera=poses)

    def project(self, points: npt.ArrayLike) -> FloatArray:
        """Project points to the picture; the inverse of :meth:`unproject`.

        Args:
            points: (..., 3) metres in the camera's axes.

        Returns:
            (..., 2) float64 pixels; NaN for points that are not in front of the camera.
        """
        seen = np.asarray(points, np.float64)
        rays = seen[..., :2] / np.where(seen[..., 2:] > 0, seen[..., 2:], np.nan)
        return self._bent(rays) * self.focal + self.centre

    def unproject(self, pixels: npt.ArrayLike) -> FloatArray:
        """The rays of pixels; the inverse of :meth:`project`.

        Without distortion this is a division. Otherwise the ray is found by iteration, until its
        projection is within 1e-9 focal lengths of the pixel: a millionth of a pixel, usually less.

        Args:
            pixels: (..., 2).

        Returns:
            (..., 2) float64, x/z and y/z in the camera's axes; NaN for pixels that are NaN or that
            the distortion model does not reach.
        """
        return self._straightened((np.asarray(pixels, np.float64) - self.centre) / self.focal)

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

    def _turns_and_shifts(self, axes: int, rows: slice | IntArray) -> tuple[FloatArray, FloatArray]:
        """(T', 3, 3) rotations, and translations that broadcast with points of ``axes`` axes."""
        poses = self.world_from_camera[rows]
        return poses[:, :3, :3], poses[:, :3, 3].reshape(len(poses), *(1,) * (axes - 2), 3)

    def _bent(self, rays: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Apply the lens distortion to rays (..., 2)."""
        if not self.distortion.any():
            return rays
        import cv2

        known = np.isfinite(rays).all(axis=-1)
        ahead = np.append(rays[known], np.ones((int(known.sum()), 1)), axis=-1)
        bent = np.full(rays.shape, np.nan)
        if len(ahead):
            still = np.zeros(3)
            seen, _ = cv2.projectPoints(ahead[:, None], still, still, np.eye(3), self.distortion)
            bent[known] = seen[:, 0]
        return bent

    def _straightened(self, bent: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Undo the lens distortion of rays (..., 2)."""
        if not self.distortion.any():
            return bent
        import cv2

        known = np.isfinite(bent).all(axis=-1)
        rays = np.full(bent.shape, np.nan)
        if known.any():
            ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _MOST_ROUNDS, _EXACT)
            straight = cv2.undistortPoints(
                bent[known][:, None], np.eye(3), self.distortion, criteria=ends
            )
            rays[known] = np.asarray(straight)[:, 0]
        missed = np.abs(self._bent(rays) - bent).max(axis=-1)
        # A comparison with NaN is false, so this also excludes diverged rays.
        rays[~(missed <= _FOUND)] = np.nan
        return rays


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
