"""Foot contacts: when feet stand on the floor, and removing their sliding."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter

from mbcli.geometry import unit
from mbcli.placing.smoothing import smooth
from mbcli.refinement.floor import ANKLE_HEIGHT, body_height
from mbcli.refinement.joints import StandingJoints, standing_joints
from mbcli.refinement.legs import reach
from mbcli.refinement.planted import plant
from mbcli.skeleton import H36M17, Skeleton
from mbcli.timeline import runs
from mbcli.types import BoolArray, FloatArray

# A contact begins below the first value and lasts until the second is exceeded. In walking, the
# ankle of a flat foot is still, and then rises with the heel. Of the ankles of 17 walking people
# (104 CMU recordings, `research.thresholds`) 43 in 100 are slower than 0.45 m/s, and from 0.75 on
# all speeds are about equally rare; heights between standing and swinging are rarest at 0.1 m.
_SPEED = (0.45, 0.75)  # metres per second
_LIFT = (0.08, 0.13)  # metres above the person's lowest ankle around that time
# A single camera sees movement across the line of sight; along it there is mostly noise: 1.5 % of a
# distance of 5 m within 0.2 s is 0.4 m/s, as much as the limit.
_ALONG = 0.4
_TREMBLE = 0.05  # seconds, the smoothing before speeds are computed: a twelfth of a stance
_AROUND = 1.0  # seconds before and after to search for the lowest ankle: a stride each
# Percentile of the lower ankle that counts as standing: people stand most of the time, and one
# frame in five may be wrong.
_LOWEST = 20
_SHORTEST = 0.1  # seconds, the contact of a sprinter's foot
# An ankle with less confidence is mostly off by more than 6 % of the height (`research.noise`).
_UNSEEN = 0.3

_CARRY = 0.08  # seconds, smoothing of the root's shift: between a frame and a double stance of 0.1
_SWUNG = 0.15  # weight of a foot in the air for the root's shift: just enough to bridge a jump
# Of moving the root until legs are long enough. In noisy walking, feet that slid by 11 mm per frame
# slide by 0.4 to 1.4 after none, 0.1 to 0.2 after 10, 0.02 to 0.05 after 20.
_ROUNDS = 20
# Metres from the floor: nearer feet are put on it, farther ones stay. The floor is found to within
# some 0.1 m; a stair is 0.17.
_SNAP = (0.10, 0.20)


def foot_contacts(
    in_camera: FloatArray,
    world_from_camera: FloatArray,
    fps: float,
    *,
    confidence: FloatArray | None = None,
    skeleton: Skeleton = H36M17,
) -> BoolArray:
    """When each foot stands: low for the person at that time, and slow, with hysteresis.

    Height is measured from the person's own lowest ankle within a second, so that stairs, a roof
    or a slightly tilted world do no harm; limits scale with the body. Movement along the line of
    sight counts less than half, because a single camera measures it badly.

    Args:
        in_camera: (T, P, J, 3) metres in the camera's frame, NaN where absent.
        world_from_camera: (4, 4) into a world whose y points down.
        fps: frames per second.
        confidence: (T, P, J) 0..1; an ankle below 0.3 does not stand. None trusts all joints.
        skeleton: skeleton of the J joints.

    Returns:
        (T, P, 2) bool, right and left.
    """
    contacts = np.zeros((*in_camera.shape[:2], 2), dtype=np.bool_)
    at = standing_joints(skeleton)
    for person in range(in_camera.shape[1]):
        body = np.asarray(in_camera[:, person], dtype=np.float64)
        seen = np.asarray(np.isfinite(body).all(axis=(-1, -2)))
        if not seen.any():
            continue
        body[~seen] = np.nan
        size = body_height(body, skeleton) / 1.70
        ankles = np.stack([_steady(body[:, joint], fps) for joint in at.ankles], axis=1)
        lift = _lift(ankles @ world_from_camera[1, :3], seen, fps)
        speed = _speed(ankles, seen, fps)
        for foot, joint in enumerate(at.ankles):
            known = seen & np.isfinite(lift[:, foot])
            if confidence is not None:
                known &= confidence[:, person, joint] >= _UNSEEN
            begins, goes_on = (
                known & (lift[:, foot] < _LIFT[k] * size) & (speed[:, foot] < _SPEED[k] * size)
                for k in (0, 1)
            )
            for start, stop in runs(goes_on):
                if begins[start:stop].any() and stop - start >= max(2, _SHORTEST * fps):
                    contacts[start:stop, person, foot] = True
    return contacts


def without_sliding(
    in_camera: FloatArray,
    contacts: BoolArray,
    world_from_camera: FloatArray,
    fps: float,
    *,
    skeleton: Skeleton = H36M17,
) -> FloatArray:
    """Keep every standing foot in place; each frame keeps its bone lengths.

    The positions and a smooth shift of the whole body are solved together (:func:`plant`).
    Positions within 0.1 m of the floor are moved onto it (fading out to 0.2 m). Hip and knee
    take up what the shift leaves over; between two contacts the correction is interpolated.
    Toes and heels, if the skeleton has them, follow their ankle. A foot beyond the reach of its
    leg still slides a little.

    Args:
        in_camera: (T, P, J, 3) metres in the camera's frame, NaN where absent.
        contacts: (T, P, 2), right and left, from :func:`foot_contacts`.
        world_from_camera: (4, 4) into a world whose y points down and whose floor is y = 0.
        fps: frames per second.
        skeleton: skeleton of the J joints.

    Returns:
        (T, P, J, 3) float32 in the camera's frame; the pelvis is the new root.
    """
    result = np.array(in_camera, dtype=np.float32)
    for person in range(in_camera.shape[1]):
        body = np.asarray(in_camera[:, person], dtype=np.float64)
        seen = np.asarray(np.isfinite(body).all(axis=(-1, -2)))
        for start, stop in runs(seen):
            standing = contacts[start:stop, person]
            if standing.any():
                held = _held(body[start:stop], standing, world_from_camera, fps, skeleton)
                result[start:stop, person] = held
    return result


def _steady(places: FloatArray, fps: float) -> FloatArray:
    """(T, 3) without jitter."""
    return np.stack([smooth(places[:, k], max(_TREMBLE * fps, 0.5)) for k in range(3)], axis=-1)


def _lift(down: FloatArray, seen: BoolArray, fps: float) -> FloatArray:
    """(T, 2) height of the ankles, (T, 2) downwards, above the lowest around that time."""
    there = np.flatnonzero(seen)
    lower = -down[there].max(axis=1)  # upwards
    width = 2 * max(1, round(_AROUND * fps)) + 1
    ground = percentile_filter(lower, _LOWEST, size=min(width, 2 * len(lower) + 1), mode="nearest")
    lift = np.full(down.shape, np.nan)
    lift[there] = -down[there] - ground[:, None]
    return lift


def _speed(ankles: FloatArray, seen: BoolArray, fps: float) -> FloatArray:
    """Map (T, 2, 3) in the camera's frame to (T, 2) metres per second; 0 for a lone frame."""
    speed = np.zeros(ankles.shape[:2])
    for start, stop in runs(seen):
        if stop - start < 2:
            continue
        places = ankles[start:stop]
        sight = unit(places)
        velocity = np.gradient(places, axis=0) * fps
        along = (velocity * sight).sum(axis=-1, keepdims=True) * sight
        speed[start:stop] = np.linalg.norm(velocity - (1 - _ALONG) * along, axis=-1)
    return speed


def _held(
    body: FloatArray,
    standing: BoolArray,
    world_from_camera: FloatArray,
    fps: float,
    skeleton: Skeleton,
) -> FloatArray:
    """One person without gaps, (N, J, 3) in the camera's frame, with feet kept in place."""
    stretch = np.full(standing.shape, -1, dtype=np.intp)
    count = 0
    for foot in range(standing.shape[1]):
        for start, stop in runs(standing[:, foot]):
            stretch[start:stop, foot] = count
            count += 1
    at = standing_joints(skeleton)
    ankles = body[:, at.ankles]
    planted = plant(ankles, stretch, body[:, at.pelvis], fps)
    ankle_height = ANKLE_HEIGHT * body_height(body, skeleton)
    places = _on_floor(planted.places, ankle_height, world_from_camera)
    carried = planted.shift
    left_over = np.where(standing[..., None], places[stretch] - ankles - carried[:, None], 0.0)
    for foot in range(standing.shape[1]):
        _bridge(left_over[:, foot], standing[:, foot])
    targets = ankles + carried[:, None] + left_over

    # A foot in the air pulls a little; one that never stands does not.
    pull = np.where(standing, 1.0, _SWUNG) * standing.any(axis=0)
    shared = (left_over * pull[..., None]).sum(axis=1) / pull.sum(axis=1)[:, None]
    carried = carried + _blurred(shared, fps)
    for _ in range(_ROUNDS):
        carried = carried + _blurred(_lacking(body, carried, targets, standing, at), fps)
    moved = body + carried[:, None]
    forward = _forward(body, at)
    for foot, (hip, knee, ankle) in enumerate(at.legs):
        if not standing[:, foot].any():
            continue
        moved[:, knee], moved[:, ankle] = reach(
            moved[:, hip],
            body[:, knee] - body[:, hip],
            body[:, ankle] - body[:, hip],
            targets[:, foot],
            forward,
        )
        # The foot keeps its shape and its direction.
        beyond = list(at.feet[foot])
        moved[:, beyond] = body[:, beyond] + (moved[:, ankle] - body[:, ankle])[:, None]
    return moved


def _on_floor(places: FloatArray, ankle_height: float, world_from_camera: FloatArray) -> FloatArray:
    """Ankles (K, 3) in the camera's frame, moved onto the floor if near it."""
    down = world_from_camera[1, :3]
    lower = -ankle_height - (places @ down + world_from_camera[1, 3])
    near, far = _SNAP
    lower = lower * np.clip((far - np.abs(lower)) / (far - near), 0.0, 1.0)
    return places + lower[:, None] * down


def _bridge(values: FloatArray, known: BoolArray) -> None:
    """Fill unknown rows of (N, 3): eased between known ones, held before and after them."""
    last: int | None = None
    for start, stop in runs(known):
        if last is None:
            values[:start] = values[start]
        else:
            way = np.linspace(0, 1, start - last + 1)[1:-1, None]
            ease = way**2 * (3 - 2 * way)
            values[last + 1 : start] = (1 - ease) * values[last] + ease * values[start]
        last = stop - 1
    if last is not None:
        values[last + 1 :] = values[last]


def _blurred(shift: FloatArray, fps: float) -> FloatArray:
    return gaussian_filter1d(shift, _CARRY * fps, axis=0, mode="nearest")


def _lacking(
    body: FloatArray,
    carried: FloatArray,
    targets: FloatArray,
    standing: BoolArray,
    at: StandingJoints,
) -> FloatArray:
    """The shift (N, 3) still needed for legs to reach their standing feet."""
    lack = np.zeros_like(carried)
    for foot, (hip, knee, ankle) in enumerate(at.legs):
        longest = np.linalg.norm(body[:, knee] - body[:, hip], axis=-1)
        longest = longest + np.linalg.norm(body[:, ankle] - body[:, knee], axis=-1)
        stretch = targets[:, foot] - body[:, hip] - carried
        length = np.linalg.norm(stretch, axis=-1)
        excess = np.where(standing[:, foot], np.maximum(length - longest, 0.0), 0.0)
        lack += (excess / np.maximum(length, 1e-9))[:, None] * stretch
    return lack


def _forward(body: FloatArray, at: StandingJoints) -> FloatArray:
    """(N, 3) unit vectors of the facing direction: leftwards across the hips times upwards."""
    left = body[:, at.legs[1][0]] - body[:, at.legs[0][0]]
    up = body[:, at.thorax] - body[:, at.pelvis]
    forward = np.cross(left, up)
    length = np.linalg.norm(forward, axis=-1, keepdims=True)
    return forward / np.maximum(length, 1e-9)
