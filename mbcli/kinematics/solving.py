"""Inverse kinematics: from joint positions to the rotations of a rig's joints, and back.

Positions determine the direction of a bone, but not its axial rotation (twist). The rules, in
short:

- Lengths are constant (`mbcli.kinematics.bones`); directions are those of the input.
- The pelvis is rotated to fit both hips and the lower spine best, the thorax to fit both shoulders
  and the spine below it.
- The twist between pelvis and thorax is shared: a third each at the lower back, in the middle of
  the spine, and at the thorax.
- Every other joint starts from its parent's rotation and takes the shortest rotation to the
  direction of its bone: no twist is added.
- Thighs and upper arms are twisted so that the knee and the elbow bend as hinges: the knee
  backwards about its x axis, the elbow forwards about its y axis. The neck is treated alike, with
  the plane of thorax, nose and top of the head. The straighter the limb, the less reliable its
  plane; there, the shortest rotation from the rest pose takes over.
- No such joint twists faster than `FASTEST_TWIST`, so that noise in a nearly straight or
  hyperextended limb does not cause flips.
- Feet turn with toes and heels where these are known (`mbcli.kinematics.feet`); else they keep to
  the shank. Over frames without them, the turn relative to the shank is interpolated.
- Head and hands turn as keypoints of face and knuckles say, where these are known
  (`mbcli.placing.orientation`), and are interpolated likewise. The top of the head is then where
  the head's turn has it. The forearm takes half of the hand's twist, as radius and ulna do.
  Else hands keep to the forearm.
- Ends (toes, tips of hands, top of the head) do not rotate.
- Where the person is absent, rotations are interpolated on the shortest arcs between the frames
  around the gap, and the root on a straight line; before the first and after the last frame with
  the person, the pose is constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from mbcli.errors import InputError, NobodyFoundError
from mbcli.geometry import unit
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.kinematics.feet import feet_of
from mbcli.kinematics.pose import Pose
from mbcli.kinematics.rig import (
    JOINTS,
    PARENTS,
    TRACKED,
    Rig,
    children,
    rig_of,
)
from mbcli.kinematics.rotations import (
    best_fit,
    between,
    from_vectors,
    quaternions,
    swing,
    to_vectors,
    turn_about,
)
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray

# Degrees per second: about three times what walking and dancing need.
FASTEST_TWIST = 1500.0

# Joints whose child is a hinge, and the hinge's axis in the rest pose: positive rotation bends.
_HINGES = {
    "right_hip": (1.0, 0.0, 0.0),
    "left_hip": (1.0, 0.0, 0.0),
    "right_shoulder": (0.0, 1.0, 0.0),
    "left_shoulder": (0.0, -1.0, 0.0),
    "neck": (-1.0, 0.0, 0.0),
}

# The twist from pelvis to thorax that bones of the spine have.
_SHARES = {"lower_back": 1 / 3, "spine": 2 / 3}

# Weight of the rest pose relative to the sine of the bend, for a straight limb, and the sines
# between which it fades out: above 35 degrees only the bend counts.
_REST_COUNTS = 0.3
_FADES = (np.sin(np.radians(15)), np.sin(np.radians(35)))

# Forearms, and the joint of the hand whose twist they share.
_TWISTED = {f"{side}_elbow": f"{side}_wrist" for side in ("right", "left")}

_SHORTEST_AXIS = 1e-6  # a shorter axis has no direction
_SMOOTHING = 0.05  # seconds, standard deviation of the window over which a hinge is found


def solve(
    positions: npt.ArrayLike,
    fps: float,
    skeleton: Skeleton = H36M17,
    turns: Mapping[str, FloatArray] | None = None,
) -> Pose:
    """Compute the rotations of a body from its joint positions.

    Args:
        positions: (T, J, 3) metres in any right-handed axes. Only the joints of H36M17 are used;
            the person is absent from a frame in which none is finite. The rotations lead from the
            rest pose, which is upright along the y axis, to these axes.
        fps: frames per second.
        skeleton: of the J joints.
        turns: (T, 3, 3) how some joints of the rig are turned from the rest pose, in the axes of
            the positions; NaN where unknown.

    Returns:
        One pose for each frame; absent frames are filled as described for the module.

    Raises:
        NobodyFoundError: the person is absent from every frame.
        InputError: a joint is missing in all frames.
    """
    points = np.asarray(positions, dtype=np.float64)
    if points.ndim != 3 or points.shape[1:] != (len(skeleton), 3):
        raise ValueError(f"solve takes positions (T, {len(skeleton)}, 3), got {points.shape}")
    whole = points
    points = points[:, [skeleton.index(joint) for joint in H36M17.joints]]  # (T, 17, 3)
    points = np.asarray(_bridged(points), dtype=np.float64)
    known = np.flatnonzero(np.isfinite(points).all(axis=(-1, -2)))
    lengths = usual_lengths(points[known], H36M17, symmetric=True)
    feet = feet_of(whole[known], skeleton, fps)
    rig = rig_of(lengths, None if feet is None else feet.toes)
    steady = with_lengths(points[known], lengths, H36M17)
    given = {} if feet is None else dict(feet.turns)
    for joint, turn in (turns or {}).items():
        if np.isfinite(turn[known]).any():
            given[joint] = turn[known]
    rotations = _Solver(steady, known, rig, fps, given).rotations()
    frames = np.arange(len(points))
    root = np.stack([np.interp(frames, known, points[known, 0, i]) for i in range(3)], axis=-1)
    if len(known) < len(points):
        rotations = between(frames, known, rotations)
    return Pose(rig, root, rotations)


def _bridged(points: FloatArray) -> FloatArray:
    """(T, 17, 3) with missing joints of a present person interpolated relative to the parent.

    Raises:
        NobodyFoundError: all frames are without the person.
        InputError: a joint is missing in all frames.
    """
    there = np.asarray(np.isfinite(points).all(axis=-1))  # (T, 17)
    points = np.where(there[..., None], points, np.nan)
    present = np.asarray(there.any(axis=-1))
    if not present.any():
        raise NobodyFoundError(
            f"a skeleton needs a frame with the person, got none in {len(points)} frames"
        )
    if lacking := [H36M17.joints[joint] for joint in np.flatnonzero(~there.any(axis=0))]:
        raise InputError(f"a skeleton needs every joint, got no {', '.join(lacking)} in any frame")
    if there[present].all():
        return points
    whole, frames = points.copy(), np.arange(len(points))
    for joint, parent in enumerate(H36M17.parents):  # every parent comes before its children
        gaps = present & ~there[:, joint]
        if not gaps.any():
            continue
        base = np.zeros((len(points), 3)) if parent < 0 else whole[:, parent]
        seen = there[:, joint] & np.isfinite(base).all(axis=-1)
        bone = points[:, joint] - base
        for axis in range(3):
            filled = np.interp(frames[gaps], frames[seen], bone[seen, axis])
            whole[gaps, joint, axis] = base[gaps, axis] + filled
    return whole


class _Solver:
    """Solves the rotations from the pelvis outwards for all frames with the person.

    Args:
        points: (K, 17, 3) with the rig's lengths.
        frames: (K,) numbers of the frames.
        rig: the bones.
        fps: frames per second.
        turns: (K, 3, 3) of some joints in the world, NaN where unknown.
    """

    def __init__(
        self,
        points: FloatArray,
        frames: npt.NDArray[np.intp],
        rig: Rig,
        fps: float,
        turns: Mapping[str, FloatArray],
    ) -> None:
        self._turns = turns
        self._places = dict(zip(TRACKED, np.moveaxis(points, 1, 0), strict=True))
        self._places |= {
            JOINTS.index(joint): self._places[JOINTS.index(stands)]
            for joint, stands in (
                *((name, "pelvis") for name in ("right_pelvis", "left_pelvis", "lower_back")),
                *((name, "thorax") for name in ("neck", "right_collar", "left_collar")),
            )
        }
        self._rig = rig
        self._fps = fps
        self._seconds = frames / fps
        self._global: dict[int, FloatArray] = {}
        self._axes: dict[int, FloatArray] = {}  # hinges' axes, by the joint that is the hinge

    def rotations(self) -> FloatArray:
        """(K, J, 3, 3) rotation of each joint relative to its parent."""
        local = np.empty((len(self._seconds), len(JOINTS), 3, 3))
        for joint, (name, parent) in enumerate(zip(JOINTS, PARENTS, strict=True)):
            if name == "pelvis":
                local[:, joint] = self._fit(joint, ("right_hip", "left_hip", "spine"))
                self._global[joint] = local[:, joint]
                continue
            inherited = np.swapaxes(self._global[parent], -1, -2)
            hanging = children(joint)
            if name == "thorax":
                local[:, joint] = inherited @ self._thorax
            elif name in _SHARES:
                local[:, joint] = inherited @ self._shared(joint, hanging[0], _SHARES[name])
            elif not hanging:
                local[:, joint] = np.eye(3)
            elif name in self._turns:
                local[:, joint] = self._bridged(inherited @ self._turns[name])
            elif hanging[0] not in self._places:
                local[:, joint] = np.eye(3)  # ankle or wrist: nothing beyond is known
            else:
                local[:, joint] = self._along(joint, hanging[0], inherited)
                if name in _TWISTED and (hand := _TWISTED[name]) in self._turns:
                    local[:, joint] = self._twisted(local[:, joint], inherited, self._turns[hand])
            self._global[joint] = self._global[parent] @ local[:, joint]
        return local

    @cached_property
    def _thorax(self) -> FloatArray:
        """(K, 3, 3) rotation of the thorax in the world."""
        return self._fit(JOINTS.index("thorax"), ("right_shoulder", "left_shoulder", "spine"))

    def _shared(self, joint: int, child: int, share: float) -> FloatArray:
        """(K, 3, 3) in the world: a bone of the spine with a share of the twist."""
        pelvis = self._global[JOINTS.index("pelvis")]
        whole = to_vectors(np.swapaxes(pelvis, -1, -2) @ self._thorax)
        partly = pelvis @ from_vectors(share * whole)
        now = partly @ unit(self._rig.offsets[child])
        return swing(now, unit(self._places[child] - self._places[joint])) @ partly

    def _bridged(self, turns: FloatArray) -> FloatArray:
        """(K, 3, 3) rotations, those that are NaN interpolated."""
        known = np.isfinite(turns).all(axis=(-1, -2))
        times = self._seconds
        return between(times, times[known], turns[known][:, None])[:, 0]

    def _twisted(self, local: FloatArray, inherited: FloatArray, hand: FloatArray) -> FloatArray:
        """(K, 3, 3) of a forearm, twisted about its length by half of the hand's twist."""
        beyond = self._bridged(np.swapaxes(local, -1, -2) @ inherited @ hand)
        x, _, _, w = np.moveaxis(quaternions(beyond), -1, 0)
        half = np.arctan2(x, w)  # half of the angle about x, along which arms lie at rest
        half = np.remainder(half + np.pi / 2, np.pi) - np.pi / 2
        return local @ from_vectors(half[:, None] * [1.0, 0.0, 0.0])

    def _fit(self, joint: int, names: tuple[str, ...]) -> FloatArray:
        """(K, 3, 3) in the world: the rotation that best fits the vectors to several joints."""
        others = [JOINTS.index(name) for name in names]
        rest = self._rig.rest[others] - self._rig.rest[joint]
        found = np.stack([self._places[other] - self._places[joint] for other in others], axis=1)
        return best_fit(rest, found)

    def _along(self, joint: int, child: int, inherited: FloatArray) -> FloatArray:
        """(K, 3, 3) relative to the parent: rotates the joint's bone to its direction."""
        rest = unit(self._rig.offsets[child])
        found = self._seen(joint, child, inherited)
        if JOINTS[joint] in _HINGES:
            return self._with_hinge(joint, child, found, inherited)
        if joint in self._axes:
            bent = turn_about(self._axes[joint], rest, found)
            return swing(bent @ rest, found) @ bent
        return swing(rest, found)

    def _seen(self, joint: int, child: int, inherited: FloatArray) -> FloatArray:
        """(K, 3) direction of a bone in the axes of a joint's parent."""
        along = unit(self._places[child] - self._places[joint])
        return (inherited @ along[..., None])[..., 0]

    def _with_hinge(
        self, joint: int, child: int, found: FloatArray, inherited: FloatArray
    ) -> FloatArray:
        """Like `_along`, for a bone that ends at a hinge: twisted so that the hinge fits."""
        axis = np.array(_HINGES[JOINTS[joint]])
        hinge = children(child)[0]
        self._axes[child] = axis
        rest = unit(self._rig.offsets[child])
        shortest = swing(rest, found)
        normal = np.cross(found, self._seen(child, hinge, inherited))  # length: sine of the bend
        sine = np.linalg.norm(normal, axis=-1, keepdims=True)
        low, high = _FADES
        fading = np.clip((high - sine) / (high - low), 0, 1)
        # Near the direction opposite to the rest pose, where the shortest rotation flips.
        trusted = (1 + found @ rest)[..., None] / 2
        wanted = self._smooth(normal + _REST_COUNTS * fading * trusted * (shortest @ axis))
        steady = self._steady(found, shortest @ axis, wanted)
        # From the rest pose's frame (bone, axis, cross product) to the frame found.
        across = np.cross(rest, axis)
        here = np.stack([found, steady, np.cross(found, steady)], axis=-1)  # (K, 3, 3)
        return here @ np.stack([rest, axis, across])

    def _smooth(self, vectors: FloatArray) -> FloatArray:
        """(K, 3) means over a Gaussian window of frames; averaging across a gap is harmless."""
        return gaussian_filter1d(vectors, _SMOOTHING * self._fps, axis=0, mode="nearest")

    def _steady(self, bone: FloatArray, first: FloatArray, wanted: FloatArray) -> FloatArray:
        """(K, 3) axes perpendicular to the bone, close to the wanted ones, and without jumps."""
        # An axis that the bone carries along without twist.
        carried = np.empty_like(bone)
        carried[0] = first[0]
        for frame, step in enumerate(swing(bone[:-1], bone[1:]), start=1):
            carried[frame] = step @ carried[frame - 1]
        carried = unit(carried - (carried * bone).sum(axis=-1, keepdims=True) * bone)
        across = np.cross(bone, carried)
        east, north = (wanted * carried).sum(axis=-1), (wanted * across).sum(axis=-1)
        clear = (np.hypot(east, north) > _SHORTEST_AXIS).tolist()
        angles = np.arctan2(north, east).tolist()
        turns = (np.radians(FASTEST_TWIST) * np.diff(self._seconds, prepend=0)).tolist()
        angle = angles[0] if clear[0] else 0.0
        for frame, largest in enumerate(turns):
            missing = math.remainder(angles[frame] - angle, 2 * math.pi) if clear[frame] else 0.0
            angle += missing if frame == 0 else min(max(missing, -largest), largest)
            angles[frame] = angle
        turned = np.array(angles)[:, None]
        return np.cos(turned) * carried + np.sin(turned) * across
