"""How tall people are, as far as a floor that they share tells.

A single camera sees how large a body is in units of its distance. Somebody who stands on the floor
is as far away as their feet are, which the floor tells: measured in heights of the camera above it,
everybody's size is then known. The one number that remains, the camera's height in metres, comes
from a person whose height is given, from a known distance on the floor, or from what people
usually measure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbcli.camera import Camera
from mbcli.errors import ConfigError
from mbcli.geometry import unit
from mbcli.refinement.feet import contacts_of
from mbcli.refinement.floor import ANKLE_HEIGHT, body_height
from mbcli.refinement.joints import standing_joints
from mbcli.refinement.known_distance import KnownDistance
from mbcli.refinement.world import Bodies, Each, world_of
from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson
from mbcli.timeline import runs
from mbcli.types import BoolArray, FloatArray, IntArray, Keypoints2D
from mbcli.values import kept

# Logarithms of heights. Adults of both sexes have a standard deviation of some 0.1 m.
_ADULTS = 0.06
# A share of the people is smaller, down to half an adult: children. Another share stands on
# something else, which can give any height.
_CHILD, _ELSEWHERE = 0.15, 0.02
_SMALLEST = math.log(0.4)
_ANY = 3.0  # range of the logarithms of wrong heights
# Of a person's size by the lengths of their bones in the picture: 9 skeletons in 10 are within
# 3.5 % of their standing height (`mbcli.placing.metric`), and the bones lifted as far off again.
_BY_BONES = 0.03
_FOOT = 0.02  # of the camera's height: one contact, in virtual clips with noise
# Radians of gravity, and logarithms of heights: what is known worse tells nobody's height.
_LOOSEST = 0.15
_GRID = np.linspace(-0.7, 0.7, 281)  # logarithms of the scale that are tried


@dataclass(frozen=True, eq=False)
class Sizes:
    """The heights of the people of a clip.

    Attributes:
        metres: (P,) standing heights.
        doubt: (P,) relative standard errors; NaN where a height was given.
        source: of each person ``given``, ``floor``, ``known distance`` or ``assumed``.
        words: how they were found, or why they were not.
    """

    metres: FloatArray
    doubt: FloatArray
    source: tuple[str, ...]
    words: str

    @classmethod
    def all(cls, people: int, metres: float) -> Sizes:
        """The height that is given for everybody."""
        whole = np.full(people, metres)
        return cls(whole, np.full(people, np.nan), ("given",) * people, "given")

    def meta(self, track_ids: list[int]) -> dict[str, Any]:
        """The heights for metadata, ready for JSON."""
        people = {
            str(number): {
                "metres": round(float(metres), 3),
                "doubt": None if math.isnan(doubt) else round(float(doubt), 3),
                "source": source,
            }
            for number, metres, doubt, source in zip(
                track_ids, self.metres, self.doubt, self.source, strict=True
            )
        }
        return {
            "metres": round(float(np.median(self.metres)), 3) if people else None,
            "given": set(self.source) == {"given"},
            "words": self.words,
            "people": people,
        }


def check_people(given: Mapping[int, float], track_ids: IntArray) -> dict[int, float]:
    """Heights by column, of those that are given by id.

    Raises:
        ConfigError: nobody has one of these ids.
    """
    known: list[int] = track_ids.tolist()
    for number in given:
        if number not in known:
            raise ConfigError(
                f"--height must be of people in the result, {', '.join(map(str, known))}, "
                f"got {number}"
            )
    return {known.index(number): metres for number, metres in given.items()}


def compared(
    in_camera: PerPerson,
    keypoints: Keypoints2D,
    camera: Camera,
    *,
    usual: float,
    given: Mapping[int, float],
    distance: KnownDistance | None,
) -> Sizes:
    """The heights of the people of a clip, as far as one camera in one place tells.

    Args:
        in_camera: (T, P, J, 3) metres in the camera's frame, of people of ``usual`` height.
        keypoints: their keypoints.
        camera: the camera.
        usual: see `sizes_of`.
        given: see `sizes_of`.
        distance: see `sizes_of`.

    Raises:
        ConfigError: see `sizes_of`; a known distance where the camera moves.
    """
    why = "the camera moves" if camera.motion == "moving" else ""
    why = "the clip has cuts" if len(keypoints.cuts) else why
    if why and distance is not None:
        raise ConfigError(f"--known-distance needs one camera that stays in its place, but {why}")
    if why:
        known = np.array([given.get(who, math.nan) for who in range(len(in_camera.spans))])
        return _assumed(known, usual, f"assumed unless given: {why}")
    rows = np.flatnonzero(keypoints.frame_index == (-1 if distance is None else distance.frame))
    spans, data = in_camera.spans, kept(keypoints, "data")
    return sizes_of(
        Each(len(spans), lambda who: camera.to_world(in_camera[who], spans.frames_of(who))),
        Each(len(spans), lambda who: np.asarray(data[who][..., 2])),
        keypoints.fps,
        camera,
        keypoints.skeleton,
        usual=usual,
        given=given,
        distance=distance,
        row=int(rows[0]) if len(rows) else None,
    )


def sizes_of(
    bodies: Bodies,
    confidence: Bodies,
    fps: float,
    camera: Camera,
    skeleton: Skeleton,
    *,
    usual: float,
    given: Mapping[int, float] | None = None,
    distance: KnownDistance | None = None,
    row: int | None = None,
) -> Sizes:
    """Compare the people of a clip of one shot, each of whom is taken to be ``usual`` metres tall.

    Args:
        bodies: of each person (t, J, 3) metres in the camera's world, NaN where absent.
        confidence: of each person (t, J) 0..1.
        fps: frames per second.
        camera: the camera, which may turn, but not move.
        skeleton: of the J joints.
        usual: standing height in metres that the bodies have, also the mean of adults.
        given: heights of some people, by their column.
        distance: a known distance on the floor.
        row: the row of its frame.

    Raises:
        ConfigError: the points of ``distance`` are not on the floor that people stand on.
    """
    count, given = len(bodies), given or {}
    known = np.array([given.get(who, math.nan) for who in range(count)])
    if distance is None and (count - len(given) < 1 or count < 2):
        return _assumed(known, usual, "given" if len(given) == count else "assumed")
    floor = world_of(bodies, fps, confidence=confidence, skeleton=skeleton)
    world = floor.world_from_camera
    down, tilt = world[1, :3], math.radians(floor.spread_degrees)
    feet = [_Feet.of(bodies[k], confidence[k], world, fps, skeleton) for k in range(count)]
    depth = np.array([one.depth for one in feet])
    stands = depth > 0  # NaN where nobody stands
    if not (tilt <= _LOOSEST and stands.any()):
        why = "nobody is seen standing" if not stands.any() else "the floor is not seen well enough"
        if distance is not None:
            raise ConfigError(f"--known-distance needs people who stand on the floor, but {why}")
        return _assumed(known, usual, f"assumed: {why}")
    # Logarithms of heights over the camera's, and where the feet are in heights of the camera.
    depth = np.where(stands, depth, np.nan)
    size = -np.log(depth)
    place = np.stack([one.place for one in feet]) / depth[:, None]
    off = place - np.nanmedian(place, axis=0)
    off -= (off @ down)[:, None] * down
    each = np.hypot(_BY_BONES, _FOOT / np.sqrt(np.maximum([one.count for one in feet], 1)))
    doubt = np.hypot(np.linalg.norm(off, axis=1) * tilt, each)
    stands &= doubt <= _LOOSEST
    if distance is not None:
        scale, unsure = _by_distance(distance, camera, row, down, tilt)
        words = f"from {distance.metres:g} m on the floor"
        found = np.where(stands, np.exp(size + scale), 1.0)
        source = ["known distance" if ok else "assumed" for ok in stands]
        wide = np.where(stands, np.hypot(each, unsure), _ADULTS)
        return Sizes(usual * found, wide, tuple(source), words)
    sure = stands & np.isfinite(known)
    if stands.sum() == sure.sum() or stands.sum() < 2:
        why = "no two people stand where they can be compared"
        return _assumed(known, usual, f"assumed unless given: {why}")
    if sure.any():
        weights = doubt[sure] ** -2
        scale = float(np.average(np.log(known[sure] / usual) - size[sure], weights=weights))
        doubt = np.hypot(doubt, weights.sum() ** -0.5)
    else:
        scale = _by_custom(size[stands], doubt[stands])
    logs, wide, elsewhere = _likely(size + scale, doubt)
    logs, wide = np.where(stands, logs, 0.0), np.where(stands, wide, _ADULTS)
    metres = np.where(np.isfinite(known), known, usual * np.exp(logs))
    source = [
        "given" if there else "assumed" if not ok or lost else "floor"
        for there, ok, lost in zip(np.isfinite(known), stands, elsewhere, strict=True)
    ]
    how = "those given" if sure.any() else f"adults of {usual:.2f} m"
    words = f"by comparing people on the floor they share, with {how}"
    return Sizes(metres, np.where(np.isfinite(known), np.nan, wide), tuple(source), words)


@dataclass(frozen=True, eq=False)
class _Feet:
    """Where a person stands.

    Attributes:
        depth: metres of the floor below the camera.
        place: (3,) metres, the middle of their places.
        count: number of contacts.
    """

    depth: float
    place: FloatArray
    count: int

    @classmethod
    def of(
        cls,
        body: FloatArray,
        sure: FloatArray,
        world: FloatArray,
        fps: float,
        skeleton: Skeleton,
    ) -> _Feet:
        contacts: BoolArray = contacts_of(body, world, fps, confidence=sure, skeleton=skeleton)
        places = [
            np.median(body[start:stop, ankle], axis=0)
            for foot, ankle in enumerate(standing_joints(skeleton).ankles)
            for start, stop in runs(contacts[:, foot])
        ]
        if not places:
            return cls(math.nan, np.full(3, np.nan), 0)
        down = world[1, :3]
        depth = float(np.median(np.array(places) @ down))
        ankle_height = ANKLE_HEIGHT * body_height(body, skeleton)
        middle = np.median(places, axis=0)
        return cls(depth + ankle_height, middle + ankle_height * down, len(places))


def _assumed(known: FloatArray, usual: float, words: str) -> Sizes:
    there = np.isfinite(known)
    return Sizes(
        np.where(there, known, usual),
        np.where(there, np.nan, _ADULTS),
        tuple("given" if one else "assumed" for one in there),
        words,
    )


def _by_custom(size: FloatArray, doubt: FloatArray) -> float:
    """The logarithm of the scale that makes people (N,) as tall as people are."""
    start = -float(np.max(np.where(size - np.median(size) < math.log(2), size, -np.inf)))
    scores = [_chances(size + start + scale, doubt).sum(axis=1) for scale in _GRID]
    return start + float(_GRID[int(np.argmax([np.log(score).sum() for score in scores]))])


def _chances(logs: FloatArray, doubt: FloatArray) -> FloatArray:
    """(N, 3) likelihood of being an adult, a child, and standing elsewhere."""
    spread = np.hypot(_ADULTS, doubt)
    adult = np.exp(-0.5 * (logs / spread) ** 2) / (math.sqrt(2 * math.pi) * spread)
    below = _normal(-logs / doubt) - _normal((_SMALLEST - logs) / doubt)
    child = below / -_SMALLEST
    shares = (1 - _CHILD - _ELSEWHERE, _CHILD, _ELSEWHERE)
    return np.stack([adult, child, np.full(len(logs), 1 / _ANY)], axis=1) * shares


def _normal(values: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(ndtr(values))


def _likely(logs: FloatArray, doubt: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """The likeliest logarithms of heights (N,), their standard errors, and who stands elsewhere."""
    kind = np.argmax(_chances(np.nan_to_num(logs), np.nan_to_num(doubt, nan=1.0)), axis=1)
    share = _ADULTS**2 / (_ADULTS**2 + doubt**2)
    found = np.choose(kind, [share * logs, np.minimum(logs, 0.0), np.zeros(len(logs))])
    wide = np.choose(kind, [np.sqrt(share) * doubt, doubt, np.full(len(logs), _ADULTS)])
    return found, wide, kind == 2


def _by_distance(
    distance: KnownDistance, camera: Camera, row: int | None, down: FloatArray, tilt: float
) -> tuple[float, float]:
    """The logarithm of the camera's height in metres, and its standard error."""
    if row is None:
        raise ConfigError(f"--known-distance must name a frame of the clip, got {distance.frame}")
    (rays,) = camera.unproject([[distance.start, distance.end]], slice(row, row + 1))
    sight = np.append(rays, np.ones((2, 1)), axis=1) @ camera.world_from_camera[row, :3, :3].T

    def apart(direction: FloatArray) -> float:
        falls = sight @ direction
        if not (falls > 1e-3 * np.linalg.norm(sight, axis=1)).all():
            return math.nan
        return float(np.linalg.norm(np.subtract(*(sight / falls[:, None]))))

    length = apart(down)
    if not length > 0:
        raise ConfigError(
            "--known-distance must be two points on the floor below the horizon, got "
            f"{distance.start} and {distance.end}"
        )
    least = np.eye(3)[int(np.argmin(np.abs(down)))]
    first = unit(np.cross(down, least))
    tilted = [apart(unit(down + tilt * axis)) for axis in (first, np.cross(down, first))]
    unsure = float(np.linalg.norm([math.log(one / length) for one in tilted]))
    return math.log(distance.metres / length), unsure if math.isfinite(unsure) else 1.0
