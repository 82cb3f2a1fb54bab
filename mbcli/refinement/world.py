"""A world aligned with gravity, for a camera that stays in one place.

Two cues show the direction of gravity, each weighted by its precision. Standing feet lie on a
floor, which is exact once people have walked a few metres. People who stand or walk are upright,
which needs no walking, but people lean, and the lifting network leans too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mbcli.geometry import unit
from mbcli.refinement.feet import contacts_of
from mbcli.refinement.floor import ANKLE_HEIGHT, FloorEstimate, body_height, slope_of
from mbcli.refinement.joints import StandingJoints, standing_joints
from mbcli.skeleton import H36M17, Skeleton
from mbcli.timeline import runs
from mbcli.types import BoolArray, FloatArray, IntArray

# Who counts as upright. The figures are from 37 recorded people who walk, dance and exercise (CMU,
# 71 minutes, `research.thresholds`), half of whose frames pass.
#
# Bend of the straighter leg in degrees: people lean by 4 to 5 degrees below this, 6 to 7 above.
_KNEE = 35.0
# Degrees between the trunk and the line from the ankles to the pelvis: people lean by 4 to 6 below
# this, 10 to 20 above.
_HIP = 25.0
_APART = 75.0  # degrees between the legs; 99 in 100 frames that pass have less than 65
# Degrees from the camera's own vertical: in 99 of 100 frames these people lean by less than 42, and
# cameras look up or down by some 15. Beyond that, a person is more likely lying.
_CAMERA = 55.0

# Uncertainty of upright people: a person's posture and the network's own lean. A body away from the
# centre of the picture is seen along a slanting ray, which networks are unaware of.
_LEAN = 4.0  # degrees: over a whole clip the recorded people lean by 4.2 (RMS)
# Degrees per degree off the camera's axis: a network unaware of the ray would lean by all of it;
# ours rotate their poses along the ray, by a focal length that is mostly assumed.
_OFF_AXIS = 0.5
# Seconds; frames closer together are not independent. The lean of the recorded people has a
# correlation of 0.44 with that of 0.5 s before.
_SAME = 0.5
# Degrees that all people of a clip may have in common: the network's own lean, the focal length.
# Against four calibrated cameras the estimate erred by 1.3 to 4.1.
_COMMON = 2.5
_LEVEL = 15.0  # degrees: how level an unknown camera is, as people hold them
_PASSES = 8  # more than needed: on noisy walking the second changes less than 0.001 degrees
_STEP = 0.3  # metres between feet on different things: two stairs are more, a kerb is less
_SAME_FLOOR = 0.15  # metres; closer levels are one floor: half a step, a stair
_FLOOR_SHARE = 0.3  # of all standing; a smaller share may be a hole or an error


class Bodies(Protocol):
    """Arrays of people, one at a time; they need not all be in memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, who: int, /) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class Each:
    """Arrays of people that are made when they are asked for.

    Attributes:
        people: how many there are.
        of: the array of the person in a column.
    """

    people: int
    of: Callable[[int], FloatArray]

    def __len__(self) -> int:
        return self.people

    def __getitem__(self, who: int, /) -> FloatArray:
        return self.of(who)


@dataclass(frozen=True, eq=False)
class _Upright:
    down: FloatArray  # (3,)
    sigma: float  # radians
    frames: int


def estimate_world(
    in_camera: FloatArray,
    present: BoolArray,
    fps: float,
    *,
    confidence: FloatArray | None = None,
    skeleton: Skeleton = H36M17,
) -> FloorEstimate:
    """Find gravity and the floor from the people of a clip, for a camera that stays in place.

    Gravity: the directions from the thorax to the midpoint of the ankles in frames with an upright
    person, and the plane on which feet stand (:func:`slope_of`), in three rounds, since finding
    contacts needs gravity. The camera must be less than 55 degrees from level.

    Floor: an ankle's height (0.047 of the body's height) below the standing ankles; of several
    levels the lowest with at least 0.3 of all standing, or else the one with most. If nobody
    stands, below the lowest ankles.

    Args:
        in_camera: (T, P, J, 3) metres in the camera's frame; NaN where absent.
        present: (T, P) whether the person has a pose in the frame.
        fps: frames per second.
        confidence: (T, P, J) 0..1; ankles below 0.3 are ignored. None trusts all joints.
        skeleton: skeleton of the J joints.

    Returns:
        The estimate; the camera's own axes with the source "level camera" if nobody is present.
    """
    body = np.where(present[..., None, None], np.asarray(in_camera, dtype=np.float64), np.nan)
    sure = None if confidence is None else np.moveaxis(confidence, 1, 0)
    return world_of(np.moveaxis(body, 1, 0), fps, confidence=sure, skeleton=skeleton)


def world_of(
    bodies: Bodies,
    fps: float,
    *,
    confidence: Bodies | None = None,
    skeleton: Skeleton = H36M17,
    right: FloatArray | None = None,
) -> FloorEstimate:
    """Find gravity and the floor from people one after the other; see `estimate_world`.

    Args:
        bodies: of each person (t, J, 3) metres in the camera's frame; NaN where absent.
        fps: frames per second.
        confidence: of each person (t, J) 0..1; None trusts all joints.
        skeleton: of the J joints.
        right: (3,) unit vector, the camera's own x axis, over the clip; None means that of the
            bodies' axes.
    """
    at = standing_joints(skeleton)
    right = np.array([1.0, 0.0, 0.0]) if right is None else right
    upright = _everybody(bodies, fps, at)
    down, sigma = np.array([0.0, 1.0, 0.0]), float(np.radians(_LEVEL))
    if upright.frames:
        down, sigma = upright.down, upright.sigma
    feet = _Standing()
    slope = slope_of(feet.points, feet.owner, down, sigma, right)
    for _ in range(3 if upright.frames else 0):
        world = _rigid(slope.down, np.zeros(3))
        feet = _Standing()
        for who in range(len(bodies)):
            body = bodies[who]
            sure = None if confidence is None else confidence[who]
            contacts = contacts_of(body, world, fps, confidence=sure, skeleton=skeleton)
            feet.add(who, body[:, at.ankles], contacts)
        points = feet.points
        slope = slope_of(points, _steps(points @ slope.down, feet.owner), down, sigma, right)
    points = feet.points
    rigid = _rigid(slope.down, np.zeros(3))
    level = _level(bodies, rigid, feet, skeleton)
    start = _first_pelvis(bodies, at) @ rigid[:3, :3].T
    rigid[:3, 3] = (0.0 - start[0], 0.0 - level, 0.0 - start[2])
    residual = 1.4826 * np.median(np.abs(slope.residual)) if len(points) else np.nan
    source = "upright frames" if upright.frames else "level camera"
    return FloorEstimate(
        world_from_camera=rigid,
        source="feet and upright frames" if len(points) else source,
        contacts_used=len(points),
        upright_used=upright.frames,
        spread_degrees=float(np.degrees(slope.sigma)) if upright.frames else float("nan"),
        spread_metres=float(residual),
    )


def _everybody(bodies: Bodies, fps: float, at: StandingJoints) -> _Upright:
    """The direction of gravity from upright people; 0 frames if nobody is upright."""
    each = [_person(bodies[who], fps, at) for who in range(len(bodies))]
    each = [person for person in each if person.frames]
    if not each:
        return _Upright(np.array([0.0, 1.0, 0.0]), float("nan"), 0)
    directions = np.stack([person.down for person in each])
    weights = np.array([person.sigma**-2 for person in each])
    mean, factors = _middle(directions, weights, 1.5 * np.array([p.sigma for p in each]))
    sigma = np.hypot(np.sum(weights * factors) ** -0.5, np.radians(_COMMON))
    return _Upright(mean, float(sigma), sum(person.frames for person in each))


def _person(body: FloatArray, fps: float, at: StandingJoints) -> _Upright:
    """The direction of gravity from one person, (T, J, 3)."""
    feet = body[:, at.ankles].mean(axis=1)
    legs, trunk = feet - body[:, at.pelvis], body[:, at.pelvis] - body[:, at.thorax]
    knees = [_degrees(body[:, k] - body[:, h], body[:, a] - body[:, k]) for h, k, a in at.legs]
    whole = unit(feet - body[:, at.thorax])
    # Comparisons with NaN are false, which excludes absent frames.
    upright = np.minimum(*knees) < _KNEE
    upright &= _degrees(legs, trunk) < _HIP
    upright &= _degrees(*(body[:, a] - body[:, h] for h, _, a in at.legs)) < _APART
    upright &= whole[:, 1] > np.cos(np.radians(_CAMERA))
    count = int(upright.sum())
    if not count:
        return _Upright(np.array([0.0, 1.0, 0.0]), float("nan"), 0)
    directions = whole[upright]
    mean, _ = _middle(directions, np.ones(count), np.full(count, np.radians(_LEAN)))
    scatter = float(np.sqrt(np.mean(np.arccos(np.clip(directions @ mean, -1, 1)) ** 2)))
    place = np.median(body[upright, at.pelvis], axis=0)
    slanting = np.arctan2(np.hypot(place[0], place[1]), max(place[2], 1e-9))
    several = max(1.0, count / (_SAME * fps))
    sigma = np.sqrt(np.radians(_LEAN) ** 2 + (_OFF_AXIS * slanting) ** 2 + scatter**2 / several)
    return _Upright(mean, float(sigma), count)


def _middle(
    directions: FloatArray, weights: FloatArray, limits: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Robust mean direction of (N, 3) unit vectors, and the weight of each, 0..1.

    A direction beyond its limit (radians) is down-weighted in proportion.
    """
    mean = unit(np.median(directions, axis=0))
    factors = np.ones(len(directions))
    for _ in range(_PASSES):
        apart = np.arccos(np.clip(directions @ mean, -1.0, 1.0))
        factors = limits / np.maximum(apart, limits)
        mean = unit((weights * factors) @ directions)
    return mean, factors


class _Standing:
    """The median position of every contact, its person and its length in frames."""

    def __init__(self) -> None:
        self._found: list[tuple[FloatArray, int, int]] = []

    def add(self, who: int, ankles: FloatArray, contacts: BoolArray) -> None:
        """Add a person's contacts.

        Args:
            who: the person.
            ankles: (t, 2, 3) metres, right and left.
            contacts: (t, 2) whether they stand.
        """
        for foot in range(ankles.shape[1]):
            for start, stop in runs(contacts[:, foot]):
                place = np.median(ankles[start:stop, foot], axis=0)
                self._found.append((place, who, stop - start))

    @property
    def points(self) -> FloatArray:
        """(N, 3) metres."""
        return np.array([p for p, _, _ in self._found], dtype=np.float64).reshape(-1, 3)

    @property
    def owner(self) -> IntArray:
        """(N,) the person of each."""
        return np.array([who for _, who, _ in self._found], dtype=np.intp)

    @property
    def frames(self) -> FloatArray:
        """(N,) the length of each."""
        return np.array([count for _, _, count in self._found], dtype=np.float64)


def _steps(depth: FloatArray, owner: IntArray) -> IntArray:
    """Level numbers (N,): a person's points are split where the heights leave a wide gap.

    Args:
        depth: (N,) metres along gravity.
        owner: (N,) the person of each.
    """
    order = np.lexsort((depth, owner))
    parted = (np.diff(owner[order]) != 0) | (np.diff(depth[order]) > _STEP)
    result = np.zeros(len(depth), dtype=np.intp)
    result[order[1:]] = np.cumsum(parted)
    return result


def _level(bodies: Bodies, rigid: FloatArray, feet: _Standing, skeleton: Skeleton) -> float:
    """Distance of the floor below the camera in metres."""
    points, owner, frames = feet.points, feet.owner, feet.frames
    heights, lowest = {}, []
    for who in range(len(bodies)):
        body = bodies[who]
        if not standing_joints(skeleton).seen(body).any():
            continue
        heights[who] = ANKLE_HEIGHT * body_height(body, skeleton)
        if not len(points):
            ankles = body[:, standing_joints(skeleton).ankles] @ rigid[1, :3]  # (t, 2)
            lowest.append(float(np.nanpercentile(ankles.max(axis=1), 90)) + heights[who])
    if not heights:
        return 0.0
    if not len(points):
        return float(np.median(lowest))
    depth = points @ rigid[1, :3]
    step = _steps(depth, owner)
    places, weights = [], []
    for number in range(int(step.max()) + 1):
        mine = step == number
        places.append(float(np.median(depth[mine])) + heights[int(owner[mine][0])])
        weights.append(float(frames[mine].sum()))
    place, weight = np.array(places), np.array(weights)
    near = np.abs(place[:, None] - place) <= _SAME_FLOOR  # (levels, levels)
    share = near @ weight / weight.sum()
    enough = share >= min(_FLOOR_SHARE, float(share.max()))
    chosen = near[int(np.argmax(np.where(enough, place, -np.inf)))]
    return float(np.average(place[chosen], weights=weight[chosen]))


def _first_pelvis(bodies: Bodies, at: StandingJoints) -> FloatArray:
    """(3,) the first pelvis of the first person who ever appears; 0 without people."""
    for who in range(len(bodies)):
        places = bodies[who][:, at.pelvis]
        there = places[np.isfinite(places).all(axis=-1)]
        if len(there):
            return there[0]
    return np.zeros(3)


def _rigid(down: FloatArray, shift: FloatArray) -> FloatArray:
    """(4, 4) into a world with y along ``down`` and z along the camera's heading on the floor."""
    forward = np.array([0.0, 0.0, 1.0])
    if abs(down[2]) > 0.99:  # it looks at the floor or the sky: use the picture's vertical
        forward = np.array([0.0, -np.sign(down[2]), 0.0])
    forward = unit(forward - (forward @ down) * down)
    rigid = np.eye(4)
    rigid[:3, :3] = np.stack([np.cross(down, forward), down, forward])
    rigid[:3, 3] = shift
    return rigid


def _degrees(one: FloatArray, other: FloatArray) -> FloatArray:
    """Angle between vectors (..., 3)."""
    cosine = (unit(one) * unit(other)).sum(axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
