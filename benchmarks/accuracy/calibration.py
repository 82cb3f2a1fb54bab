"""Calibrated cameras: reading a Qualisys file, projecting, and taking lenses out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mbcli.types import FloatArray

_SUBPIXELS = 64  # Qualisys counts intrinsics in 1/64 pixel
_MILLIMETRES = 1000


@dataclass(frozen=True)
class View:
    """One camera: world metres (z up) to pixels.

    Attributes:
        matrix: (3, 3) focal lengths and principal point in pixels.
        lens: (5,) radial and tangential distortion k1 k2 p1 p2 k3, as OpenCV orders them.
        rotation: (3, 3) from world to camera axes (x right, y down, z away).
        centre: (3,) of the camera in the world, metres.
    """

    matrix: FloatArray
    lens: FloatArray
    rotation: FloatArray
    centre: FloatArray

    @property
    def focal(self) -> float:
        """Mean focal length in pixels."""
        return float((self.matrix[0, 0] + self.matrix[1, 1]) / 2)

    def to_camera(self, points: FloatArray) -> FloatArray:
        """(..., 3) from the world to the camera's frame, metres."""
        return (points - self.centre) @ self.rotation.T

    def project(self, points: FloatArray) -> FloatArray:
        """(..., 3) world metres to (..., 2) pixels, lens included."""
        flat = self.to_camera(points).reshape(-1, 1, 3)
        pixels, _ = cv2.projectPoints(flat, np.zeros(3), np.zeros(3), self.matrix, self.lens)
        return np.asarray(pixels, dtype=np.float64).reshape(*points.shape[:-1], 2)

    def rays(self, pixels: FloatArray) -> FloatArray:
        """(..., 2) pixels to (..., 2) x/z and y/z without the lens; NaN stays NaN."""
        flat = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        known = np.isfinite(flat).all(axis=1)
        result = np.full_like(flat, np.nan)
        if known.any():
            straight = cv2.undistortPoints(flat[known, None], self.matrix, self.lens)
            result[known] = straight[:, 0]
        return result.reshape(pixels.shape)


def read_qualisys(path: Path) -> list[View]:
    """The cameras of a Qualisys calibration file (``.qca.txt``), in its order.

    Its rows are the camera's right, up and backward axes in the world, its translations
    millimetres.
    """
    views = []
    for camera in ET.parse(path).getroot().iter("camera"):
        place, optics = camera.find("transform"), camera.find("intrinsic")
        assert place is not None
        assert optics is not None
        rows = [[float(place.attrib[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)]
        flip = np.diag([1.0, -1.0, -1.0])
        value = {k: float(v) for k, v in optics.attrib.items()}
        matrix = np.array(
            [
                [value["focalLengthU"], 0, value["centerPointU"]],
                [0, value["focalLengthV"], value["centerPointV"]],
                [0, 0, _SUBPIXELS],
            ]
        )
        radial = [value[f"radialDistortion{i}"] for i in (1, 2, 3)]
        tangential = [value[f"tangentalDistortion{i}"] for i in (1, 2)]
        views.append(
            View(
                matrix=matrix / _SUBPIXELS,
                lens=np.array([*radial[:2], *tangential, radial[2]]),
                rotation=flip @ np.array(rows),
                centre=np.array([float(place.attrib[k]) for k in "xyz"]) / _MILLIMETRES,
            )
        )
    return views
