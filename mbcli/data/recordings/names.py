"""From the joint names of any skeleton to ours: one table of names, one matcher.

A name is what follows the last ``:`` or ``|``. It is taken apart into words; numbers and words
that say nothing (``joint``, ``DEF``) are left out. Words before the matching end are dropped, so
that ``CC_Base_L_Thigh``, ``Bip01 L Thigh``, ``mixamorig:LeftUpLeg``, ``thigh.L`` and ``lThigh``
are one joint. Where several joints bear a name (``foot_l``, ``ik_foot_l``, ``foot.L.001``), the one
from which the fewest words were dropped counts, then the first in the table, then in the file; the
joints of a limb must be beyond each other in the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

from mbcli.errors import DataError
from mbcli.skeleton import BODY21

LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
SIDES = ("left", "right")
NEEDED = (*(f"{side}_{part}" for side in SIDES for limb in LIMBS for part in limb), "head")
"""What must be found: the joints of the limbs, and the joint that turns with the head."""

# Names of a joint, the surest first. Where a word means two joints (a "leg" or "shoulder" above or
# below another), it comes last, and the tree decides.
_PARTS: dict[str, tuple[str, ...]] = {
    "hip": ("upleg", "upperleg", "thigh", "thighbend", "femur", "hjc", "hip", "hipjoint", "leg"),
    "knee": ("knee", "lowerleg", "lowleg", "calf", "shin", "shank", "tibia", "kjc", "leg"),
    "ankle": ("ankle", "foot", "ajc", "talus"),
    "shoulder": (
        *("upperarm", "uparm", "uarm", "humerus", "shldr", "shldrbend", "sjc"),
        *("arm", "shoulder"),
    ),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "farm", "forearmbend", "radius", "ejc"),
    "wrist": ("wrist", "hand", "wjc"),
    "toes": ("toebase", "toes", "toe", "ball", "foot"),
    "eye": ("eye", "eyeball"),
    "ear": ("ear",),
}
_CENTRAL: dict[str, tuple[str, ...]] = {
    "head": ("head", "skull", "face"),
    "nose": ("nose",),
}
_OWN = ("pelvis", "spine", "thorax")  # elsewhere these words alone mean other places
_SIDES = {"left": "left", "right": "right", "l": "left", "r": "right"}
_IDLE = {"jnt", "joint", "bone", "bind", "def", "skin", "stretch", "x"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


@dataclass(frozen=True)
class Tree:
    """A tree of joints.

    Attributes:
        parents: index of each joint's parent, -1 for a root; parents come first.
    """

    parents: tuple[int, ...]

    @cached_property
    def children(self) -> list[list[int]]:
        """The children of each joint."""
        found: list[list[int]] = [[] for _ in self.parents]
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                found[parent].append(joint)
        return found

    def beyond(self, joint: int, other: int) -> bool:
        """Whether ``joint`` is below ``other``."""
        while joint > other:
            joint = self.parents[joint]
        return joint == other


def bare(name: str) -> str:
    """A joint's name without its namespace: ``mixamorig:Hips``, ``Armature|Hips``."""
    return re.split(r"[:|]", name)[-1].strip()


def match_names(
    names: Sequence[str],
    tree: Tree | None = None,
    joint_map: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Find our joints by their names.

    Args:
        names: of all joints or points.
        tree: of the joints; None for points without one.
        joint_map: the user's word: their names to ours. Joints that it does not name are matched
            by the table.

    Returns:
        Our name to their index, as far as found; ``head`` is the joint that turns with the head.

    Raises:
        DataError: ``joint_map`` names joints that are not there, or that are not needed.
    """
    given = _given(names, joint_map or {})
    ranked: dict[str, list[tuple[int, int, int]]] = {}
    for index, name in enumerate(names):
        if index in given.values():
            continue
        for ours, rank, dropped in _readings(name):
            ranked.setdefault(ours, []).append((dropped, rank, index))
    candidates = {ours: [index for *_, index in sorted(found)] for ours, found in ranked.items()}
    candidates |= {ours: [index] for ours, index in given.items()}
    found = dict(given)
    for side, limb in product(SIDES, LIMBS):
        wanted = [f"{side}_{part}" for part in limb]
        found |= _limb(wanted, candidates, tree)
    for side in SIDES:
        # A word for the toes may also mean the whole foot.
        candidates[f"{side}_toes"] = [
            joint
            for joint in candidates.get(f"{side}_toes", [])
            if joint != (ankle := found.get(f"{side}_ankle", -1))
            and (tree is None or (ankle >= 0 and tree.beyond(joint, ankle)))
        ]
    found |= {
        o: at[0] for o, at in candidates.items() if at and o not in found and o not in NEEDED[:-1]
    }
    plain = [bare(name) for name in names]
    if {*_OWN} <= {*plain}:
        found |= {ours: plain.index(ours) for ours in _OWN if ours not in given}
    return found


def check_complete(
    names: Sequence[str], found: Mapping[str, int], joint_map: Mapping[str, str] | None
) -> None:
    """Hold that all needed joints were found.

    Raises:
        DataError: one is missing; the message lists all names.
    """
    if missing := [ours for ours in NEEDED if ours not in found]:
        said = f"; the joint map has {', '.join(joint_map)}" if joint_map else ""
        raise DataError(
            f"a skeleton must have {', '.join(missing)}, which none of its joints' names means: "
            f"name them with --joint-map THEIRS=OURS,...; got {', '.join(map(bare, names))}{said}"
        )


def _given(names: Sequence[str], joint_map: Mapping[str, str]) -> dict[str, int]:
    found = {}
    for theirs, ours in joint_map.items():
        if ours not in (*BODY21.joints, *NEEDED):
            raise DataError(
                f"--joint-map must lead to {', '.join(BODY21.joints)}, got {theirs}={ours}"
            )
        if theirs in names:
            found[ours] = names.index(theirs)
        elif theirs in (plain := [bare(name) for name in names]):
            found[ours] = plain.index(theirs)
        else:
            raise DataError(
                f"--joint-map must name joints of the file, got {theirs}; it has {', '.join(plain)}"
            )
    return found


def _readings(name: str) -> Iterator[tuple[str, int, int]]:
    """(our name, its place in the table, words dropped) of all that a name may mean."""
    words = [word.lower() for word in _WORD.findall(bare(name)) if not word.isdigit()]
    telling = [word for word in words if word not in _IDLE]
    for start in range(len(telling)):
        compact = "".join(telling[start:])
        dropped = len(words) - len(telling) + start
        central = [(ours, compact, table) for ours, table in _CENTRAL.items()]
        sided = [
            (f"{side}_{part}", rest, table)
            for word, side in _SIDES.items()
            for rest in (compact.removeprefix(word), compact.removesuffix(word))
            if rest != compact
            for part, table in _PARTS.items()
        ]
        readings = [
            (o, table.index(rest), dropped) for o, rest, table in central + sided if rest in table
        ]
        if readings:
            yield from readings
            return


def _limb(
    wanted: list[str], candidates: Mapping[str, list[int]], tree: Tree | None
) -> dict[str, int]:
    """The surest joints of a limb of which each is beyond the one before."""
    lists = [list(candidates.get(ours, [])) for ours in wanted]
    if tree is not None and not lists[2]:
        # Some limbs end without a joint of its own, but with an end site.
        lists[2] = [tree.children[joint][0] for joint in lists[1] if len(tree.children[joint]) == 1]
    if not all(lists):
        return {ours: list_[0] for ours, list_ in zip(wanted, lists, strict=True) if list_}
    places = sorted(product(*(range(len(list_)) for list_ in lists)), key=sum)
    for chosen in ([list_[place] for list_, place in zip(lists, at, strict=True)] for at in places):
        if tree is None or all(a != b and tree.beyond(b, a) for a, b in pairwise(chosen)):
            return dict(zip(wanted, chosen, strict=True))
    return {}
