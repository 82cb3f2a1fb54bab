"""Removing the sliding of standing feet while knees bend as they did."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mbcli.geometry import unit
from mbcli.kinematics.legs import Legs, bent, reach
from mbcli.kinematics.rotations import from_vectors, swing, to_vectors
from mbcli.placing.low_pass import low_pass
from mbcli.refinement.floor import ANKLE_HEIGHT, body_height
from mbcli.refinement.joints import StandingJoints, standing_joints
from mbcli.refinement.planted import Levels, Planted, nearer, plant
from mbcli.skeleton import H36M17, Skeleton
from mbcli.timeline import runs
from mbcli.types import BoolArray, FloatArray, IntArray

# Hz. Knees in gait have no movement of their own above it (Winter, "Biomechanics and Motor Control
# of Human Movement", section 3.4.3). A knee further than this from its own curve below it trembles.
_CUTOFF = 6.0
_TREMBLE = np.radians(1.5)
# A knee that would have to differ by more cannot belong to a standing foot: its heel has risen.
# Together with the trembling it is under the 5 degrees that gait analysis calls an error.
_OTHERWISE = np.radians(3.0)
_TRIES = 4  # of leaving out such frames
_SHORTEST = 2  # frames of what is left of a contact
# Metres from the floor: nearer feet are put on it, farther ones stay. The floor is found to within
# some 0.1 m; a stair is 0.17.
_SNAP = (0.10, 0.20)
# Seconds in which a leg that leaves the floor, or comes to it, has its own speed again: a third of
# a swing.
_LEAVE = 0.15


@dataclass(frozen=True, eq=False)
class Held:
    """A motion whose standing feet keep their place.

    Attributes:
        in_camera: (T, P, J, 3) float32 metres in the camera's frame; the pelvis is the new root.
        contacts: (T, P, 2) bool, right and left: the frames whose feet are held.
    """

    in_camera: FloatArray
    contacts: BoolArray


def without_sliding(
    in_camera: FloatArray,
    contacts: BoolArray,
    world_from_camera: FloatArray,
    fps: float,
    *,
    skeleton: Skeleton = H36M17,
) -> Held:
    """Keep every standing foot in place; each frame keeps its bone lengths, and knees their bend.

    The positions and a smooth shift of the whole body are solved together (:func:`plant`), such
    that knees bend as before, but for trembling above 6 Hz. Positions within 0.1 m of the floor
    are moved onto it (fading out to 0.2 m). Legs turn at the hip to meet their foot, and turn back
    by and by in the air. Toes and heels, if the skeleton has them, follow their ankle. A foot whose
    knee would have to bend or stretch by more than 3 degrees is not held in those frames.

    Args:
        in_camera: (T, P, J, 3) metres in the camera's frame, NaN where absent.
        contacts: (T, P, 2), right and left, from `foot_contacts`.
        world_from_camera: (4, 4) into a world whose y points down and whose floor is y = 0.
        fps: frames per second.
        skeleton: skeleton of the J joints.
    """
    result = np.array(in_camera, dtype=np.float32)
    kept = contacts.copy()
    for person in range(in_camera.shape[1]):
        body = np.asarray(in_camera[:, person], dtype=np.float64)
        seen = standing_joints(skeleton).seen(body)
        for start, stop in runs(seen):
            standing = contacts[start:stop, person]
            if standing.any():
                held = _held(body[start:stop], standing, world_from_camera, fps, skeleton)
                result[start:stop, person], kept[start:stop, person] = held
    return Held(result, kept)


def _held(
    body: FloatArray,
    contacts: BoolArray,
    world_from_camera: FloatArray,
    fps: float,
    skeleton: Skeleton,
) -> tuple[FloatArray, BoolArray]:
    """One person without gaps, (N, J, 3) in the camera's frame, and the (N, 2) feet held."""
    at = standing_joints(skeleton)
    legs = _legs(body, fps, at)
    root = body[:, at.pelvis]
    stretch = _numbered(contacts)
    places = plant(legs, stretch, root, fps).places
    ankle_height = ANKLE_HEIGHT * body_height(body, skeleton)
    down = world_from_camera[1, :3]
    depth = _on_floor(places, ankle_height, world_from_camera) @ down
    body = body + nearer(places, down, float(np.mean((depth - places @ down)[stretch[contacts]])))
    legs, root = _legs(body, fps, at), body[:, at.pelvis]
    for tries in range(_TRIES, -1, -1):
        planted = plant(legs, stretch, root, fps, Levels(down, depth))
        fits = _fits(legs, planted, stretch)
        standing = (stretch >= 0) & fits
        if not tries or fits[stretch >= 0].all():
            break
        for foot, start, stop in _stretches(standing):
            standing[start:stop, foot] &= stop - start >= _SHORTEST
        if not standing.any():
            return body, standing
        left, number = np.unique(stretch[standing], return_inverse=True)
        stretch, depth = np.full_like(stretch, -1), depth[left]
        stretch[standing] = number
    return _posed(body, legs, planted, np.where(standing, stretch, -1), fps, at), standing


def _legs(body: FloatArray, fps: float, at: StandingJoints) -> Legs:
    """Both legs; knees tremble by 1.5 degrees at most."""
    hip, knee, ankle = (body[:, [leg[k] for leg in at.legs]] for k in range(3))
    angles = np.repeat(bent(hip, knee, ankle)[..., None], 3, axis=-1)
    steady = low_pass(angles, np.arange(len(body)) / fps, _CUTOFF)
    wanted = steady + np.clip(angles - steady, -_TREMBLE, _TREMBLE)
    return Legs(hip, knee, ankle, np.clip(wanted[..., 0], 0.0, np.pi))


def _stretches(standing: BoolArray) -> list[tuple[int, int, int]]:
    """The foot, the first frame and the frame after the last of each run of (N, 2)."""
    return [(foot, *run) for foot in range(standing.shape[1]) for run in runs(standing[:, foot])]


def _numbered(contacts: BoolArray) -> IntArray:
    """(N, 2) the number of each contact from 0, -1 in the air."""
    stretch = np.full(contacts.shape, -1, dtype=np.intp)
    for number, (foot, start, stop) in enumerate(_stretches(contacts)):
        stretch[start:stop, foot] = number
    return stretch


def _on_floor(places: FloatArray, ankle_height: float, world_from_camera: FloatArray) -> FloatArray:
    """Ankles (K, 3) in the camera's frame, moved onto the floor if near it."""
    down = world_from_camera[1, :3]
    lower = -ankle_height - (places @ down + world_from_camera[1, 3])
    near, far = _SNAP
    lower = lower * np.clip((far - np.abs(lower)) / (far - near), 0.0, 1.0)
    return places + lower[:, None] * down


def _fits(legs: Legs, planted: Planted, stretch: IntArray) -> BoolArray:
    """(N, 2) whether a knee bends nearly as wanted if its foot stands; any value in the air."""
    away = planted.places[stretch] - planted.shift[:, None] - legs.hip
    length = np.linalg.norm(away, axis=-1)
    off = np.abs(legs.flexion_at(length) - legs.flexion)
    return (off < _OTHERWISE) & (length < legs.thigh + legs.shank)


def _posed(
    body: FloatArray,
    legs: Legs,
    planted: Planted,
    stretch: IntArray,
    fps: float,
    at: StandingJoints,
) -> FloatArray:
    """The body (N, J, 3) at its new place, its legs turned to where their feet stand."""
    moved = body + planted.shift[:, None]
    hips = legs.hip + planted.shift[:, None]
    before = unit(legs.ankle - legs.hip)
    standing = stretch >= 0
    leg = np.where(standing[..., None], planted.places[stretch] - hips, legs.ankle - legs.hip)
    turn = to_vectors(swing(before, unit(leg)))
    bend = legs.flexion_at(np.linalg.norm(leg, axis=-1)) - legs.flexion
    forward = _forward(body, at)
    for foot, (hip, knee, ankle) in enumerate(at.legs):
        if not standing[:, foot].any():
            continue
        _bridge(turn[:, foot], standing[:, foot], _LEAVE * fps)
        _bridge(bend[:, foot, None], standing[:, foot], 0.0)
        direction = (from_vectors(turn[:, foot]) @ before[:, foot, :, None])[..., 0]
        length = legs.length_at(np.clip(legs.flexion + bend, 0.0, np.pi))[:, foot, None]
        swung = hips[:, foot] + length * direction
        target = np.where(standing[:, foot, None], planted.places[stretch[:, foot]], swung)
        moved[:, knee], moved[:, ankle] = reach(
            moved[:, hip],
            body[:, knee] - body[:, hip],
            body[:, ankle] - body[:, hip],
            target,
            forward,
        )
        # The foot keeps its shape and its direction.
        beyond = list(at.feet[foot])
        moved[:, beyond] = body[:, beyond] + (moved[:, ankle] - body[:, ankle])[:, None]
    return moved


def _bridge(values: FloatArray, known: BoolArray, carry: float) -> None:
    """Fill unknown rows of (N, D): eased between known ones, held before and after them.

    Args:
        values: changed in place.
        known: (N,) which rows are known.
        carry: frames within which the speed of what is known dies away, so that nothing has a
            corner there.
    """
    stretches = [(0, 0), *runs(known), (len(values), len(values))]
    for (begin, last), (first, end) in pairwise(stretches):
        one = values[last - 1] if last else values[first]
        other = values[first] if first < len(values) else one
        room = first - last + 1
        gone = np.arange(1, room)
        way = (gone / room)[:, None]
        ease = way**2 * (3 - 2 * way)
        filled = (1 - ease) * one + ease * other
        if last - begin > 1:
            speed = values[last - 1] - values[last - 2]
            filled = filled + _slowing(gone, min(carry, room)) * speed
        if end - first > 1:
            speed = values[first + 1] - values[first]
            filled = filled - _slowing(gone[::-1], min(carry, room)) * speed
        values[last:first] = filled


def _slowing(gone: IntArray, carry: float) -> FloatArray:
    """(N, 1) the way gone after (N,) frames in frames of full speed; it dies away in ``carry``."""
    left = np.clip(1 - gone / max(carry, 1e-9), 0.0, 1.0)
    return np.asarray(gone * left**2)[:, None]


def _forward(body: FloatArray, at: StandingJoints) -> FloatArray:
    """(N, 3) unit vectors of the facing direction: leftwards across the hips times upwards."""
    left = body[:, at.legs[1][0]] - body[:, at.legs[0][0]]
    up = body[:, at.thorax] - body[:, at.pelvis]
    return unit(np.cross(left, up))
