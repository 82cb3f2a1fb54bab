"""From a recording's joints to the body that training sees: H36M-17 and a face.

Recordings have hips, knees, shoulders and a skull, but no nose, eyes or ears. Those are placed
on the head from its orientation, with the sizes of an adult head (bitragion breadth 0.145 m,
interpupillary distance 0.063 m, vertex to tragion 0.13 m, vertex to pupil 0.115 m: Gordon et
al., 1988 Anthropometric Survey of U.S. Army Personnel), scaled by the length of the legs.

Axes: those of the recordings, y up, metres. A rest pose faces along left x up, left being the
direction from the right hip to the left one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.hierarchy import FloatArray, Hierarchy, Recording
from mbcli.errors import DataError
from mbcli.skeleton import BODY21


@dataclass(frozen=True)
class BodyMap:
    """Which joint of a foreign skeleton is which of ours.

    Attributes:
        joints: our name to theirs, for hips, knees, ankles, shoulders, elbows and wrists.
        skull: the joint that turns with the head.
        head: the joint at the far end of the head bone, where there is one.
        eyes: their left and right eye, where there are such.
        pitch: degrees by which the face looks up when the skull joint is as at rest.
        lost: joints that sit on their parent because a converter lost the bone between them.
        stretched: joints that sit too near their parent, with the factor that mends it.
    """

    joints: Mapping[str, str]
    skull: str
    head: str | None = None
    eyes: tuple[str, str] | None = None
    pitch: float = 0.0
    lost: tuple[str, ...] = ()
    stretched: Mapping[str, float] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[str, ...]:
        """All joint names that a skeleton must have for this map."""
        extra = (self.head,) if self.head else ()
        return (*self.joints.values(), self.skull, *extra, *(self.eyes or ()))


_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


def _sided(left: tuple[str, ...], right: tuple[str, ...]) -> dict[str, str]:
    return {
        f"{side}_{limb}": name
        for side, names in (("left", left), ("right", right))
        for limb, name in zip(_LIMBS, names, strict=True)
    }


# Taken as it is, the head's frame of the Vicon model looks 14 degrees down, the median over the
# people who walk in CMU's and HDM05's recordings; people carry their heads about level.
_VICON_PITCH = 8.0

# The BVH versions of CMU's recordings lack the Acclaim skeleton's thorax bone: neck and collars
# sit on its lower end, and the trunk is 0.12 m short. Where both versions exist, that bone is
# within 2 % the bone below it, so it is restored as a repetition of that one.
BODY_MAPS: dict[str, BodyMap] = {
    "acclaim": BodyMap(  # Vicon BodyBuilder: CMU and HDM05
        _sided(
            ("lfemur", "ltibia", "lfoot", "lhumerus", "lradius", "lwrist"),
            ("rfemur", "rtibia", "rfoot", "rhumerus", "rradius", "rwrist"),
        ),
        skull="head",
        head="head_end",
        pitch=_VICON_PITCH,
    ),
    "cmu-bvh": BodyMap(
        _sided(
            ("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftArm", "LeftForeArm", "LeftHand"),
            ("RightUpLeg", "RightLeg", "RightFoot", "RightArm", "RightForeArm", "RightHand"),
        ),
        skull="Head",
        pitch=_VICON_PITCH,
        lost=("Neck", "LeftShoulder", "RightShoulder"),
    ),
    "cmu-bvh-anatomical": BodyMap(
        _sided(
            ("LeftHip", "LeftKnee", "LeftAnkle", "LeftShoulder", "LeftElbow", "LeftWrist"),
            ("RightHip", "RightKnee", "RightAnkle", "RightShoulder", "RightElbow", "RightWrist"),
        ),
        skull="Head",
        head="Head_end",
        pitch=_VICON_PITCH,
        lost=("lowerneck", "LeftCollar", "RightCollar"),
    ),
    "smpl": BodyMap(  # SMPL and SMPL-H, with the head's end added by smpl.py
        _sided(
            tuple(f"left_{limb}" for limb in _LIMBS),
            tuple(f"right_{limb}" for limb in _LIMBS),
        ),
        skull="head",
        head="head_end",
    ),
    "daz": BodyMap(  # figures with fingers and eyes
        _sided(
            ("lThigh", "lShin", "lFoot", "lShldr", "lForeArm", "lHand"),
            ("rThigh", "rShin", "rFoot", "rShldr", "rForeArm", "rHand"),
        ),
        skull="head",
        eyes=("leftEye", "rightEye"),
        # The figure's shoulders are 0.23 m apart, a person's 0.33.
        stretched={"lShldr": 1.6, "rShldr": 1.6},
    ),
}

# Metres from the head joint of an adult: forward, up, to the left. That joint is where Vicon's
# head bone ends, as in Human3.6M: on the level of a headband, 0.07 m below the vertex. (With
# the shoulders at 0.818 of the stature, Winter's table, it is 0.06 to 0.09 m in the recordings.)
_FACE = {
    "nose": (0.110, -0.080, 0.0),
    "left_eye": (0.085, -0.045, 0.0315),
    "right_eye": (0.085, -0.045, -0.0315),
    "left_ear": (0.0, -0.060, 0.0725),
    "right_ear": (0.0, -0.060, -0.0725),
}
_ADULT_LEG = 0.83  # metres from hip to ankle of a person with those measures
_SKULL_TO_HEAD = 0.095  # metres, the head bone of the Vicon model


def body_map(hierarchy: Hierarchy) -> BodyMap:
    """The map for a skeleton, by its joint names.

    Raises:
        DataError: no map fits; the message lists what the nearest one misses.
    """
    names = set(hierarchy.names)
    best = min(BODY_MAPS, key=lambda key: len(set(BODY_MAPS[key].needed) - names))
    missing = [name for name in BODY_MAPS[best].needed if name not in names]
    if missing:
        raise DataError(
            f"the skeleton must be one of {', '.join(BODY_MAPS)}; the nearest, {best}, "
            f"misses the joints {', '.join(missing)}"
        )
    return BODY_MAPS[best]


def mended(hierarchy: Hierarchy) -> Hierarchy:
    """Undo what a skeleton's converter is known to have done to its bones.

    Raises:
        DataError: the skeleton is unknown.
    """
    chosen = body_map(hierarchy)
    offsets = np.array(hierarchy.offsets)
    for joint, name in enumerate(hierarchy.names):
        if name in chosen.lost and not offsets[joint].any():
            offsets[joint] = offsets[hierarchy.parents[joint]]
        offsets[joint] *= chosen.stretched.get(name, 1.0)
    return replace(hierarchy, offsets=offsets)


def rest_height(hierarchy: Hierarchy) -> float:
    """Stature of the rest skeleton in its own unit, summed from bones.

    Raises:
        DataError: the skeleton is unknown.
    """
    chosen = body_map(hierarchy)
    rest = mended(hierarchy).rest_positions()

    def place(name: str) -> FloatArray:
        found: FloatArray = rest[hierarchy.index(chosen.joints[name])]
        return found

    def span(a: FloatArray, b: FloatArray) -> float:
        return float(np.linalg.norm(a - b))

    leg = span(place("left_hip"), place("left_knee")) + span(
        place("left_knee"), place("left_ankle")
    )
    hips = (place("left_hip") + place("right_hip")) / 2
    skull = rest[hierarchy.index(chosen.skull)]
    # The skull joint lies in the middle of the head, and the ankle above the sole: together they
    # leave out about an eighth of a person.
    return (leg + span(hips, skull)) / 0.88


def body_positions(recording: Recording) -> npt.NDArray[np.float32]:
    """Joints of ``BODY21`` in every frame.

    Args:
        recording: in metres, standing along y at rest.

    Returns:
        (F, 21, 3) float32, metres, y up, in the recording's world.

    Raises:
        DataError: an unknown skeleton, or one whose rest pose does not stand along y.
    """
    hierarchy = mended(recording.hierarchy)
    chosen = body_map(hierarchy)
    recording = replace(recording, hierarchy=hierarchy)
    positions, rotations = recording.forward()
    out = np.empty((len(recording), len(BODY21), 3))

    def put(name: str, value: FloatArray) -> None:
        out[:, BODY21.index(name)] = value

    def at(name: str) -> FloatArray:
        found: FloatArray = out[:, BODY21.index(name)]
        return found

    for ours, theirs in chosen.joints.items():
        put(ours, positions[:, hierarchy.index(theirs)])
    put("pelvis", (at("left_hip") + at("right_hip")) / 2)
    put("thorax", (at("left_shoulder") + at("right_shoulder")) / 2)
    put("spine", (at("pelvis") + at("thorax")) / 2)

    size = _size_of(out)
    skull = hierarchy.index(chosen.skull)
    turn = rotations[:, skull]
    axes = _face_axes(hierarchy, chosen)
    head = _head_at_rest(hierarchy, chosen, axes, size)
    base = positions[:, skull]
    put("head", base + turn @ head)
    for name, from_head in _FACE.items():
        put(name, base + turn @ (head + size * (np.array(from_head) @ axes)))
    return out.astype(np.float32)


def _size_of(body: FloatArray) -> float:
    """Size of the person against an adult of mean stature, held within human range."""
    legs = [
        np.linalg.norm(body[:, BODY21.index(a)] - body[:, BODY21.index(b)], axis=-1)
        for side in ("left", "right")
        for a, b in ((f"{side}_hip", f"{side}_knee"), (f"{side}_knee", f"{side}_ankle"))
    ]
    leg = float(np.median(np.sum(legs, axis=0))) / 2
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
            "the rest pose must stand along +y, got a trunk along "
            f"({', '.join(f'{v:.2f}' for v in trunk / np.linalg.norm(trunk))})"
        )
    left = left - left @ up * up
    left /= np.linalg.norm(left)
    forward = np.cross(left, up)
    c, s = np.cos(np.radians(chosen.pitch)), np.sin(np.radians(chosen.pitch))
    return np.array([c * forward + s * up, c * up - s * forward, left])


def _head_at_rest(
    hierarchy: Hierarchy, chosen: BodyMap, axes: FloatArray, size: float
) -> FloatArray:
    """(3,) the head joint as seen from the skull joint at rest."""
    rest = hierarchy.rest_positions()
    skull = rest[hierarchy.index(chosen.skull)]
    if chosen.head is not None:
        found: FloatArray = rest[hierarchy.index(chosen.head)] - skull
        return found
    if chosen.eyes is not None:
        eyes = np.mean([rest[hierarchy.index(name)] for name in chosen.eyes], axis=0) - skull
        from_head = (np.array(_FACE["left_eye"]) + np.array(_FACE["right_eye"])) / 2
        placed: FloatArray = eyes - size * (from_head @ axes)
        return placed
    return np.array([0.0, _SKULL_TO_HEAD * size, 0.0])
