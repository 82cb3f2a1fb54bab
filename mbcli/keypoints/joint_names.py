"""From the joint names in people's own projects to ours.

A joint map from the user decides. Without one, names are recognised by one rule: case and
separators are ignored; the side comes first or last and is ``left``, ``right``, ``l`` or ``r``; and
the rest is one of our body parts or of a few synonyms. Thus ``left_hip``, ``LHip``, ``hip_l``,
``HipLeft`` and ``Left Hip`` are the same joint.

Ambiguous names are left to the joint map: a foot may be an ankle or a toe, a hand may be a wrist, a
chest is not quite the thorax, and numbered sides (``hip1``) do not tell which is left.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mbcli.conversion import underivable
from mbcli.errors import ConfigError, InputError
from mbcli.keypoints.source import parse_json
from mbcli.skeleton import H36M17, SKELETONS, Skeleton

# Every joint of every known skeleton.
OUR_JOINTS = tuple(
    dict.fromkeys(joint for skeleton in SKELETONS.values() for joint in skeleton.joints)
)

_SIDES = {"left": "left", "right": "right", "l": "left", "r": "right"}
_SYNONYMS = {
    "midhip": "pelvis",
    "hipmid": "pelvis",
    "middlehip": "pelvis",
    "hipcenter": "pelvis",
    "hipcentre": "pelvis",
    "centerhip": "pelvis",
    "centrehip": "pelvis",
    "hips": "pelvis",
    "midshoulder": "thorax",
    "shouldermid": "thorax",
    "shouldercenter": "thorax",
    "shouldercentre": "thorax",
    "centershoulder": "thorax",
    "centreshoulder": "thorax",
    "midspine": "spine",
    "spinemid": "spine",
    "topofhead": "head_top",
    "tophead": "head_top",
    "topofthehead": "head_top",
    "vertex": "head_top",
    "neckupper": "upper_neck",
}
_SIDED_SYNONYMS = {
    "innereye": "eye_inner",
    "outereye": "eye_outer",
    "mouthcorner": "mouth",
    "littletoe": "small_toe",
    "hipjoint": "hip",
}
_MIDDLE_HIP = ("hip", "chip", "root")
# Words that the rule would split into a side and a body part.
_OTHER_WORDS = ("rear", "kneel")

_PARENTS = {
    "knee": "hip",
    "ankle": "knee",
    "heel": "ankle",
    "big_toe": "ankle",
    "small_toe": "ankle",
    "foot_index": "ankle",
    "elbow": "shoulder",
    "wrist": "elbow",
    "pinky": "wrist",
    "index": "wrist",
    "thumb": "wrist",
    "hip": "pelvis",
    "shoulder": "neck",
    "eye_inner": "nose",
    "eye": "nose",
    "eye_outer": "eye",
    "ear": "eye",
    "mouth": "nose",
    "nose": "neck",
    "head_bottom": "thorax",
    "upper_neck": "thorax",
    "neck": "thorax",
    "head": "nose",
    "head_top": "head",
    "thorax": "spine",
    "spine": "pelvis",
}


def read_joint_map(path: Path | str) -> dict[str, str]:
    """Read the user's joint map, a JSON object of their joint names -> ours.

    Raises:
        InputError: the file does not exist or is no JSON.
        ConfigError: it is no object of names, or leads to an unknown joint.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"the joint map {path} cannot be read: {error.strerror}") from error
    document: Any = parse_json(content, path)
    if (
        not isinstance(document, dict)
        or not document
        or not all(isinstance(name, str) for name in document.values())
    ):
        raise ConfigError(
            f"the joint map {path} must be a JSON object of joint names, theirs to ours, "
            'such as {"hip_L": "left_hip"}'
        )
    check_joint_map(document, str(path))
    return document


def check_joint_map(joint_map: Mapping[str, str], what: str) -> None:
    """Check a joint map.

    Raises:
        ConfigError: it leads to an unknown joint, or twice to the same.
    """
    used: dict[str, str] = {}
    for theirs, ours in joint_map.items():
        if ours not in OUR_JOINTS:
            near = difflib.get_close_matches(ours.lower(), OUR_JOINTS, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ConfigError(
                f"the joint map {what} must lead to joints of mbcli, got {theirs!r} -> {ours!r}"
                f"{hint}: choose from {', '.join(OUR_JOINTS)}"
            )
        if ours in used:
            raise ConfigError(
                f"the joint map {what} must lead to each joint once, got {used[ours]!r} and "
                f"{theirs!r} -> {ours!r}"
            )
        used[ours] = theirs


def recognised(name: str) -> str | None:
    """Our name for a joint, or None if the name is not recognised."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)
    compact = "".join(words).lower()
    if len(words) == 1 and compact in _OTHER_WORDS:
        return None
    if compact in _CENTRAL:
        return _CENTRAL[compact]
    for word, side in _SIDES.items():
        for rest in (compact.removeprefix(word), compact.removesuffix(word)):
            if rest != compact and rest in _SIDED:
                return f"{side}_{_SIDED[rest]}"
    return None


def match_joints(
    names: Sequence[str], joint_map: Mapping[str, str] | None, what: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Match the joint names of a file to ours.

    Args:
        names: the joint names of a file.
        joint_map: the user's joint map; if given, no other name is recognised.
        what: the file, for messages.

    Returns:
        Their names -> ours in the order of the file, and warnings, one line each.

    Raises:
        InputError: two names mean the same joint, or joints are lacking that H36M-17 is made from:
            hips or pelvis, and shoulders, neck or thorax.
        ConfigError: the joint map breaks its rules.
    """
    if joint_map is not None:
        check_joint_map(joint_map, "given")
    ours_of = {name: recognised(name) for name in names}
    if joint_map is not None:
        ours_of = {name: joint_map.get(name) for name in names}
    elif {"left_hip", "right_hip"} <= {*ours_of.values()} and "pelvis" not in ours_of.values():
        # With both hips present, a hip without a side is the middle (Halpe, Pose2Sim).
        middle = next((name for name in names if name.lower() in _MIDDLE_HIP), None)
        ours_of |= {} if middle is None else {middle: "pelvis"}
    found = {name: ours for name, ours in ours_of.items() if ours is not None}
    hint = "--joint-map maps them"
    for ours in found.values():
        if len(twice := [name for name, other in found.items() if other == ours]) > 1:
            raise InputError(f"{what} has {' and '.join(twice)} for one joint ({ours}): {hint}")
    joints = tuple(found.values())
    lacking = underivable(Skeleton("theirs", joints, (-1,) * len(joints)), H36M17)
    unmatched = [name for name in names if name not in found]
    needs = {"pelvis": "the hips or a pelvis", "thorax": "the shoulders, a neck or a thorax"}
    if needed := [text for joint, text in needs.items() if joint in lacking]:
        raise InputError(
            f"{what} must have {' and '.join(needed)}, got the joints {', '.join(names)}, of which "
            f"{', '.join(unmatched) or 'none'} could not be matched: {hint}"
        )
    warnings = []
    if unmatched:
        warnings.append(f"left out joints that are none of ours: {', '.join(unmatched)} ({hint})")
    if absent := [name for name in joint_map or () if name not in names]:
        warnings.append(f"the joint map names joints that are not there: {', '.join(absent)}")
    return found, tuple(warnings)


def skeleton_of(joints: Iterable[str], name: str) -> Skeleton:
    """Make a skeleton of some of our joints.

    If one joint of a pair is lacking, it is added at the end, since mirroring needs both; in the
    data it is missing throughout.
    """
    there = tuple(joints)
    others = (_other_side(joint) for joint in there)
    everything = there + tuple(other for other in others if other not in there)
    parents = [_nearest_above(joint, everything) for joint in everything]
    root = parents.index(-1)
    return Skeleton(
        name,
        everything,
        tuple(root if p < 0 and j != root else p for j, p in enumerate(parents)),
    )


def _other_side(joint: str) -> str:
    side, _, part = joint.partition("_")
    return {"left": f"right_{part}", "right": f"left_{part}"}.get(side, joint)


def _nearest_above(joint: str, joints: tuple[str, ...]) -> int:
    """Index of the nearest present joint on the way to the pelvis, or -1."""
    side, _, part = joint.partition("_")
    if side not in ("left", "right"):
        side, part = "", joint
    while part in _PARENTS:
        part = _PARENTS[part]
        for candidate in (f"{side}_{part}", part):
            if candidate in joints:
                return joints.index(candidate)
    return -1


def _part_names() -> tuple[dict[str, str], dict[str, str]]:
    """Body parts on the midline and on the sides, by their names without separators."""
    central, sided = dict(_SYNONYMS), dict(_SIDED_SYNONYMS)
    for joint in OUR_JOINTS:
        side, _, part = joint.partition("_")
        if side in ("left", "right"):
            sided[part.replace("_", "")] = part
        else:
            central[joint.replace("_", "")] = joint
    return central, sided


_CENTRAL, _SIDED = _part_names()
