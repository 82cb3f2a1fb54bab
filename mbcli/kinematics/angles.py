"""Joint angles from joint positions, following the conventions of the ISB.

Segments have axes as recommended by the ISB (Wu et al. 2002, J. Biomech. 35, 543; Wu et al. 2005,
J. Biomech. 38, 981): x forward, y up along the segment, z to the person's right.

    pelvis     z from the left to the right hip, y towards the spine joint, perpendicular to z
    trunk      y from the spine joint to the thorax, z from the left to the right shoulder,
               perpendicular to y
    thigh      y from the knee to the hip; z perpendicular to the plane of the bent leg
    upper arm  y from the elbow to the shoulder; z perpendicular to the plane of the bent arm
    foot       x from the heel to the middle between big and small toe

The joint coordinate systems are those of Grood and Suntay (1983, J. Biomech. Eng. 105, 136): first
about z of the proximal segment (flexion), then about the floating x axis (adduction and abduction,
bending), last about y of the distal segment (axial rotation). OpenSim's models use the body-fixed
sequence z-x-y, too; angles have OpenSim's names wherever the meaning is identical. Signs are those
of the full-body model of Rajagopal et al. (2016), where a bent knee is positive. In older models
such as gait2392 it is negative.

Joint positions do not determine the axial rotation of a segment, which limits the angles:

    - The pelvis is defined by three points, the third being the spine joint: its tilt, and thus
      the hip angle, is relative to the lower trunk, not to the iliac spines. An offset of 10 to 20
      degrees from a gait laboratory's hip flexion is a matter of definition.
    - Hip and arm rotation are derived from the plane of the bent knee or elbow, and are NaN while
      it is bent by less than 30 degrees, where an error of the ankle acts on a lever of only half
      the shank's length.
    - Knee and elbow angles are angles between two bones. They cannot be negative: hyperextension
      appears as flexion, and valgus or a carrying angle are included.
    - Ankle flexion is the angle between the foot's x and the shank, less 90 degrees: 0 for a foot
      at right angles, positive in dorsiflexion. The ISB and OpenSim turn about an axis of the
      ankle, which differs where the foot is also turned in or out. Heel and toes are points on the
      skin: a few degrees' offset from a laboratory's neutral pose is a matter of definition.
    - Foot progression is the angle on the ground between the foot's x and the direction of walking,
      positive inwards, as internal rotation is. That direction is the way of the pelvis within a
      second; below 0.3 m/s there is none.
    - Not available: the ankle where the skeleton has no toes and heels, its inversion, forearm
      pronation and the wrist (no hand), axial rotation of the shank, the scapula, rotation of the
      head.

Where a pair of angles is singular (a limb along its flexion axis) it is NaN, within 10 degrees of
that pose. For a mirrored person left and right exchange values, and sideways angles of trunk and
pelvis change sign.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mbcli.geometry import unit
from mbcli.kinematics.angle_table import ANGLES, PELVIS, Angle, angle_names
from mbcli.kinematics.foot_angles import (
    SINGULAR,
    ankle_flexion,
    foot_progression,
    walking_direction,
)
from mbcli.motion import Motion3D
from mbcli.skeleton import FOOT, H36M17, Skeleton
from mbcli.spans import PerPerson
from mbcli.types import FloatArray, frozen_array

__all__ = [
    "ANGLES",
    "LEVEL",
    "Angle",
    "JointAngles",
    "angle_confidence",
    "angle_names",
    "joint_angles",
    "motion_angles",
    "opensim_pelvis",
    "without_jumps",
]

# Rotation is derived from the plane of a limb that is bent by 30 to 150 degrees.
_BENT = 0.5
# Lower limit of the angles of a limb: positions behind and above count as raised forwards.
_LOWEST = -90.0

# The results of `_limb`, in order.
_LEG = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle")
_ARM = ("arm_flex", "arm_add", "arm_rot", "elbow_flex")

# Camera axes (x right, y down, z away) to a level ground: x right, y up, z towards the camera.
LEVEL = frozen_array(np.diag([1.0, -1.0, -1.0]))


@dataclass(frozen=True, eq=False)
class JointAngles:
    """Angles of one or more bodies.

    Attributes:
        names: keys of ``ANGLES``, which defines them.
        degrees: (..., N) float64, NaN where an angle is undefined or a joint is missing.
    """

    names: tuple[str, ...]
    degrees: FloatArray

    def of(self, name: str) -> FloatArray:
        """(...) degrees of one angle."""
        return self.degrees[..., self.names.index(name)]


def joint_angles(
    positions: npt.ArrayLike,
    ground: npt.ArrayLike | None = None,
    skeleton: Skeleton = H36M17,
    ahead: npt.ArrayLike | None = None,
) -> JointAngles:
    """Compute the angles of bodies; see the module's docstring for their conventions.

    The result does not depend on the position or orientation of a body, except for angles relative
    to the ground.

    Args:
        positions: (..., J, 3) in any unit and any right-handed axes (such as the camera's); NaN
            where missing.
        ground: (3, 3) rotation from these axes to axes whose y points up against gravity, such as
            ``LEVEL``; None omits the tilt and heading of the pelvis and the trunk.
        skeleton: of the J joints.
        ahead: (..., 3) the direction in which each body walks, in the axes of ``positions``, NaN
            where it does not walk; None, or no ``ground``, omits foot progression.

    Returns:
        All angles of ``ANGLES`` that can be computed. Flexion of hip and arm is within -90..270,
        knee, elbow and elevation within 0..180, the ankle within -90..90, all others within
        -180..180.
    """
    points = np.asarray(positions, dtype=np.float64)
    if points.ndim < 2 or points.shape[-2:] != (len(skeleton), 3):
        raise ValueError(f"positions must have shape (..., {len(skeleton)}, 3), got {points.shape}")
    at = {name: points[..., number, :] for number, name in enumerate(skeleton.joints)}
    pelvis = _pelvis_axes(points, skeleton)
    trunk = _axes(at["thorax"] - at["spine"], at["right_shoulder"] - at["left_shoulder"])
    possible = angle_names(skeleton)
    found: dict[str, FloatArray] = {}
    for side, sign in (("right", 1.0), ("left", -1.0)):
        end = f"_{side[0]}"
        hip, knee, ankle = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        shoulder, elbow, wrist = (at[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
        # Knees bend backward and elbows forward.
        leg = _limb(pelvis, hip - knee, knee - ankle, sign, bends=-1.0)
        arm = _limb(trunk, shoulder - elbow, elbow - wrist, sign, bends=1.0)
        found |= {name + end: value for name, value in zip(_LEG, leg, strict=True)}
        found |= {name + end: value for name, value in zip(_ARM, arm, strict=True)}
        found |= _elevation(trunk, elbow - shoulder, sign, end)
        if f"ankle_angle{end}" in possible:
            big, small, heel = (at[f"{side}_{part}"] for part in FOOT)
            sole = (big + small) / 2 - heel
            found[f"ankle_angle{end}"] = ankle_flexion(sole, knee - ankle)
            if ground is not None and ahead is not None:
                level = np.asarray(ground, dtype=np.float64).T
                found[f"foot_progression{end}"] = foot_progression(
                    sole @ level, np.asarray(ahead, dtype=np.float64) @ level, sign
                )
    turned = _within(pelvis, trunk)
    first, second, third = _z_x_y(turned)
    found |= {"lumbar_extension": first, "lumbar_bending": second, "lumbar_rotation": third}
    if ground is not None:
        up = np.asarray(ground, dtype=np.float64)
        heading, list_, tilt = _y_x_z(up @ pelvis)
        found |= {"pelvis_forward_tilt": -tilt, "pelvis_obliquity": -list_}
        found |= {"pelvis_heading": heading}
        heading, list_, tilt = _y_x_z(up @ trunk)
        found |= {"trunk_forward_lean": -tilt, "trunk_side_lean": list_, "trunk_heading": heading}
    names = tuple(name for name in possible if name in found)
    return JointAngles(names, np.stack([found[name] for name in names], axis=-1))


def motion_angles(motion: Motion3D) -> JointAngles:
    """(T, P, N) angles of a motion, including those relative to the ground.

    The ground is that of the motion's world; without an estimated one, the camera of the first
    frame is assumed to be level. Headings continue beyond 180 degrees when a person turns, so that
    their curves have no jumps.
    """
    names, degrees = angles_by_person(motion)
    return JointAngles(names, degrees.dense())


def angles_by_person(motion: Motion3D) -> tuple[tuple[str, ...], PerPerson]:
    """The names and the degrees, (T, P, N), of `motion_angles`, kept by person."""
    spans, names = motion.spans, angle_names(motion.skeleton)
    rows = np.full((spans.rows, len(names)), np.nan)
    for person in np.flatnonzero(spans.stop).tolist():
        alone = motion.alone(person)
        points = alone.camera.to_world(alone.in_camera)[:, 0]
        ahead = walking_direction(points[:, motion.skeleton.root], alone.timestamps)
        result = joint_angles(points, LEVEL, motion.skeleton, ahead)
        assert result.names == names
        degrees = result.degrees.copy()
        for name in ("pelvis_heading", "trunk_heading"):
            column = names.index(name)
            degrees[:, column] = without_jumps(degrees[:, column])
        rows[spans.rows_of(person)] = degrees
    return names, PerPerson(spans, rows, np.nan)


def opensim_pelvis(
    positions: npt.ArrayLike, ground: npt.ArrayLike, skeleton: Skeleton = H36M17
) -> FloatArray:
    """Pelvis rotation as in OpenSim's models: pelvis_tilt, pelvis_list, pelvis_rotation.

    The rotations are body-fixed about z, x, y of the ground, in this order. For a person who does
    not face along x, tilt and list do not mean what their names say: use ``pelvis_forward_tilt``
    and ``pelvis_obliquity``, whose heading comes first (Baker 2001, Hum. Mov. Sci. 20, 787).

    Args:
        positions: (..., J, 3), see :func:`joint_angles`.
        ground: (3, 3), likewise.
        skeleton: likewise.

    Returns:
        (..., 3) degrees; tilt is positive backward, list to the right, rotation to the left.
    """
    points = np.asarray(positions, dtype=np.float64)
    axes = np.asarray(ground, dtype=np.float64) @ _pelvis_axes(points, skeleton)
    return np.stack(_z_x_y(axes), axis=-1)


def angle_confidence(
    confidence: npt.ArrayLike, names: tuple[str, ...], skeleton: Skeleton = H36M17
) -> FloatArray:
    """(..., N) confidence of each angle: the minimum over its joints of (..., J)."""
    scores = np.asarray(confidence)
    columns = [[skeleton.index(joint) for joint in ANGLES[name].joints] for name in names]
    return np.stack([scores[..., used].min(axis=-1) for used in columns], axis=-1)


def without_jumps(degrees: npt.ArrayLike) -> FloatArray:
    """(T, ...) degrees with full turns added so that no step exceeds 180; NaN is skipped."""
    values = np.array(degrees, dtype=np.float64)
    columns = values.reshape(len(values), -1)
    for column in columns.T:
        there = np.isfinite(column)
        column[there] = np.unwrap(column[there], period=360.0)
    return columns.reshape(values.shape)


def _pelvis_axes(points: FloatArray, skeleton: Skeleton) -> FloatArray:
    right, left, pelvis, spine = (points[..., skeleton.index(joint), :] for joint in PELVIS)
    # The hips determine the pelvis more reliably than the spine joint: z is theirs, y is adjusted.
    return _axes(spine - pelvis, right - left, keep_right=True)


def _axes(up: FloatArray, right: FloatArray, *, keep_right: bool = False) -> FloatArray:
    """(..., 3, 3) with columns x, y, z: y along ``up`` and z near ``right``, or vice versa.

    NaN where the two are nearly parallel.
    """
    forward = np.cross(up, right)
    longest = np.linalg.norm(up, axis=-1) * np.linalg.norm(right, axis=-1)
    plane = np.linalg.norm(forward, axis=-1) > SINGULAR * longest
    x = np.where(plane[..., None], unit(forward), np.nan)
    if keep_right:
        z = unit(right)
        y = np.cross(z, x)
    else:
        y = unit(up)
        z = np.cross(x, y)
    axes: FloatArray = np.stack([x, y, z], axis=-1)
    axes[np.isnan(x).any(axis=-1)] = np.nan
    return axes


def _within(frame: FloatArray, other: FloatArray) -> FloatArray:
    """Express ``other``, vectors as columns, in the axes of ``frame``."""
    return np.swapaxes(frame, -1, -2) @ other


def _limb(
    base: FloatArray, upper: FloatArray, lower: FloatArray, sign: float, *, bends: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Flexion, adduction and axial rotation of the upper bone, and the angle to the lower one.

    ``upper`` and ``lower`` point up the limb; ``sign`` is 1 for the right and -1 for the left.
    """
    up, down = unit(upper, np.nan), unit(lower, np.nan)
    local = _within(base, up[..., None])[..., 0]
    cosine = np.hypot(local[..., 0], local[..., 1])
    plain = cosine > SINGULAR
    flexion = np.degrees(np.arctan2(-local[..., 0], local[..., 1]))
    flexion = np.where(flexion < _LOWEST, flexion + 360, flexion)
    adduction = sign * np.degrees(np.arctan2(local[..., 2], cosine))
    normal = np.cross(up, down)
    sine = np.linalg.norm(normal, axis=-1)
    bend = np.degrees(np.arctan2(sine, (up * down).sum(axis=-1)))
    z = bends * unit(normal, np.nan)
    z_local = _within(base, z[..., None])[..., 0]
    x_local = np.cross(local, z_local)
    rotation = sign * np.degrees(np.arctan2(-x_local[..., 2], z_local[..., 2]))
    return (
        np.where(plain, flexion, np.nan),
        adduction,
        np.where(plain & (sine >= _BENT), rotation, np.nan),
        bend,
    )


def _elevation(trunk: FloatArray, arm: FloatArray, sign: float, end: str) -> dict[str, FloatArray]:
    """Elevation and its plane (Wu et al. 2005), positive when raised."""
    local = _within(trunk, unit(arm, np.nan)[..., None])[..., 0]
    forward, outward = local[..., 0], sign * local[..., 2]
    sine = np.hypot(forward, outward)
    plane = np.degrees(np.arctan2(forward, outward))
    return {
        f"shoulder_elevation{end}": np.degrees(np.arctan2(sine, -local[..., 1])),
        f"shoulder_plane{end}": np.where(sine > SINGULAR, plane, np.nan),
    }


def _z_x_y(turn: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Degrees a, b, c of ``turn = Rz(a) Rx(b) Ry(c)``; a and c NaN near b = 90 or -90."""
    cosine = np.hypot(turn[..., 0, 1], turn[..., 1, 1])
    plain = cosine > SINGULAR
    a = np.arctan2(-turn[..., 0, 1], turn[..., 1, 1])
    b = np.arctan2(turn[..., 2, 1], cosine)
    c = np.arctan2(-turn[..., 2, 0], turn[..., 2, 2])
    return (
        np.degrees(np.where(plain, a, np.nan)),
        np.degrees(b),
        np.degrees(np.where(plain, c, np.nan)),
    )


def _y_x_z(turn: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Degrees c, b, a of ``turn = Ry(c) Rx(b) Rz(a)``; c and a NaN near b = 90 or -90."""
    cosine = np.hypot(turn[..., 0, 2], turn[..., 2, 2])
    plain = cosine > SINGULAR
    c = np.arctan2(turn[..., 0, 2], turn[..., 2, 2])
    b = np.arctan2(-turn[..., 1, 2], cosine)
    a = np.arctan2(turn[..., 1, 0], turn[..., 1, 1])
    return (
        np.degrees(np.where(plain, c, np.nan)),
        np.degrees(b),
        np.degrees(np.where(plain, a, np.nan)),
    )
