"""From a row of postures and a recorded stretch to a motion: blending and contacts.

The pelvis and the chest go smoothly through all postures. A foot, or a hand that holds or rests on
something, stays where it is while a posture is held, and moves on an arc in between. Arms, head
and the small turns of the chest come from the recording wherever nothing holds a hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial.transform import Rotation

from mbcli.geometry import unit
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray
from research.postures.body import FPS, HEAD, SIDES, Sizes, Stretch
from research.postures.limbs import FLEXED, reach
from research.postures.posture import FLOOR, Draw, Posture

_PACE = (0.45, 0.9)  # metres a second of the pelvis or a foot, slow to brisk
_TURNING = (50.0, 95.0)  # degrees a second of the trunk
_SHORTEST = 0.6  # seconds from one posture to the next
_ARC = (0.3, 0.11)  # height of a step: share of its length, and metres at most
_HEAD_BACK = 55.0  # degrees by which a head is held back at most to stay level
_SMOOTH = 0.12  # seconds over which a correction fades in and out


@dataclass(frozen=True, eq=False)
class _Keys:
    """When each posture is taken up and left."""

    arrive: FloatArray
    leave: FloatArray


def perform(row: Sequence[Posture], stretch: Stretch, draw: Draw) -> FloatArray:
    """The motion through some postures.

    Args:
        row: one after the other, all in one heading frame.
        stretch: the recording at `FPS`; it is played from its start, and back and forth.
        draw: times and small things.

    Returns:
        (F, 21, 3) metres.
    """
    keys = _keys(row, draw)
    times = np.arange(int(keys.leave[-1] * FPS)) / FPS
    size = stretch.sizes
    played = _back_and_forth(len(times), len(stretch))
    place, hips, chest, level, knees = _smooth(row, keys, times)
    ankles = _stepped(np.stack([p.ankles for p in row]), keys, times, draw)
    hands, elbows, held = _hands(row, keys, times, draw)
    free = 1 - held.max(axis=1)  # (F,)
    small = Rotation.from_matrix(stretch.chest[played]).as_rotvec() * (0.3 + 0.6 * free)[:, None]
    pelvis_turn = _turns(hips)
    chest_turn = _turns(chest) @ Rotation.from_rotvec(small).as_matrix()
    place = _within_reach(place, pelvis_turn, ankles, size)
    body = np.zeros((len(times), len(BODY21), 3))

    def put(name: str, value: FloatArray) -> None:
        body[:, BODY21.index(name)] = value

    thorax = place + 0.5 * size.trunk * (pelvis_turn[..., 1] + chest_turn[..., 1])
    put("pelvis", place)
    put("thorax", thorax)
    put("spine", (place + thorax) / 2)
    nod = np.clip(chest[:, 1] * level, -_HEAD_BACK, _HEAD_BACK)
    back = Rotation.from_euler("x", -nod[:, None], degrees=True).as_matrix()
    body[:, HEAD] = thorax[:, None] + np.einsum(
        "fij,fjk,fnk->fni", chest_turn, back, stretch.head[played]
    )
    for number, side in enumerate(SIDES):
        out = 1.0 if side == "left" else -1.0
        hip = place + out * size.hip * pelvis_turn[..., 0]
        hinge = np.einsum("fij,fj->fi", pelvis_turn, knees[:, number])
        foot = ankles[:, number]
        knee, ankle = _off_the_floor(
            "knee", hip, foot, np.cross(foot - hip, hinge), size.thigh, size.shank
        )
        shoulder = thorax + np.einsum("fij,fj->fi", chest_turn, stretch.shoulders[played, number])
        upper, lower = np.einsum(
            "fij,fnj->nfi", chest_turn, stretch.arms[played, number]
        )  # (F, 3) each
        own = size.upper_arm * upper + size.forearm * lower
        bent = size.upper_arm * upper
        bent -= (bent * unit(own)).sum(-1, keepdims=True) * unit(own)
        own += shoulder
        own[:, 1] += _faded(np.maximum(FLOOR["wrist"] - own[:, 1], 0))
        hand = hands[:, number]
        hinge = np.einsum("fij,fj->fi", chest_turn, elbows[:, number])
        share = held[:, number, None]
        elbow, wrist = _off_the_floor(
            "elbow",
            shoulder,
            (1 - share) * own + share * hand,
            (1 - share) * unit(gaussian_filter1d(bent, _SMOOTH * FPS, axis=0, mode="nearest"))
            + share * unit(np.cross(hinge, hand - shoulder)),
            size.upper_arm,
            size.forearm,
        )
        for name, value in (
            ("hip", hip),
            ("knee", knee),
            ("ankle", ankle),
            ("shoulder", shoulder),
            ("elbow", elbow),
            ("wrist", wrist),
        ):
            put(f"{side}_{name}", value)
    return body


def _keys(row: Sequence[Posture], draw: Draw) -> _Keys:
    pace, turning = draw(*_PACE), draw(*_TURNING)
    arrive, leave, now = [], [], 0.0
    for number, posture in enumerate(row):
        if number:
            before = row[number - 1]
            way = max(
                float(np.linalg.norm(posture.pelvis - before.pelvis)),
                *np.linalg.norm(posture.ankles - before.ankles, axis=-1),
                *np.nan_to_num(0.6 * np.linalg.norm(posture.hands - before.hands, axis=-1)),
            )
            turn = float(np.abs(posture.chest - before.chest).max())
            now += max(_SHORTEST, way / pace, turn / turning)
        arrive.append(now)
        now += 0.0 if posture.via else posture.hold
        leave.append(now)
    return _Keys(np.array(arrive), np.array(leave))


def _smooth(
    row: Sequence[Posture], keys: _Keys, times: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Pelvis (F, 3), its and the chest's angles (F, 4), level (F,) and knees (F, 2, 3)."""
    values = np.stack(
        [np.concatenate([p.pelvis, p.hips, p.chest, [p.level], p.knees.ravel()]) for p in row]
    )
    at_keys, spread = [], []
    for number in range(len(row)):
        for time in dict.fromkeys((keys.arrive[number], keys.leave[number])):
            at_keys.append(time)
            spread.append(values[number])
    found = PchipInterpolator(at_keys, np.array(spread))(times)
    found = gaussian_filter1d(found, 0.1 * FPS, axis=0, mode="nearest")
    return (
        found[:, :3],
        found[:, 3:7],
        found[:, 7:11],
        found[:, 11],
        found[:, 12:].reshape(-1, 2, 3),
    )


def _progress(keys: _Keys, number: int, times: FloatArray, early: float, late: float) -> FloatArray:
    """0..1 from one posture to the next, within a part of the time between them."""
    start, end = keys.leave[number], keys.arrive[number + 1]
    share = np.clip(((times - start) / (end - start) - early) / (late - early), 0, 1)
    return share**3 * (10 - 15 * share + 6 * share**2)  # least jerk


def _stepped(points: FloatArray, keys: _Keys, times: FloatArray, draw: Draw) -> FloatArray:
    """(K, 2, 3) places at the postures to (F, 2, 3); each moves on an arc, one after the other."""
    result = np.repeat(points[:1], len(times), axis=0)
    for number in range(len(points) - 1):
        first = draw.rng.integers(2)
        way = points[number + 1] - points[number]  # (2, 3)
        far = np.linalg.norm(way, axis=-1)
        both = (far > 0.04).all()
        for side in range(2):
            early, late = (0.0, 1.0) if not both else ((0.0, 0.7) if side == first else (0.3, 1.0))
            share = _progress(keys, number, times, early, late)[:, None]
            result[:, side] += share * way[side]
            height = min(_ARC[0] * far[side], _ARC[1]) if far[side] > 0.04 else 0.0
            result[:, side, 1] += height * np.sin(np.pi * share[:, 0]) ** 2
    return result


def _hands(
    row: Sequence[Posture], keys: _Keys, times: FloatArray, draw: Draw
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Places (F, 2, 3) of wrists, axes (F, 2, 3) of elbows, and how far hands hold (F, 2)."""
    points = np.stack([p.hands for p in row])  # (K, 2, 3)
    there = np.asarray(np.isfinite(points).all(axis=-1))  # (K, 2)
    for side in range(2):
        known = np.flatnonzero(there[:, side])
        for lacking in np.flatnonzero(~there[:, side]):
            if len(known):
                points[lacking, side] = points[known[np.abs(known - lacking).argmin()], side]
            else:
                points[lacking, side] = 0.0
    places = _stepped(points, keys, times, draw)
    elbows = np.repeat(row[0].elbows[None], len(times), axis=0)
    held = np.repeat(there[:1].astype(float), len(times), axis=0)
    for number in range(len(row) - 1):
        share = _progress(keys, number, times, 0.0, 1.0)[:, None]
        elbows += share[..., None] * (row[number + 1].elbows - row[number].elbows)
        held += share * (there[number + 1].astype(float) - there[number])
    return places, elbows, held


def _turns(angles: FloatArray) -> FloatArray:
    """(F, 4) yaw, pitch, roll, spin in degrees to (F, 3, 3)."""
    outer = Rotation.from_euler("YXZ", angles[:, :3], degrees=True)
    return (outer * Rotation.from_euler("Y", angles[:, 3:], degrees=True)).as_matrix()


def _back_and_forth(count: int, length: int) -> FloatArray:
    """Frame numbers of a recording that is played back and forth."""
    there = np.arange(count) % (2 * length - 2)
    return np.where(there < length, there, 2 * length - 2 - there)


def _faded(needed: FloatArray) -> FloatArray:
    """(F, ...) corrections that are at least as large as needed and come and go smoothly."""
    width = int(_SMOOTH * FPS)
    widest = maximum_filter1d(needed, 4 * width + 1, axis=0, mode="nearest")
    return gaussian_filter1d(widest, width, axis=0, mode="nearest")


def _within_reach(
    place: FloatArray, turn: FloatArray, ankles: FloatArray, size: Sizes
) -> FloatArray:
    """The pelvis, drawn towards feet that are too far from it."""
    for _ in range(2):
        for number, out in enumerate((1.0, -1.0)):
            hip = place + out * size.hip * turn[..., 0]
            way = ankles[:, number] - hip
            far = np.linalg.norm(way, axis=-1, keepdims=True)
            place = place + _faded(np.maximum(far - 0.997 * size.leg, 0)) * way / far
    return place


def _off_the_floor(
    joint: str, start: FloatArray, end: FloatArray, pole: FloatArray, upper: float, lower: float
) -> tuple[FloatArray, FloatArray]:
    """`reach`, with a knee or an elbow that does not go through the floor."""
    middle, reached = reach(start, end, pole, upper, lower, FLEXED[joint])
    pole = unit(pole)
    for _ in range(10):
        lack = _faded(np.maximum(FLOOR[joint] - middle[:, 1], 0))
        if not lack.any():
            break
        pole = pole + (3 * lack)[:, None] * np.array([0.0, 1.0, 0.0])
        middle, reached = reach(start, end, pole, upper, lower, FLEXED[joint])
    return middle, reached
