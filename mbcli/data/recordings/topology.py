"""Joints found by the shape of a skeleton, where its names say nothing.

Two pairs of branches that are as long on either side are the legs and the arms; the arms come off
where a shorter branch, the head, does. A limb's joints are the ends of the two bones whose lengths
are most like people's; each may be divided by twist bones. The toes (or the bending of the knees)
say which way is forward, and so which side is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from mbcli.data.recordings.names import NEEDED, Tree, match_names
from mbcli.geometry import unit
from mbcli.types import FloatArray

_ALIKE = 0.1  # share by which the lengths of two sides may differ
# Medians of people's bones, see `proportions`: thigh and shin as shares of the leg; upper arm, and
# forearm between Vicon's 0.23 and the 0.31 of most figures.
_LEG, _ARM = np.array([0.48, 0.52]), np.array([0.35, 0.27])
_FITS = 0.9  # sum of the logarithms by which two bones may differ from those
_DIVIDED = 0.2  # by which a limb must fit better if some of its joints only twist
_MOST_STIFF = 4  # joints that are left out at once: two in each bone
_STIFF = np.radians(3.0)  # a joint that bends by less may be a twist bone's
_STRAIGHT = np.radians(15.0)  # a joint that is bent by more is no twist bone's


def find_joints(
    names: Sequence[str],
    tree: Tree,
    places: FloatArray,
    joint_map: Mapping[str, str] | None = None,
) -> tuple[dict[str, int], str]:
    """Find our joints by their names, or else by the tree.

    Args:
        names: of J joints.
        tree: of the joints.
        places: (F, J, 3) in any unit and axes.
        joint_map: the user's word, see `match_names`.

    Returns:
        Our name to the index of the joint, as far as found, and a note if names did not say all.
    """
    found = match_names(names, tree, joint_map)
    missing = [ours for ours in NEEDED if ours not in found]
    if missing == ["head"]:
        head = head_by_tree(tree, found)
        found |= {} if head is None else {"head": head}
    elif missing:
        by_tree = match_tree(tree, places[np.isfinite(places).all(axis=(1, 2))])
        if by_tree and all(by_tree[ours] == found[ours] for ours in NEEDED if ours in found):
            found = by_tree | found
    by_shape = ", ".join(f"{ours} is {names[found[ours]]}" for ours in missing if ours in found)
    return found, f"found by the tree of bones, not by name: {by_shape}" if by_shape else ""


def match_tree(tree: Tree, places: FloatArray) -> dict[str, int]:
    """Find the limbs and the head by the lengths of bones and by their motion.

    Args:
        tree: of the joints.
        places: (F, J, 3) in any unit and axes.

    Returns:
        Our name to the index of the joint; empty if the skeleton has another shape.
    """
    parents = np.array(tree.parents)
    lengths = np.median(np.linalg.norm(places - places[:, parents], axis=-1), axis=0)
    lengths[parents < 0] = 0.0
    reach = np.array(lengths)
    size = np.ones(len(parents), dtype=int)
    for joint in range(len(parents) - 1, 0, -1):
        parent = parents[joint]
        if parent >= 0:
            size[parent] += size[joint]
    for joint in range(len(parents) - 1, -1, -1):
        further = [reach[child] for child in tree.children[joint]]
        reach[joint] = lengths[joint] + max(further, default=0.0)
    pairs = [
        (a, b)
        for parent in range(len(parents))
        for a, b in combinations(tree.children[parent], 2)
        if size[a] == size[b] and size[a] > 2 and abs(reach[a] - reach[b]) < _ALIKE * reach[a]
    ]
    pairs.sort(key=lambda pair: -reach[pair[0]])
    pairs = [p for p in pairs if not any(tree.beyond(p[0], q[0]) for q in pairs if q is not p)]
    if len(pairs) < 2:
        return {}
    pair, other = pairs[:2]
    heads = {pair: _heads(tree, pair, other), other: _heads(tree, other, pair)}
    longest = {p: max((reach[start] for start in starts), default=0) for p, starts in heads.items()}
    arm_pair = max(longest, key=lambda p: longest[p])
    if not heads[arm_pair]:
        return {}
    head = _last_joint(tree, max(heads[arm_pair], key=lambda start: reach[start]))
    leg_pair = next(pair for pair in pairs[:2] if pair != arm_pair)
    legs = [_limb(tree, start, reach, places) for start in leg_pair]
    if any(len(limb) < 3 for limb in legs):
        return {}
    spans = [np.linalg.norm(np.diff(places[:, limb[:3]], axis=1), axis=-1) for limb in legs]
    leg = float(np.median(np.concatenate(spans).sum(axis=-1)))
    upper = [_limb(tree, start, reach, places, leg) for start in arm_pair]
    if any(len(limb) < 3 for limb in upper):
        return {}
    sides = _sides(legs, upper, places)
    result = {"head": head}
    for names, limbs in ((("hip", "knee", "ankle"), legs), (("shoulder", "elbow", "wrist"), upper)):
        for side, limb in zip(sides[names[0]], limbs, strict=True):
            result |= {f"{side}_{n}": j for n, j in zip(names, limb[:3], strict=True)}
    return result


def head_by_tree(tree: Tree, found: Mapping[str, int]) -> int | None:
    """The joint that turns with the head, from the shoulders; None without one."""
    shoulders = [found[f"{side}_shoulder"] for side in ("left", "right")]
    above = [_ancestors(tree, joint) for joint in shoulders]
    meeting = next(joint for joint in above[0] if joint in above[1])
    legs = [found[f"{side}_hip"] for side in ("left", "right")]
    starts = [
        child
        for child in tree.children[meeting]
        if not any(tree.beyond(joint, child) for joint in (*shoulders, *legs))
        and tree.children[child]
    ]
    lasts = [_last_joint(tree, start) for start in starts]
    return max(lasts, key=lambda last: len(_ancestors(tree, last)), default=None)


def _ancestors(tree: Tree, joint: int) -> list[int]:
    chain = [joint]
    while tree.parents[chain[-1]] >= 0:
        chain.append(tree.parents[chain[-1]])
    return chain


def _last_joint(tree: Tree, joint: int) -> int:
    """Down from ``joint`` to the first that forks or has only an end."""
    while len(tree.children[joint]) == 1 and tree.children[tree.children[joint][0]]:
        joint = tree.children[joint][0]
    return joint


def _heads(tree: Tree, pair: tuple[int, int], other: tuple[int, int]) -> list[int]:
    """Branches beside two limbs that do not lead to the other two."""
    return [
        child
        for child in tree.children[tree.parents[pair[0]]]
        if child not in pair and not tree.beyond(other[0], child) and tree.children[child]
    ]


def _limb(
    tree: Tree, start: int, reach: FloatArray, places: FloatArray, leg: float | None = None
) -> list[int]:
    """Joints from the hip or shoulder outwards, without those that do not bend."""
    chain = [start]
    while tree.children[chain[-1]]:
        chain.append(max(tree.children[chain[-1]], key=lambda c: reach[c]))
    joints = [tree.parents[start], *chain]
    apart = np.median(np.linalg.norm(np.diff(places[:, joints], axis=1), axis=-1), axis=0)
    joints = [
        j for j, gap in zip(joints, (np.inf, *apart), strict=True) if gap > 1e-3 * reach[start]
    ]
    stiff = []
    for before, joint, after in zip(joints, joints[1:], joints[2:], strict=False):
        bones = (
            unit(places[:, joint] - places[:, before]),
            unit(places[:, after] - places[:, joint]),
        )
        angle = np.arccos(np.clip((bones[0] * bones[1]).sum(-1), -1, 1))
        if angle.std() < _STIFF and angle.mean() < _STRAIGHT:
            stiff.append(joint)
    best = _fit(joints, places, leg)
    for count in range(1, min(len(stiff), _MOST_STIFF) + 1):
        for left_out in combinations(stiff, count):
            kept = [joint for joint in joints if joint not in left_out]
            cost, limb = _fit(kept, places, leg)
            best = min(best, (cost + _DIVIDED, limb), key=lambda fit: fit[0])
    return best[1] if best[0] < _FITS else []


def _fit(joints: list[int], places: FloatArray, leg: float | None) -> tuple[float, list[int]]:
    """How well a limb's two long bones fit people's, and the joints from their beginning on."""
    bones = np.median(np.linalg.norm(np.diff(places[:, joints], axis=1), axis=-1), axis=0)
    fits = []
    for i in range(1, len(bones) - 1):  # the first joint is that of both limbs
        pair = bones[i : i + 2]
        wanted = _ARM * leg if leg is not None else _LEG * pair.sum()
        # Of a leg only the shares are known; the rest of its branch must be short.
        rest = 0.0 if leg is not None else bones.sum() / pair.sum() - 1
        fits.append((float(np.abs(np.log(pair / wanted)).sum() + rest), joints[i:]))
    return min(fits, key=lambda fit: fit[0], default=(np.inf, []))


def _sides(
    legs: list[list[int]], arms: list[list[int]], places: FloatArray
) -> dict[str, tuple[str, str]]:
    """Sides of the two legs ("hip") and the two arms ("shoulder") in their order."""
    hips, shoulders = ([places[:, limb[0]] for limb in limbs] for limbs in (legs, arms))
    up = unit(sum(shoulders) - sum(hips))
    forward = np.zeros_like(up)
    for leg in legs:
        hip, knee, ankle = (places[:, joint] for joint in leg[:3])
        forward += knee - (hip + ankle) / 2
        if len(leg) > 3:
            forward += 3 * (places[:, leg[3]] - ankle)
    left = np.cross(up, forward)
    first_left = float(((hips[0] - hips[1]) * left).sum()) > 0
    across = (hips[0] - hips[1]) * (1 if first_left else -1)
    arm_left = float(((shoulders[0] - shoulders[1]) * across).sum()) > 0
    order = ("left", "right"), ("right", "left")
    return {"hip": order[not first_left], "shoulder": order[not arm_left]}
