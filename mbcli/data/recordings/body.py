"""From a recording's joint tree to a figure of our joints.

Joints come from the motion, so that any rest pose will do. Only the face needs to know how the head
was turned in it: where the rest pose is a standing person, the face looks in the direction left x
up (cross product), where left is the direction from the right hip to the left one; elsewhere it
looks where the trunk does in the motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.feet import Toes
from mbcli.data.recordings.figure import Figure, placed
from mbcli.data.recordings.heads import Head
from mbcli.data.recordings.hierarchy import Hierarchy, Recording
from mbcli.data.recordings.known import Known, known, mended
from mbcli.data.recordings.names import NEEDED, SIDES, Tree, bare, check_complete
from mbcli.data.recordings.topology import find_joints
from mbcli.data.recordings.upright import AXES
from mbcli.geometry import unit
from mbcli.types import FloatArray

_STANDING = 0.8  # cosine between an axis and the trunk or the legs of a standing rest pose
_TRUNK = ("pelvis", "spine", "thorax")


def body_positions(recording: Recording) -> npt.NDArray[np.float32]:
    """Joints of ``BODY21`` in every frame of a recording in metres, y up.

    Returns:
        (F, 21, 3) float32, metres, y up, in the recording's world.

    Raises:
        DataError: joints are missing.
    """
    return placed(figure_of(recording), up="y", scale=1.0).body.astype(np.float32)


def figure_of(recording: Recording, joint_map: Mapping[str, str] | None = None) -> Figure:
    """Find our joints in a recording, by their names or else by its tree.

    Args:
        recording: in any unit and axes.
        joint_map: the user's word, see `match_names`.

    Raises:
        DataError: joints are missing; the message lists the names.
    """
    recording = replace(recording, hierarchy=mended(recording.hierarchy))
    hierarchy = recording.hierarchy
    one = known(hierarchy.names)
    positions, rotations = recording.forward()
    said = dict(joint_map or {})
    if one.skull is not None and "head" not in said.values():
        said[one.skull] = "head"
    found, note = find_joints(hierarchy.names, Tree(hierarchy.parents), positions, said)
    check_complete(hierarchy.names, found, joint_map)
    if said.get("nose") == "head":  # of our own exports: both
        found["nose"] = found["head"]
    joints = {ours: positions[:, index] for ours, index in found.items()}
    joints["skull"] = joints.pop("head")
    skull = found["head"]
    rest = hierarchy.rest_positions()
    eyes = [found[f"{side}_eye"] for side in ("left", "right") if f"{side}_eye" in found]
    head = Head(
        rotations[:, skull],
        face=_face_axes(rest, found),
        pitch=one.pitch,
        offset=_offset(hierarchy, rest, skull, one),
        eyes=rest[eyes].mean(axis=0) - rest[skull] if len(eyes) == 2 else None,
        keep_nose="nose" in found,
    )
    kept = {n: p for n, p in joints.items() if n in (*NEEDED, *_TRUNK, "nose", "skull")}
    notes = "; ".join(filter(None, (recording.note, note)))
    axes, toes = head.face, {}
    for side in SIDES:
        if (ball := found.get(f"{side}_toes")) is not None:
            ankle = found[f"{side}_ankle"]
            tips = Tree(hierarchy.parents).children[ball]
            toes[side] = Toes(
                along=unit(positions[:, ball] - positions[:, ankle]),
                left=None if axes is None else rotations[:, ankle] @ axes[2],
                tip=unit(positions[:, tips[0]] - positions[:, ball]) if len(tips) == 1 else None,
            )
    return Figure(kept, head, recording.fps, note=notes, toes=toes)


def _face_axes(rest: FloatArray, found: Mapping[str, int]) -> FloatArray | None:
    """(3, 3) rows forward, up and left of a standing rest pose; None if nobody stands in it."""

    def middle(part: str) -> FloatArray:
        return (rest[found[f"left_{part}"]] + rest[found[f"right_{part}"]]) / 2

    trunk = unit(rest[found["head"]] - middle("hip"))
    legs = unit(middle("hip") - middle("ankle"))
    up = max(AXES.values(), key=lambda axis: float(trunk @ axis))
    if min(trunk @ up, legs @ up) < _STANDING:
        return None
    across = rest[found["left_hip"]] - rest[found["right_hip"]]
    left = unit(across - across @ up * up)
    return np.array([np.cross(left, up), up, left])


def _offset(hierarchy: Hierarchy, rest: FloatArray, skull: int, one: Known) -> FloatArray | None:
    """(3,) from the skull joint to the head joint of a known skeleton at rest."""
    if one.head is None:
        return None
    names = [bare(name) for name in hierarchy.names]
    offset = rest[names.index(one.head)] - rest[skull]
    return offset if offset.any() else None
