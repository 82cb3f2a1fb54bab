from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mbcli.data.recordings.body import body_positions, rest_height
from mbcli.data.recordings.body_maps import BODY_MAPS, mended
from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.hierarchy import Hierarchy, Recording, moving_axes_rotation
from mbcli.errors import DataError
from mbcli.skeleton import BODY21, COCO17, H36M17

J = BODY21.index
LEFT, UP, FORWARD = np.eye(3)


def figure(name: str, head: tuple[float, float, float] = (0, 0.1, 0)) -> Hierarchy:
    """A skeleton with the joint names of a body map, standing with the arms spread."""
    places = {
        "hip": (0.09, 0.9, 0),
        "knee": (0.09, 0.48, 0),
        "ankle": (0.09, 0.08, 0),
        "shoulder": (0.18, 1.4, 0),
        "elbow": (0.46, 1.4, 0),
        "wrist": (0.7, 1.4, 0),
    }
    trunk = {"pelvis": 0.9, "spine": 1.15, "thorax": 1.4, "nose": 1.55}
    chosen = BODY_MAPS[name]
    world = {"root": np.array([0.0, 0.9, 0.0])}
    for ours, theirs in chosen.joints.items():
        side, _, limb = ours.partition("_")
        if not limb:
            world[theirs] = np.array([0.0, trunk[ours], 0.0])
            continue
        world[theirs] = np.array(places[limb]) * [1 if side == "left" else -1, 1, 1]
    world[chosen.skull] = np.array([0.0, 1.55, 0.0])
    if chosen.head:
        world[chosen.head] = world[chosen.skull] + head
    for eye, x in zip(chosen.eyes or (), (0.03, -0.03), strict=False):
        world[eye] = world[chosen.skull] + (x, 0.08, 0.08)
    world["chest"] = np.array([0.0, 1.4, 0.0])
    first = ("root", "chest", chosen.skull)
    names = (*first, *(n for n in world if n not in first))
    above = {chosen.joints[f"{side}_shoulder"]: "chest" for side in ("left", "right")}
    above |= {n: chosen.skull for n in (chosen.head, *(chosen.eyes or ())) if n is not None}
    parents = [-1, *(names.index(above.get(n, "root")) for n in names[1:])]
    offsets = np.array([world[n] for n in names])
    offsets[1:] -= offsets[parents[1:]]
    return Hierarchy(names, tuple(parents), offsets)


def still(hierarchy: Hierarchy) -> Recording:
    rotations = np.tile(np.eye(3), (1, len(hierarchy), 1, 1))
    return Recording(hierarchy, rotations, {}, 60.0, Path("still"))


def test_the_body_holds_both_joint_lists() -> None:
    assert BODY21.joints[:17] == H36M17.joints
    assert set(COCO17.joints) <= set(BODY21.joints)
    assert BODY21.parents[J("left_ear")] == J("left_eye")
    assert BODY21.mirror[J("left_eye")] == J("right_eye")


@pytest.mark.parametrize("name", BODY_MAPS)
def test_every_map_gives_an_upright_person_who_faces_forward(name: str) -> None:
    # The head of our own export leans back from the nose.
    leaning = {"head": (0, 0.1, -0.1)} if name == "mbcli" else {}
    body = body_positions(still(figure(name, **leaning)))
    assert body.dtype == np.float32
    assert body.shape == (1, 21, 3)
    place = dict(zip(BODY21.joints, body[0].astype(float), strict=True))
    np.testing.assert_allclose(place["pelvis"], [0, 0.9, 0], atol=1e-6)
    np.testing.assert_allclose(place["thorax"], [0, 1.4, 0], atol=1e-6)
    np.testing.assert_allclose(place["spine"], [0, 1.15, 0], atol=1e-6)
    # Sizes of an adult's head, which a pitch of a few degrees does not undo.
    ears = (place["left_ear"] + place["right_ear"]) / 2
    eyes = (place["left_eye"] + place["right_eye"]) / 2
    assert np.linalg.norm(place["left_ear"] - place["right_ear"]) == pytest.approx(0.145, rel=0.05)
    assert np.linalg.norm(place["left_eye"] - place["right_eye"]) == pytest.approx(0.063, rel=0.05)
    assert 0.09 < (place["nose"] - ears) @ FORWARD < 0.12
    assert 0.02 < (eyes - place["nose"]) @ UP < 0.05
    assert (place["nose"] - eyes) @ FORWARD > 0.01
    assert place["left_ear"] @ LEFT > 0.05 > -0.05 > place["right_ear"] @ LEFT
    assert place["head"][1] > eyes[1] > place["nose"][1] > place["thorax"][1] + 0.1


def test_the_face_turns_with_the_head() -> None:
    hierarchy = figure("acclaim")
    turned = still(hierarchy)
    rotations = np.array(turned.rotations)
    rotations[:, hierarchy.index("head")] = moving_axes_rotation("y", [[np.pi / 2]])
    body = body_positions(replace(turned, rotations=rotations))[0]
    ears = (body[J("left_ear")] + body[J("right_ear")]) / 2
    # Turned to its left, the face looks along +x, and the left ear is behind, at -z.
    assert (body[J("nose")] - ears) @ LEFT > 0.09
    assert body[J("left_ear")] @ FORWARD < -0.05
    np.testing.assert_allclose(body[J("left_wrist")], [0.7, 1.4, 0], atol=1e-6)


def test_shoulders_that_are_too_narrow_are_moved_out() -> None:
    body = body_positions(still(figure("daz")))[0]
    np.testing.assert_allclose(body[J("left_shoulder")], [1.6 * 0.18, 1.4, 0], atol=1e-6)
    np.testing.assert_allclose(body[J("right_shoulder")], [-1.6 * 0.18, 1.4, 0], atol=1e-6)


def test_the_head_scales_with_the_person() -> None:
    adult = figure("acclaim")
    child = replace(adult, offsets=adult.offsets * 0.85)
    breadths = [
        np.linalg.norm(body[0, J("left_ear")] - body[0, J("right_ear")])
        for body in (body_positions(still(adult)), body_positions(still(child)))
    ]
    assert breadths[1] == pytest.approx(0.85 * breadths[0], rel=1e-4)


def test_a_lost_thorax_bone_is_restored(write_bvh: Callable[..., Path]) -> None:
    path = write_bvh("a.bvh", 1, {})
    hierarchy = read_bvh(path, scale=0.01).hierarchy
    for name in ("Neck", "LeftShoulder", "RightShoulder"):
        assert not hierarchy.offsets[hierarchy.index(name)].any()
        np.testing.assert_allclose(mended(hierarchy).offsets[hierarchy.index(name)], [0, 0.12, 0])
    assert rest_height(hierarchy) == pytest.approx((0.83 + 0.51 + 0.12) / 0.88, abs=0.02)


def test_an_unknown_skeleton_is_reported_with_what_it_lacks() -> None:
    hierarchy = figure("acclaim")
    names = tuple("paw" if n == "lwrist" else n for n in hierarchy.names)
    with pytest.raises(DataError, match=r"the closest, acclaim, it lacks the joints lwrist$"):
        body_positions(still(replace(hierarchy, names=names)))


def test_a_skeleton_that_lies_at_rest_is_refused() -> None:
    hierarchy = figure("acclaim")
    lying = replace(hierarchy, offsets=hierarchy.offsets[:, [0, 2, 1]])
    with pytest.raises(DataError, match=r"must be upright along \+y, got a trunk along"):
        body_positions(still(lying))
