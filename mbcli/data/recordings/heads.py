"""The head of a figure: how it is turned, and where its joint and face are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mbcli.data.stores.quality import trunk_axes
from mbcli.geometry import unit
from mbcli.kinematics.bones import distances
from mbcli.kinematics.templates import FACE
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

_ADULT_LEG = 0.83  # metres from hip to ankle of a person with the measures of ``FACE``
_SKULL_TO_HEAD = 0.095  # metres, the head bone of the Vicon model
_UPRIGHT = 0.7  # cosine of a trunk's lean up to which a head is level in the mean
_LEGS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"))
]


@dataclass(frozen=True, eq=False)
class Head:
    """What a file says of the head, in its axes and unit.

    Attributes:
        turn: (F, 3, 3) rotation of the skull joint, or None: the neck says it.
        face: (3, 3) rows forward, up and left of the head before ``turn``; None: it looks where
            the trunk does, in the mean over the clip.
        pitch: degrees by which the face looks up from ``face``.
        offset: (3,) from the skull joint to the head joint, before ``turn``; None is by rule.
        eyes: (3,) from the skull joint to the middle of the eyes, before ``turn``; or None.
        keep_nose: whether the file has a nose; the face is then placed relative to it.
        level: radians by which the neck leans forward when the head is level, or None: the
            median; used without ``turn``.
    """

    turn: FloatArray | None = None
    face: FloatArray | None = None
    pitch: float = 0.0
    offset: FloatArray | None = None
    eyes: FloatArray | None = None
    keep_nose: bool = False
    level: float | None = None

    def turned(self, turn: FloatArray, scale: float) -> Head:
        """In other axes of the world, and in metres."""
        return replace(
            self,
            turn=None if self.turn is None else turn @ self.turn,
            offset=None if self.offset is None else scale * self.offset,
            eyes=None if self.eyes is None else scale * self.eyes,
        )


def put_head(out: FloatArray, skull: FloatArray, head: Head) -> None:
    """Place the head joint and the face of a body, in place.

    Args:
        out: (F, 21, 3) metres, trunk and limbs placed.
        skull: (F, 3) the joint that rotates with the head.
        head: in metres, with ``turn`` and ``face``.
    """
    assert head.turn is not None
    assert head.face is not None
    size = size_of(out)
    forward, up, left = head.face
    c, s = np.cos(np.radians(head.pitch)), np.sin(np.radians(head.pitch))
    axes = np.array([c * forward + s * up, c * up - s * forward, left])
    offset = head.offset
    if offset is None:
        offset = _SKULL_TO_HEAD * size * up
        if head.eyes is not None:
            from_head = (np.array(FACE["left_eye"]) + np.array(FACE["right_eye"])) / 2
            offset = head.eyes - size * (from_head @ axes)
    out[:, BODY21.index("head")] = skull + head.turn @ offset
    face = {n: head.turn @ (size * (np.array(at) @ axes)) for n, at in FACE.items()}
    nose = out[:, BODY21.index("nose")]
    middle = nose - face["nose"] if head.keep_nose else out[:, BODY21.index("head")]
    for name, from_head in face.items():
        out[:, BODY21.index(name)] = middle + from_head


def size_of(body: FloatArray) -> float:
    """Size of the person relative to an adult of mean stature, limited to the human range."""
    leg = float(np.nanmedian(distances(body, BODY21, _LEGS).sum(axis=-1))) / 2
    return float(np.clip(leg / _ADULT_LEG, 0.4, 1.2))


def face_from_motion(
    body: FloatArray, turn: FloatArray, whole: npt.NDArray[np.bool_]
) -> FloatArray:
    """(3, 3) rows forward, up and left of the face before ``turn``.

    In the mean over the clip, the face looks where the trunk does, and is level where the trunk
    is upright.

    Args:
        body: (F, 21, 3) metres, y up, trunk placed.
        turn: (F, 3, 3) rotation of the skull joint.
        whole: (F,) frames in which nothing is missing.
    """
    trunk = trunk_axes(body)[whole]
    upright = trunk[:, 1, 1] > _UPRIGHT
    if upright.any():
        trunk, turn = trunk[upright], turn[whole][upright]
        up = np.broadcast_to(np.eye(3)[1], trunk[:, 1].shape)
        left = unit(np.cross(up, trunk[:, 0]))
        trunk = np.stack([np.cross(left, up), up, left], axis=1)
    else:
        turn = turn[whole]
    # The nearest orthogonal matrix to the mean; forward, up and left are left-handed in this order.
    u, _, vt = np.linalg.svd(np.einsum("fai,fij->aj", trunk, turn))
    axes: FloatArray = u @ vt
    return axes


def head_of_neck(
    body: FloatArray, skull: FloatArray, level: float | None, whole: npt.NDArray[np.bool_]
) -> FloatArray:
    """(F, 3, 3) columns forward, up and left of a head that nods and leans with the neck.

    Args:
        body: (F, 21, 3) metres, y up, trunk placed.
        skull: (F, 3) the joint at the head's centre of rotation.
        level: radians by which the neck leans forward when the head is level; None takes the
            median.
        whole: (F,) frames in which nothing is missing.
    """
    forward, up, left = neck_in_chest(body, skull)
    lean = np.arctan2(forward, up)
    nod = lean - (float(np.median(lean[whole])) if level is None else level)
    side = np.arcsin(np.clip(left, -1, 1))
    zero, one = np.zeros_like(nod), np.ones_like(nod)
    c, s = np.cos(nod), np.sin(nod)
    nodding = np.array([[c, s, zero], [-s, c, zero], [zero, zero, one]]).transpose(2, 0, 1)
    c, s = np.cos(side), np.sin(side)
    leaning = np.array([[one, zero, zero], [zero, c, -s], [zero, s, c]]).transpose(2, 0, 1)
    turned: FloatArray = trunk_axes(body).swapaxes(-1, -2) @ nodding @ leaning
    return turned


def neck_in_chest(body: FloatArray, skull: FloatArray) -> tuple[FloatArray, ...]:
    """The direction from the thorax to the skull, (F,) forward, up and to the left each."""
    along = unit(skull - body[:, BODY21.index("thorax")])  # (F, 3)
    return tuple(np.einsum("fi,fji->jf", along, trunk_axes(body)))
