"""From a recording's joints to the training skeleton: H36M-17 and a face.

Recordings have hips, knees, shoulders and a skull, but no nose, eyes or ears. Those are placed
relative to the head's orientation, with the dimensions of an adult head (bitragion breadth 0.145 m,
interpupillary distance 0.063 m, vertex to tragion 0.13 m, vertex to pupil 0.115 m: Gordon et
al., 1988 Anthropometric Survey of U.S. Army Personnel), scaled by the length of the legs.

Axes are those of the recordings: y up, in metres. A rest pose faces in the direction left x up
(cross product), where left is the direction from the right hip to the left one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.body_maps import FACE, BodyMap, body_map, mended
from mbcli.data.recordings.hierarchy import Hierarchy, Recording
from mbcli.errors import DataError
from mbcli.geometry import unit
from mbcli.kinematics.bones import distances
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

_ADULT_LEG = 0.83  # metres from hip to ankle of a person with those measures
_SKULL_TO_HEAD = 0.095  # metres, the head bone of the Vicon model


def rest_height(hierarchy: Hierarchy) -> float:
    """Stature of the rest skeleton in its own unit, summed from bones.

    Raises:
        DataError: the skeleton is unknown.
    """
    chosen = body_map(hierarchy.names)
    rest = mended(hierarchy).rest_positions()

    def place(name: str) -> FloatArray:
        return rest[hierarchy.index(chosen.joints[name])]

    def span(a: FloatArray, b: FloatArray) -> float:
        return float(np.linalg.norm(a - b))

    leg = span(place("left_hip"), place("left_knee")) + span(
        place("left_knee"), place("left_ankle")
    )
    hips = (place("left_hip") + place("right_hip")) / 2
    skull = rest[hierarchy.index(chosen.skull)]
    # The skull joint is in the middle of the head and the ankle above the sole; about an eighth of
    # the stature is beyond them.
    return (leg + span(hips, skull)) / 0.88


def body_positions(recording: Recording) -> npt.NDArray[np.float32]:
    """Joints of ``BODY21`` in every frame.

    Args:
        recording: in metres, standing along y at rest.

    Returns:
        (F, 21, 3) float32, metres, y up, in the recording's world.

    Raises:
        DataError: an unknown skeleton, or one whose rest pose is not upright along y.
    """
    hierarchy = mended(recording.hierarchy)
    chosen = body_map(hierarchy.names)
    recording = replace(recording, hierarchy=hierarchy)
    positions, rotations = recording.forward()
    given = {ours: positions[:, hierarchy.index(its)] for ours, its in chosen.joints.items()}
    out = with_trunk(given)
    size = _size_of(out)
    skull = hierarchy.index(chosen.skull)
    axes = _face_axes(hierarchy, chosen)
    head = _head_at_rest(hierarchy, chosen, axes, size)
    put_head(
        out, positions[:, skull], rotations[:, skull], axes, head=head, keep_nose="nose" in given
    )
    return out.astype(np.float32)


def with_trunk(given: Mapping[str, FloatArray]) -> FloatArray:
    """(F, 21, 3) the given joints, each (F, 3), with missing trunk joints derived from them.

    The head and the face are not placed yet.
    """
    out = np.full((len(given["left_hip"]), len(BODY21), 3), np.nan)

    def middle(a: str, b: str) -> FloatArray:
        return (out[:, BODY21.index(a)] + out[:, BODY21.index(b)]) / 2

    for name, place in given.items():
        out[:, BODY21.index(name)] = place
    for name, ends in (
        ("pelvis", ("left_hip", "right_hip")),
        ("thorax", ("left_shoulder", "right_shoulder")),
        ("spine", ("pelvis", "thorax")),
    ):
        if name not in given:
            out[:, BODY21.index(name)] = middle(*ends)
    return out


def put_head(
    out: FloatArray,
    skull: FloatArray,
    turn: FloatArray,
    axes: FloatArray,
    *,
    head: FloatArray | None = None,
    keep_nose: bool = False,
) -> None:
    """Place the head joint and the face of a body, in place.

    Args:
        out: (F, 21, 3) metres, trunk and limbs placed.
        skull: (F, 3) the joint that rotates with the head.
        turn: (F, 3, 3) its rotation.
        axes: (3, 3) rows forward, up and left of the face before that rotation.
        head: (3,) from there to the head joint before that rotation; straight up if None.
        keep_nose: whether the nose is already placed; the face is then placed relative to it.
    """
    size = _size_of(out)
    if head is None:
        head = _SKULL_TO_HEAD * size * axes[1]
    out[:, BODY21.index("head")] = skull + turn @ head
    face = {name: turn @ (size * (np.array(from_head) @ axes)) for name, from_head in FACE.items()}
    nose = out[:, BODY21.index("nose")]
    middle = nose - face["nose"] if keep_nose else out[:, BODY21.index("head")]
    for name, from_head in face.items():
        out[:, BODY21.index(name)] = middle + from_head


def _size_of(body: FloatArray) -> float:
    """Size of the person relative to an adult of mean stature, limited to the human range."""
    bones = [
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    leg = float(np.median(distances(body, BODY21, bones).sum(axis=-1))) / 2
    return float(np.clip(leg / _ADULT_LEG, 0.8, 1.2))


def _face_axes(hierarchy: Hierarchy, chosen: BodyMap) -> FloatArray:
    """(3, 3) rows forward, up and left of the face in the rest pose, in world axes."""
    rest = hierarchy.rest_positions()
    left = (
        rest[hierarchy.index(chosen.joints["left_hip"])]
        - rest[hierarchy.index(chosen.joints["right_hip"])]
    )
    trunk = rest[hierarchy.index(chosen.skull)] - rest[hierarchy.index(chosen.joints["left_hip"])]
    up = np.array([0.0, 1.0, 0.0])
    if trunk[1] < 0.8 * np.linalg.norm(trunk):
        raise DataError(
            "the rest pose must be upright along +y, got a trunk along "
            f"({', '.join(f'{v:.2f}' for v in unit(trunk))})"
        )
    left = unit(left - left @ up * up)
    forward = np.cross(left, up)
    c, s = np.cos(np.radians(chosen.pitch)), np.sin(np.radians(chosen.pitch))
    return np.array([c * forward + s * up, c * up - s * forward, left])


def _head_at_rest(
    hierarchy: Hierarchy, chosen: BodyMap, axes: FloatArray, size: float
) -> FloatArray:
    """(3,) position of the head joint relative to the skull joint at rest."""
    rest = hierarchy.rest_positions()
    skull = rest[hierarchy.index(chosen.skull)]
    if chosen.head is not None:
        return rest[hierarchy.index(chosen.head)] - skull
    if chosen.eyes is not None:
        eyes = np.mean([rest[hierarchy.index(name)] for name in chosen.eyes], axis=0) - skull
        from_head = (np.array(FACE["left_eye"]) + np.array(FACE["right_eye"])) / 2
        return eyes - size * (from_head @ axes)
    return np.array([0.0, _SKULL_TO_HEAD * size, 0.0])
