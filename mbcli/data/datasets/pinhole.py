"""Calibrated cameras: from room coordinates to a camera's frame and its picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.datasets.foreign import read_json
from mbcli.errors import DataError
from mbcli.kinematics.rotations import from_quaternions
from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class RoomCamera:
    """A calibrated static camera in a room. Lens distortion is ignored.

    Attributes:
        name: as in the data set.
        rotation: (3, 3) from the room to the camera's frame: x right, y down, z away.
        place: (3,) position of the camera in the room, millimetres.
        focal: (2,) focal length in pixels, x and y; NaN if unknown.
        center: (2,) principal point in pixels; NaN if unknown.
        size: (width, height) of its pictures in pixels.
    """

    name: str
    rotation: FloatArray = field(repr=False)
    place: FloatArray
    focal: FloatArray
    center: FloatArray
    size: tuple[int, int]

    @classmethod
    def of_quaternion(
        cls,
        name: str,
        quaternion: npt.ArrayLike,
        place: npt.ArrayLike,
        focal: npt.ArrayLike,
        center: npt.ArrayLike,
        size: tuple[int, int],
    ) -> RoomCamera:
        """A camera whose orientation is given as the rotation from its frame to the room.

        Args:
            name: of the camera.
            quaternion: (w, x, y, z), of any length except 0.
            place: see the attribute.
            focal: see the attribute.
            center: see the attribute.
            size: see the attribute.
        """
        to_room = from_quaternions(np.roll(np.asarray(quaternion, np.float64), -1))
        vectors = [np.asarray(value, np.float64) for value in (place, focal, center)]
        return cls(name, to_room.T, vectors[0], vectors[1], vectors[2], size)

    def see(self, points: FloatArray) -> FloatArray:
        """(..., 3) millimetres in the room -> millimetres in the camera's frame, float64."""
        return (np.asarray(points, np.float64) - self.place) @ self.rotation.T

    def fitted(self, seen: FloatArray, pixels: FloatArray) -> RoomCamera:
        """A copy of this camera with focal lengths and principal point fitted to points.

        Args:
            seen: (N, 3) points in the camera's frame; rows with NaN are ignored.
            pixels: (N, 2) their projections; rows with NaN are ignored.

        Raises:
            DataError: the points do not determine the lens.
        """
        known = np.isfinite(seen).all(-1) & np.isfinite(pixels).all(-1)
        known &= np.nan_to_num(seen[:, 2]) > 0
        slopes = seen[known, :2] / seen[known, 2:]
        if len(slopes) < 2 or (np.ptp(slopes, axis=0) == 0).any():
            raise DataError(f"camera {self.name}: too few points to fit the focal length")
        lens = [np.polyfit(slopes[:, axis], pixels[known, axis], 1) for axis in (0, 1)]
        focal, center = np.array(lens).T
        if (focal <= 0).any():
            raise DataError(
                f"camera {self.name}: 2D and 3D poses must be of the same camera, "
                f"got a focal length of {focal[0]:.0f}, {focal[1]:.0f}"
            )
        return replace(self, focal=focal, center=center)

    def project(self, seen: FloatArray) -> FloatArray:
        """(..., 3) in the camera's frame -> (..., 2) pixels; NaN behind the camera."""
        depth = np.where(seen[..., 2:] > 0, seen[..., 2:], np.nan)
        return seen[..., :2] / depth * self.focal + self.center


def lifting_target(camera: RoomCamera, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Training target of a lifter for a motion in a camera's frame.

    x and y are the projection. z is the depth relative to the pelvis, scaled like the picture at
    the pelvis: focal length in x divided by the depth of the pelvis. (Ci et al. 2019, whose data
    MotionBERT uses, add one pixel to the 2000 mm square by which they measure this scale. That is
    not done here; it makes a difference of 0.2 % at the usual distance.)

    Args:
        camera: with its lens.
        seen: (F, J, 3) millimetres, pelvis first.

    Returns:
        target (F, J, 3) pixels and factor (F,) millimetres per pixel.
    """
    root = seen[:, :1, 2:]
    factor = np.where(root > 0, root, np.nan) / camera.focal[0]
    target = np.concatenate([camera.project(seen), (seen[..., 2:] - root) / factor], axis=-1)
    return target, factor[:, 0, 0]


def read_cameras(path: Path) -> dict[str, dict[str, RoomCamera]]:
    """Read the user's own calibration: a JSON object, subject -> camera -> parameters.

    A camera has ``orientation`` (w, x, y, z from its frame to the room), ``translation`` (its
    position in millimetres), ``focal_length`` and ``center`` (x, y in pixels), ``res_w`` and
    ``res_h``, named as in VideoPose3D. The cameras come in the order of the 2D poses.

    Raises:
        DataError: the file cannot be read, or a parameter is missing or of the wrong type.
    """
    document = read_json(path)
    if not isinstance(document, dict) or not document:
        raise DataError(f"{path} must be a JSON object of subjects, got {document!r:.60}")
    rooms: dict[str, dict[str, RoomCamera]] = {}
    for subject, cameras in document.items():
        if not isinstance(cameras, dict):
            raise DataError(f"{path}: {subject} must be an object of cameras, got {cameras!r:.60}")
        rooms[subject] = {
            name: _camera(f"{path}: {subject}, {name}", name, figures)
            for name, figures in cameras.items()
        }
    return rooms


def _camera(where: str, name: str, figures: Any) -> RoomCamera:
    lengths = {
        "orientation": 4,
        "translation": 3,
        "focal_length": 2,
        "center": 2,
        "res_w": 1,
        "res_h": 1,
    }
    if not isinstance(figures, dict):
        raise DataError(f"{where} must be an object of {', '.join(lengths)}, got {figures!r:.60}")
    values: dict[str, FloatArray] = {}
    for key, length in lengths.items():
        try:
            value = np.atleast_1d(np.asarray(figures.get(key), np.float64))
        except (TypeError, ValueError):
            value = np.full(length, np.nan)
        if value.shape != (length,) or not np.isfinite(value).all():
            raise DataError(
                f"{where}: {key} must be {length} numbers, got {figures.get(key)!r:.60}"
            )
        values[key] = value
    if not values["orientation"].any():
        raise DataError(f"{where}: orientation must be a rotation, got 0, 0, 0, 0")
    if (values["focal_length"] <= 0).any() or values["res_w"] < 1 or values["res_h"] < 1:
        raise DataError(f"{where}: focal_length, res_w and res_h must be positive")
    size = int(values["res_w"][0]), int(values["res_h"][0])
    return RoomCamera.of_quaternion(
        name,
        values["orientation"],
        values["translation"],
        values["focal_length"],
        values["center"],
        size,
    )
