"""Lens distortion: from the rays of points to where a lens images them, and back.

A ray is (x/z, y/z). Its image is in focal lengths from the principal point: the ray itself, if the
lens is without distortion.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

LensModel = Literal["perspective", "fisheye"]
"""OpenCV's models: ``perspective`` (k1, k2, p1, p2, k3), and ``fisheye`` (k1, k2, k3, k4), which
Kalibr calls equidistant: https://docs.opencv.org/4.x/db/d58/group__calib3d__fisheye.html"""

_Points = npt.NDArray[np.float64]
_Coefficients = npt.NDArray[np.floating[Any]]

# cv2.undistortPoints stops iterating at this distance, in focal lengths, between a ray's projection
# and its pixel, or after this many iterations.
_EXACT = 1e-12
_MOST_ROUNDS = 200
# If the projection of a ray is further from its pixel than this, in focal lengths, the lens model
# does not reach that pixel. At a focal length of 1000 pixels it is a millionth of a pixel.
_FOUND = 1e-9
# Radians from the axis up to which people are looked at through a fisheye: a ray is x/z, and at 85
# degrees one degree more is 2.9 focal lengths further from the middle of a straight picture.
_WIDEST = math.radians(85.0)
# Of the angle by its image: entries of a table, and Newton's steps from there; the second is exact.
_STEPS, _NEWTON = 1024, 3


def bent(rays: _Points, coefficients: _Coefficients, model: LensModel) -> _Points:
    """Where a lens images rays (..., 2); NaN where it does not reach them."""
    if model == "fisheye":
        return _by_fisheye(rays, coefficients)
    if not coefficients.any():
        return rays
    import cv2

    known = np.isfinite(rays).all(axis=-1)
    ahead = np.append(rays[known], np.ones((int(known.sum()), 1)), axis=-1)
    images = np.full(rays.shape, np.nan)
    if len(ahead):
        still = np.zeros(3)
        seen, _ = cv2.projectPoints(ahead[:, None], still, still, np.eye(3), coefficients)
        images[known] = seen[:, 0]
    return images


def straightened(images: _Points, coefficients: _Coefficients, model: LensModel) -> _Points:
    """The rays (..., 2) of images; NaN where the lens does not reach."""
    if model == "fisheye":
        rays = _through_fisheye(images, coefficients)
    elif not coefficients.any():
        return images
    else:
        rays = _undistorted(images, coefficients)
    missed = np.abs(bent(rays, coefficients, model) - images).max(axis=-1)
    # A comparison with NaN is false, so this also excludes diverged rays.
    rays[~(missed <= _FOUND)] = np.nan
    return rays


def _undistorted(images: _Points, coefficients: _Coefficients) -> _Points:
    import cv2

    known = np.isfinite(images).all(axis=-1)
    rays = np.full(images.shape, np.nan)
    if known.any():
        ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _MOST_ROUNDS, _EXACT)
        straight = cv2.undistortPoints(
            images[known][:, None], np.eye(3), coefficients, criteria=ends
        )
        rays[known] = np.asarray(straight)[:, 0]
    return rays


def _by_fisheye(rays: _Points, coefficients: _Coefficients) -> _Points:
    """An image is theta (1 + k1 theta^2 + ... + k4 theta^8) from the middle, theta off the axis."""
    away = np.linalg.norm(rays, axis=-1)
    theta = np.arctan(away)
    radius, _ = _radius(theta, coefficients)
    scale = np.divide(radius, away, out=np.ones_like(away), where=away > 0)
    scale = np.where(theta <= _field(coefficients), scale, np.nan)
    return rays * scale[..., None]


def _through_fisheye(images: _Points, coefficients: _Coefficients) -> _Points:
    # OpenCV's own inverse leaves out what is imaged more than pi/2 focal lengths from the middle.
    radius = np.linalg.norm(images, axis=-1)
    table = np.linspace(0.0, _field(coefficients), _STEPS)
    theta = np.interp(radius, _radius(table, coefficients)[0], table)
    for _ in range(_NEWTON):
        there, slope = _radius(theta, coefficients)
        theta = np.clip(theta - (there - radius) / np.maximum(slope, 1e-6), 0.0, table[-1])
    scale = np.divide(np.tan(theta), radius, out=np.ones_like(radius), where=radius > 0)
    return images * scale[..., None]


def _radius(theta: _Points, coefficients: _Coefficients) -> tuple[_Points, _Points]:
    """Distance of the image from the middle in focal lengths, and how it grows with theta."""
    square, (k1, k2, k3, k4) = theta**2, coefficients[:4].tolist()
    radius = theta * (1 + square * (k1 + square * (k2 + square * (k3 + square * k4))))
    slope = 1 + square * (3 * k1 + square * (5 * k2 + square * (7 * k3 + square * 9 * k4)))
    return radius, slope


def _field(coefficients: _Coefficients) -> float:
    """Radians from the axis up to which the model reaches: where images come no nearer again."""
    k1, k2, k3, k4 = coefficients[:4].tolist()
    turns = np.roots([9 * k4, 7 * k3, 5 * k2, 3 * k1, 1.0])
    ends = turns.real[(np.abs(turns.imag) < 1e-9) & (turns.real > 0)]
    return min(_WIDEST, math.sqrt(ends.min()) if len(ends) else math.inf)
