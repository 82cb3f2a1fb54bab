"""The table of joint angles: zero pose, positive direction and required joints of each.

`mbcli.kinematics.angles` computes them and describes their conventions.
"""

from __future__ import annotations

from dataclasses import dataclass

from mbcli.skeleton import FOOT, Skeleton

# The joints that define the axes of the pelvis and of the trunk.
PELVIS = ("right_hip", "left_hip", "pelvis", "spine")
TRUNK = ("spine", "thorax", "right_shoulder", "left_shoulder")


@dataclass(frozen=True)
class Angle:
    """Definition of an angle.

    Attributes:
        name: name in files; OpenSim's name if the meaning is identical.
        label: human-readable name, without the side.
        zero: the pose in which it is 0.
        positive: the direction in which it increases.
        joints: the joints that it is computed from.
        grounded: whether it depends on the direction of gravity.
    """

    name: str
    label: str
    zero: str
    positive: str
    joints: tuple[str, ...]
    grounded: bool = False

    @property
    def side(self) -> str:
        """``"right"``, ``"left"`` or ``""``."""
        return {"_r": "right", "_l": "left"}.get(self.name[-2:], "")


def _sided(side: str) -> tuple[Angle, ...]:
    end = f"_{side[0]}"
    leg = (f"{side}_hip", f"{side}_knee")
    shank = (*leg, f"{side}_ankle")
    sole = tuple(f"{side}_{part}" for part in FOOT)
    arm = (f"{side}_shoulder", f"{side}_elbow")
    forearm = (*arm, f"{side}_wrist")
    hip, shoulder = tuple(dict.fromkeys(PELVIS + leg)), tuple(dict.fromkeys(TRUNK + arm))
    upright, hanging = "thigh in line with the lower trunk", "upper arm along the trunk, hanging"
    forward = "plane of the bent limb faces forward"
    return (
        Angle(f"hip_flexion{end}", "hip flexion", upright, "thigh forward", hip),
        Angle(f"hip_adduction{end}", "hip adduction", upright, "thigh to the other side", hip),
        Angle(
            f"hip_rotation{end}",
            "hip rotation",
            forward,
            "internal",
            (*hip, f"{side}_ankle"),
        ),
        Angle(f"knee_angle{end}", "knee flexion", "straight", "bent", shank),
        Angle(
            f"ankle_angle{end}",
            "ankle flexion",
            "line from heel to toes at a right angle to the shank",
            "toes raised (dorsiflexion)",
            (f"{side}_knee", f"{side}_ankle", *sole),
        ),
        Angle(
            f"foot_progression{end}",
            "foot progression",
            "foot along the direction of walking",
            "toes inward",
            ("pelvis", *sole),
            True,
        ),
        Angle(f"arm_flex{end}", "shoulder flexion", hanging, "arm forward", shoulder),
        Angle(f"arm_add{end}", "shoulder adduction", hanging, "arm to the other side", shoulder),
        Angle(
            f"arm_rot{end}",
            "shoulder rotation",
            forward,
            "internal",
            (*shoulder, f"{side}_wrist"),
        ),
        Angle(f"shoulder_elevation{end}", "shoulder elevation", hanging, "arm raised", shoulder),
        Angle(
            f"shoulder_plane{end}",
            "plane of shoulder elevation",
            "raised to the side",
            "raised forward is 90",
            shoulder,
        ),
        Angle(f"elbow_flex{end}", "elbow flexion", "straight", "bent", forearm),
    )


_ALONG = "spine joint, pelvis and thorax in line"
_FACING = "facing along the ground's x axis"

ANGLES: dict[str, Angle] = {
    angle.name: angle
    for angle in (
        *_sided("right"),
        *_sided("left"),
        Angle("lumbar_extension", "trunk extension", _ALONG, "backward", (*PELVIS, *TRUNK[1:])),
        Angle("lumbar_bending", "trunk bending", _ALONG, "to the right", (*PELVIS, *TRUNK[1:])),
        Angle(
            "lumbar_rotation",
            "trunk rotation",
            "shoulders parallel to the hips",
            "to the left",
            (*PELVIS, *TRUNK[1:]),
        ),
        Angle("pelvis_forward_tilt", "pelvis tilt", "upright", "forward", PELVIS, True),
        Angle("pelvis_obliquity", "pelvis obliquity", "level", "right hip higher", PELVIS, True),
        Angle("pelvis_heading", "pelvis heading", _FACING, "to the left", PELVIS, True),
        Angle("trunk_forward_lean", "trunk forward lean", "upright", "forward", TRUNK, True),
        Angle("trunk_side_lean", "trunk side lean", "upright", "to the right", TRUNK, True),
        Angle("trunk_heading", "trunk heading", _FACING, "to the left", TRUNK, True),
    )
}


def angle_names(skeleton: Skeleton) -> tuple[str, ...]:
    """The angles of ``ANGLES`` whose joints a skeleton has, in their order."""
    return tuple(name for name, row in ANGLES.items() if set(row.joints) <= set(skeleton.joints))
