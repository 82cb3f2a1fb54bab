"""The floor people stand on, as a plane in the camera's frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import issparse, lil_matrix

from mbcli.geometry import unit
from mbcli.refinement.joints import standing_joints
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray, IntArray

# Height of a standing foot's ankle joint above the floor as a fraction of the body's height: 0.08 m
# for 1.70 m. Thigh and shank are 0.245 and 0.246 of it (Drillis and Contini 1966, as in Winter,
# "Biomechanics and Motor Control of Human Movement", figure 4.1).
ANKLE_HEIGHT = 0.08 / 1.70
_LEG = 0.245 + 0.246

# How well one contact determines the ankle's position: across the line of sight, and along it as a
# fraction of the distance, because a single camera measures distances badly.
_ACROSS = 0.03  # metres
_ALONG = 0.08

# An assumed focal length scales all distances and so tilts the plane of the feet. However many
# feet there are, its slope is not known better than this.
_SURELY = 1.5  # degrees
# Degrees of gravity above which a camera is rather taken to be level: one that is held in a
# hand looks up or down by some 15 (`mbcli.refinement.world`), which is nearly twice as much.
_LOOSEST = 8.0
# Points times levels up to which all derivatives are computed; beyond, those that are not 0. Few
# people stand on few things; of a street two hours long a dense matrix would take gigabytes.
_DENSE = 200_000
# Radians by which cameras are mostly rolled: on tripods by hardly any, in hands by some.
_ROLL = float(np.radians(3.0))
_OUTLIER = 1.5  # standard deviations above which a residual is down-weighted, as in Huber


@dataclass(frozen=True, eq=False)
class FloorEstimate:
    """The direction of gravity and the position of the floor, for a static camera.

    Attributes:
        world_from_camera: (4, 4) float64 rigid transform, metres; the world's y axis points down
            along gravity, its floor is y = 0, z is the camera's forward direction on the floor,
            and the origin lies under the first person's first pelvis.
        source: the basis of the direction of gravity: "feet and upright frames", "upright
            frames", or "level camera" if nobody ever stood and the camera is assumed to be level.
        contacts_used: number of foot contacts used.
        upright_used: number of frames of upright people used.
        spread_degrees: standard error of the direction of gravity; NaN for a level camera.
        spread_metres: robust standard deviation of standing feet from their person's floor; NaN
            without such feet.
    """

    world_from_camera: FloatArray
    source: str
    contacts_used: int
    upright_used: int
    spread_degrees: float
    spread_metres: float

    @property
    def doubtful(self) -> str:
        """Why the estimate is no better than a camera that is taken to be level; "" if it is."""
        if not self.upright_used:
            return "nobody is seen standing upright"
        if not self.contacts_used:
            return "no foot is seen standing on the floor"
        if self.spread_degrees > _LOOSEST:
            return f"gravity is only known to within {self.spread_degrees:.0f} degrees"
        return ""

    def meta(self) -> dict[str, Any]:
        """What was found, for metadata, ready for JSON."""
        doubt = self.doubtful
        found = (
            f"not found: {doubt}"
            if doubt
            else f"gravity within {self.spread_degrees:.1f} degrees, and the floor, from "
            f"{self.contacts_used} foot contacts and people standing upright"
        )
        report = {k: v for k, v in vars(self).items() if k != "world_from_camera"}
        # JSON has no NaN.
        known = {k: None if isinstance(v, float) and isnan(v) else v for k, v in report.items()}
        return {"found": found, "sure": not doubt, **known}


@dataclass(frozen=True, eq=False)
class Slope:
    """A direction of gravity with its uncertainty.

    Attributes:
        down: (3,) float64 unit vector in the camera's frame.
        sigma: standard error in radians.
        residual: (N,) float64 metres by which points lie below their level.
    """

    down: FloatArray
    sigma: float
    residual: FloatArray


def body_height(in_camera: FloatArray, skeleton: Skeleton = H36M17) -> float:
    """Standing height in metres, derived from the legs of one person.

    Args:
        in_camera: (T, J, 3) metres, NaN where absent; at least one frame is present.
        skeleton: skeleton of the J joints.
    """
    legs = in_camera[:, standing_joints(skeleton).legs]  # (T, 2, 3, 3)
    lengths = np.linalg.norm(np.diff(legs, axis=2), axis=-1).sum(axis=-1)  # (T, 2)
    return float(np.nanmedian(lengths)) / _LEG


def slope_of(
    points: FloatArray,
    level: IntArray,
    down: FloatArray,
    sigma: float,
    right: FloatArray | None = None,
) -> Slope:
    """The direction of gravity that best fits both standing feet and an initial estimate.

    Every person has their own levels: people stand on different things, and a wrong body height
    moves a person towards or away from the camera, which shifts the floor under them without
    tilting it. Distances from the plane are weighted by the uncertainty of a point in that
    direction (total least squares with noise along the line of sight). Feet that are all in one
    place, or scattered along the line of sight, therefore leave the estimate as it is.

    Args:
        points: (N, 3) metres in the camera's frame, one per foot contact.
        level: (N,) numbers; points with equal numbers stand at equal heights.
        down: (3,) unit vector, the initial estimate.
        sigma: its standard error in radians.
        right: (3,) unit vector, the camera's own x axis, which is mostly level: people hold
            cameras straight, and where one is rolled it hardly counts (Cauchy).

    Returns:
        The slope; the initial estimate itself without points.
    """
    if not len(points):
        return Slope(down, sigma, np.zeros(0))
    distance = np.linalg.norm(points, axis=1)
    sight = unit(points)
    along = np.hypot(_ALONG * distance, _ACROSS)
    steps, column = np.unique(level, return_inverse=True)
    across = _perpendicular(down)

    def tilted(tilt: FloatArray) -> FloatArray:
        return unit(down + tilt @ across)

    def below(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        direction = tilted(parameters[:2])
        residual = points @ direction - parameters[2:][column]
        toward = (sight @ direction) ** 2
        return residual, np.sqrt(_ACROSS**2 + (along**2 - _ACROSS**2) * toward)

    def cost(parameters: FloatArray) -> FloatArray:
        residual, expected = below(parameters)
        held = [] if right is None else [_mostly(float(tilted(parameters[:2]) @ right) / _ROLL)]
        return np.concatenate([residual / expected, parameters[:2] / sigma, held])

    depth = points @ down
    heights = [float(np.median(depth[column == k])) for k in range(len(steps))]
    start = np.array([0.0, 0.0, *heights])
    loss = _forgiving(len(points))
    if len(points) * len(steps) > _DENSE:
        known = _sparsity(column, len(steps), 2 if right is None else 3)
        fit = least_squares(cost, start, loss=loss, jac_sparsity=known)
    else:
        fit = least_squares(cost, start, loss=loss)
    residual, expected = below(fit.x)
    # Feet that fit worse than expected are all less certain than expected.
    spare = max(len(points) - len(steps), 1)
    excess = max(1.0, float(np.sum(np.minimum((residual / expected) ** 2, 9.0))) / spare)
    information = fit.jac.T @ fit.jac / excess
    information = information.toarray() if issparse(information) else information
    tilt = np.linalg.inv(information)[:2, :2]
    error = float(np.sqrt(np.linalg.eigvalsh(tilt)[-1]))
    return Slope(tilted(fit.x[:2]), max(error, float(np.radians(_SURELY))), residual)


def _mostly(deviation: float) -> float:
    """What to square for the loss of Cauchy."""
    return float(np.copysign(np.sqrt(np.log1p(deviation**2)), deviation))


def _sparsity(column: IntArray, steps: int, known: int) -> Any:
    """Which residuals depend on which parameters: on the tilt, and on the height of their step.

    The last ``known`` residuals are of the tilt alone.
    """
    count = len(column)
    found = lil_matrix((count + known, 2 + steps), dtype=np.int8)
    found[:, :2] = 1
    found[np.arange(count), 2 + column] = 1
    return found


def _forgiving(count: int) -> Callable[[FloatArray], FloatArray]:
    """A loss for squared residuals: robust for the first ``count``, plain for the others."""

    def loss(squared: FloatArray) -> FloatArray:
        scaled = squared / _OUTLIER**2
        root = np.sqrt(1 + scaled)
        value, first, second = 2 * (root - 1) * _OUTLIER**2, 1 / root, -0.5 / root**3 / _OUTLIER**2
        value[count:], first[count:], second[count:] = squared[count:], 1.0, 0.0
        return np.stack([value, first, second])

    return loss


def _perpendicular(down: FloatArray) -> FloatArray:
    """(2, 3) unit vectors at right angles to ``down`` and to each other."""
    least = np.eye(3)[int(np.argmin(np.abs(down)))]
    first = unit(np.cross(down, least))
    return np.stack([first, np.cross(down, first)])
