"""A virtual camera that looks at a point cloud from a given side and sees all of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mbcli.show.drawing.options import Projection
from mbcli.types import FloatArray

Window = tuple[float, float, float, float]  # left, top, right and bottom in pixels

# Tangent of half the angle of view across the shorter side. Some 30 degrees: close enough to show
# depth, far enough to avoid distorted proportions.
_HALF_ANGLE = 0.27
_NEAREST = 0.5  # metres from the camera to the nearest point
_SMALLEST = 0.5  # minimum width in metres of a picture without perspective


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """A camera in a world with x right, y down and z away.

    Attributes:
        axes: (3, 3), its right, down and forward directions as rows.
        place: (3,) its centre in its own axes.
        focal: focal length in pixels; without perspective, pixels per metre.
        middle: principal point, x, y in pixels.
        projection: with or without perspective.
    """

    axes: FloatArray
    place: FloatArray
    focal: float
    middle: tuple[float, float]
    projection: Projection = "perspective"

    def seen(self, points: FloatArray) -> FloatArray:
        """Convert world (..., 3) to the camera's axes (..., 3): right, down, depth in metres."""
        return points @ self.axes.T - self.place

    def picture(self, seen: FloatArray) -> FloatArray:
        """Convert the camera's axes (..., 3) to (..., 2) pixels; perspective needs depth > 0."""
        scale = self.focal / seen[..., 2:] if self.projection == "perspective" else self.focal
        return seen[..., :2] * scale + np.array(self.middle)

    def project(self, points: FloatArray) -> FloatArray:
        """Convert world (..., 3) in front of the camera to (..., 2) pixels."""
        return self.picture(self.seen(points))


def look_from(azimuth: float, elevation: float) -> FloatArray:
    """Directions of a camera: right, down and forward as the rows of a (3, 3) rotation.

    Args:
        azimuth: degrees. 0 looks along z, like the camera of the video; 90 is a quarter of a
            circle to the right and looks along -x.
        elevation: degrees by which it looks down: 90 is a view from the top.
    """
    around, above = math.radians(azimuth), math.radians(elevation)
    right = np.array([math.cos(around), 0.0, math.sin(around)])
    level = np.array([-math.sin(around), 0.0, math.cos(around)])
    forward = level * math.cos(above) + np.array([0.0, math.sin(above), 0.0])
    return np.stack([right, np.cross(forward, right), forward])


def frame_all(
    points: Iterable[FloatArray],
    axes: FloatArray,
    window: Window,
    projection: Projection = "perspective",
) -> Viewpoint:
    """The nearest camera with given directions that sees all points within a window.

    A point at (r, d, f) along right, down and forward is inside if |r - r0| <= t (f - f0), with the
    tangent t of half the angle and the camera at (r0, d0, f0); likewise for d. With
    A = max(r - t f) and B = max(-r - t f) this means f0 <= -(A + B) / 2t, and r0 = (A - B) / 2 is
    centred. Without perspective t is 0, and the scale follows from A + B.

    Args:
        points: arrays (N, 3) in metres, all finite, with at least one point in total.
        axes: (3, 3) from :func:`look_from`.
        window: left, top, right and bottom in pixels.
        projection: see :class:`Viewpoint`.
    """
    left, top, right, bottom = window
    size = np.array([right - left, bottom - top])
    middle = ((left + right) / 2, (top + bottom) / 2)
    focal = float(size.min()) / (2 * _HALF_ANGLE)
    tangent = size / (2 * focal) if projection == "perspective" else np.zeros(2)
    most, least, nearest = np.full(2, -np.inf), np.full(2, -np.inf), math.inf
    for chunk in points:
        turned = chunk @ axes.T
        if not len(turned):
            continue
        ahead = turned[:, 2:] * tangent
        most = np.maximum(most, (turned[:, :2] - ahead).max(axis=0))
        least = np.maximum(least, (-turned[:, :2] - ahead).max(axis=0))
        nearest = min(nearest, float(turned[:, 2].min()))
    if projection == "orthographic":
        focal = float((size / np.maximum(most + least, _SMALLEST)).min())
        depth = nearest
    else:
        depth = float((-(most + least) / (2 * tangent)).min())
    # A single point would put the camera inside it.
    place = np.array([*(most - least) / 2, min(depth, nearest - _NEAREST)])
    return Viewpoint(axes, place, focal, middle, projection)
