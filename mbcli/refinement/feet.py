"""Foot contacts: when feet stand on the floor."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import percentile_filter

from mbcli.geometry import unit
from mbcli.placing.smoothing import smooth
from mbcli.refinement.floor import body_height
from mbcli.refinement.joints import standing_joints
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
    for who in range(in_camera.shape[1]):
        sure = None if confidence is None else confidence[:, who]
        contacts[:, who] = contacts_of(
            in_camera[:, who], world_from_camera, fps, confidence=sure, skeleton=skeleton
        )
    return contacts


def contacts_of(
    in_camera: FloatArray,
    world_from_camera: FloatArray,
    fps: float,
    *,
    confidence: FloatArray | None = None,
    skeleton: Skeleton = H36M17,
) -> BoolArray:
    """(t, 2) when the feet of one person (t, J, 3) stand; see `foot_contacts`."""
    contacts = np.zeros((len(in_camera), 2), dtype=np.bool_)
    at = standing_joints(skeleton)
    body = np.array(in_camera, dtype=np.float64)
    seen = at.seen(body)
    if not seen.any():
        return contacts
    body[~seen] = np.nan
    size = body_height(body, skeleton) / 1.70
    ankles = np.stack([steady(body[:, joint], fps) for joint in at.ankles], axis=1)
    lift = lifted(ankles @ world_from_camera[1, :3], seen, fps)
    speed = _speed(ankles, seen, fps)
    for foot, joint in enumerate(at.ankles):
        known = seen & np.isfinite(lift[:, foot])
        if confidence is not None:
            known &= confidence[:, joint] >= _UNSEEN
        begins, goes_on = (
            known & (lift[:, foot] < _LIFT[k] * size) & (speed[:, foot] < _SPEED[k] * size)
            for k in (0, 1)
        )
        for start, stop in runs(goes_on):
            if begins[start:stop].any() and stop - start >= max(2, _SHORTEST * fps):
                contacts[start:stop, foot] = True
    return contacts


def steady(places: FloatArray, fps: float) -> FloatArray:
    """(T, 3) without jitter, NaN where they are."""
    return np.stack([smooth(places[:, k], max(_TREMBLE * fps, 0.5)) for k in range(3)], axis=-1)


def lifted(down: FloatArray, seen: BoolArray, fps: float) -> FloatArray:
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
