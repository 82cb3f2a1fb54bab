"""Who is upright, when a foot stands and which level is the floor, at the limits of each rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mbcli.refinement.feet import foot_contacts
from mbcli.refinement.floor import ANKLE_HEIGHT, FloorEstimate
from mbcli.refinement.held import _forward, without_sliding
from mbcli.refinement.joints import standing_joints
from mbcli.refinement.world import _middle, _rigid, _steps, estimate_world
from mbcli.skeleton import BODY23, H36M17, Skeleton

FPS = 30.0
DISTANCE = 5.0  # metres
HEIGHT = 1.70
THIGH, SHANK = 0.245 * HEIGHT, 0.246 * HEIGHT
AT = H36M17.index
RIGHT, LEFT = AT("right_ankle"), AT("left_ankle")


def about_x(degrees: float) -> np.ndarray:
    """(3, 3) that turns downwards towards the camera, which looks along z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def figure(
    *,
    knees: tuple[float, float] = (0.0, 0.0),
    hip: float = 0.0,
    apart: float = 0.0,
    lean: float = 0.0,
    aside: float = 0.0,
) -> np.ndarray:
    """(17, 3) metres: somebody whose pelvis is 5 m ahead, bent by so many degrees.

    Args:
        knees: of the right and the left shank against the thigh.
        hip: of the trunk against the legs.
        apart: of one leg against the other.
        lean: of all of the body.
        aside: of the way to the body against the camera's axis.
    """
    body = np.zeros((17, 3))
    down = np.array([0.0, 1.0, 0.0])
    for side, sign, knee in (("right", -1.0, knees[0]), ("left", 1.0, knees[1])):
        half = np.radians(apart) / 2
        leg = np.array([sign * np.sin(half), np.cos(half), 0.0])
        body[AT(f"{side}_knee")] = THIGH * leg
        body[AT(f"{side}_ankle")] = THIGH * leg + SHANK * about_x(knee) @ leg
        body[AT(f"{side}_shoulder")] = [sign * 0.2, 0, 0]
        body[AT(f"{side}_elbow")] = [sign * 0.2, 0.3, 0]
        body[AT(f"{side}_wrist")] = [sign * 0.2, 0.5, 0]
    trunk = -about_x(hip) @ down
    body[AT("spine")], body[AT("thorax")] = 0.25 * trunk, 0.5 * trunk
    upper = [j for j in range(17) if H36M17.joints[j].endswith(("shoulder", "elbow", "wrist"))]
    body[[*upper, AT("nose"), AT("head")]] += body[AT("thorax")]
    body = body @ about_x(lean).T
    return body + np.array([DISTANCE * np.tan(np.radians(aside)), 0, DISTANCE])


def world_of(people: Sequence[np.ndarray], *, feet: bool = False) -> FloorEstimate:
    """The estimate from people of (T, 17, 3); without feet, nobody's ankles are seen."""
    body = np.stack(people, axis=1)
    confidence = np.full(body.shape[:3], float(feet))
    return estimate_world(body, np.isfinite(body).all(axis=(-1, -2)), FPS, confidence=confidence)


def lasting(body: np.ndarray, frames: int = 30) -> np.ndarray:
    return np.repeat(body[None], frames, axis=0)


@pytest.mark.parametrize(
    ("pose", "upright"),
    [
        ({"knees": (33, 33)}, True),
        ({"knees": (37, 37)}, False),
        ({"knees": (60, 20)}, True),  # one straight leg will do
        ({"hip": 23}, True),
        ({"hip": -23}, True),
        ({"hip": 27}, False),
        ({"apart": 73}, True),
        ({"apart": 77}, False),
        ({"lean": 53}, True),
        ({"lean": -53}, True),
        ({"lean": 57}, False),
    ],
)
def test_who_counts_as_upright(pose: dict[str, float], upright: bool) -> None:
    found = world_of([lasting(figure(**pose), 4)])  # type: ignore[arg-type]
    assert found.upright_used == 4 * upright
    assert found.source == ("upright frames" if upright else "level camera")


def test_down_is_where_the_upright_stand() -> None:
    down = world_of([lasting(figure(lean=20))]).world_from_camera[1, :3]
    np.testing.assert_allclose(down, about_x(20) @ [0, 1, 0], atol=1e-9)


def test_how_sure_one_person_makes_gravity() -> None:
    """4 degrees of posture, half a degree for each off the axis, 2.5 that all have in common."""
    for aside in (0.0, 20.0, -30.0):
        found = world_of([lasting(figure(aside=aside))])
        assert found.spread_degrees == pytest.approx(np.sqrt(4**2 + (aside / 2) ** 2 + 2.5**2))
    # Leaning to and fro counts less the longer it is seen: a second is two looks.
    swaying = np.stack([figure(lean=lean) for lean in (5, -5)] * 15)
    for frames, looks in ((30, 2.0), (10, 1.0)):
        found = world_of([swaying[:frames]])
        expected = np.sqrt(4**2 + 5**2 / looks + 2.5**2)
        assert found.spread_degrees == pytest.approx(expected, rel=1e-3)


def test_several_people_are_surer_and_one_who_leans_counts_less() -> None:
    straight = [lasting(figure()) for _ in range(4)]
    assert world_of(straight).spread_degrees == pytest.approx(np.hypot(4 / np.sqrt(4), 2.5))
    found = world_of([*straight, lasting(figure(lean=40))])
    down = found.world_from_camera[1, :3]
    off = np.degrees(np.arccos(down[1]))
    assert 0.5 < off < 2.5  # 8 if all counted alike
    assert found.upright_used == 150


def test_frames_that_lean_far_move_a_person_little() -> None:
    body = lasting(figure())
    body[:6] = figure(lean=40)
    found = world_of([body])
    down = found.world_from_camera[1, :3]
    assert np.degrees(np.arccos(down[1])) < 2  # 8 in the mean of the frames


def test_equal_directions_have_themselves_as_their_mean() -> None:
    """Wherever they point, though rounding makes their cosine more than 1."""
    for direction in np.random.default_rng(0).normal(size=(50, 3)):
        direction /= np.linalg.norm(direction)
        several = np.tile(direction, (3, 1))
        mean, factors = _middle(several, np.arange(1.0, 4), np.full(3, 0.1))
        np.testing.assert_allclose(mean, direction, atol=1e-12)
        assert factors.tolist() == [1, 1, 1]


def test_without_standing_feet_the_floor_is_under_the_lowest_ankles() -> None:
    body = lasting(figure(), 40)
    found = world_of([body])
    ankle = body[0, RIGHT, 1]
    assert -found.world_from_camera[1, 3] == pytest.approx(ankle + ANKLE_HEIGHT * HEIGHT)
    # Of several people it is the middle one's floor, and a frame that falls through tells nothing.
    body[0] += [0, 3, 0]
    higher, lower = body - np.array([0, 0.4, 0]), body + np.array([0, 0.3, 0])
    found = world_of([higher, body, lower])
    assert -found.world_from_camera[1, 3] == pytest.approx(ankle + ANKLE_HEIGHT * HEIGHT)


def test_the_origin_is_under_the_first_pelvis_of_the_first_person() -> None:
    first, second = lasting(figure(aside=10)), lasting(figure(aside=-20))
    first[:, :, 2] += np.linspace(0, 1, 30)[:, None]
    first[:4] = np.nan
    world = world_of([first, second]).world_from_camera
    inside = first[4, 0] @ world[:3, :3].T + world[:3, 3]
    np.testing.assert_allclose(inside[[0, 2]], 0, atol=1e-9)


def test_the_floor_is_the_lowest_level_on_which_much_is_stood() -> None:
    ground = lasting(figure(), 60)
    for frames, is_floor in ((12, False), (40, True)):  # of 120 + 2 x frames stood on
        hole = lasting(figure(aside=10), 60) + np.array([0, 0.8, 0])
        hole[frames:] = np.nan
        found = world_of([ground, hole], feet=True)
        assert found.source == "feet and upright frames"
        depth = 0.8 * is_floor + ground[0, RIGHT, 1] + ANKLE_HEIGHT * HEIGHT
        assert -found.world_from_camera[1, 3] == pytest.approx(depth, abs=0.01)


def test_levels_nearer_than_a_stair_are_one_floor() -> None:
    people = [lasting(figure(aside=a)) + np.array([0, y, 0]) for a, y in ((0, 0), (10, 0.1))]
    found = world_of(people, feet=True)
    depth = -found.world_from_camera[1, 3]
    low = people[0][0, RIGHT, 1] + ANKLE_HEIGHT * HEIGHT
    assert depth == pytest.approx(low + 0.05, abs=0.02)


def test_steps_part_a_persons_feet_where_none_is_between() -> None:
    depth = np.array([0.7, 0.0, 0.1, 0.35, 0.0])
    assert _steps(depth, np.array([0, 0, 0, 0, 1])).tolist() == [1, 0, 0, 0, 2]
    assert _steps(np.zeros(0), np.zeros(0, dtype=int)).tolist() == []


@pytest.mark.parametrize("down", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.3, 0.9, 0.3)])
def test_worlds_are_turned_cameras(down: tuple[float, float, float]) -> None:
    unit = np.array(down) / np.linalg.norm(down)
    world = _rigid(unit, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(world[:3, :3] @ world[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(world) == pytest.approx(1)
    np.testing.assert_allclose(world[:3, :3] @ unit, [0, 1, 0], atol=1e-12)
    assert world[:, 3].tolist() == [1, 2, 3, 1]
    # Ahead is where the camera looks, or what is up in the picture if it looks at the floor, or
    # down in it if it looks at the sky.
    ahead = [0, 0, 1] if down[1] else [0, -down[2], 0]
    assert (world[:3, :3] @ ahead)[2] > 0.5
    assert (world[:3, :3] @ ahead)[0] == pytest.approx(0)


# when a foot stands


def moving(
    speed: Sequence[float], *, along: bool = False, lift: float = 0.0, size: float = 1.0
) -> np.ndarray:
    """(T, 1, 17, 3): the right ankle goes at so many m/s, the left one stands.

    Args:
        speed: of the frames.
        along: it goes away from the camera, and not across.
        lift: metres that it is higher than the other.
        size: of the body.
    """
    body = lasting(figure(), len(speed))
    body = (body - body[:, :1]) * size + body[:, :1]
    way = np.cumsum(np.asarray(speed) / FPS)
    sight = body[0, RIGHT] / np.linalg.norm(body[0, RIGHT])
    direction = sight if along else np.array([1.0, 0.0, 0.0])
    start = body[:, RIGHT] - [0, lift, 0]
    middle = way[len(way) // 2]  # across the line of sight where it counts
    body[:, RIGHT] = start + (way - middle)[:, None] * direction
    return body[:, None]


def stands(body: np.ndarray, **confidence: float) -> np.ndarray:
    """(T,) of the right foot, on level ground."""
    sure = np.ones(body.shape[:3])
    sure[..., RIGHT] = confidence.get("right", 1.0)
    return foot_contacts(body, np.eye(4), FPS, confidence=sure)[:, 0, 0]


def test_slow_feet_stand_and_stay_until_they_are_fast() -> None:
    assert stands(moving([0.40] * 12)).all()
    assert not stands(moving([0.50] * 12)).any()
    both = stands(moving([0.2] * 15 + [0.65] * 15 + [1.2] * 15))
    assert both[:27].all()
    assert not both[33:].any()
    assert not stands(moving([0.65] * 15 + [1.2] * 15)).any()


def test_low_feet_stand_and_stay_until_they_are_high() -> None:
    assert stands(moving([0.0] * 12, lift=0.07)).all()
    assert not stands(moving([0.0] * 12, lift=0.09)).any()
    rising = moving([0.0] * 60)
    rising[:, 0, RIGHT, 1] -= np.linspace(0, 0.2, 60)  # at 0.1 m/s
    found = stands(rising)
    assert found[:38].all()
    assert not found[40:].any()
    falling = rising[::-1]
    found = stands(falling)
    assert not found[:19].any()
    assert found[22:].all()


def test_limits_grow_with_the_body() -> None:
    assert stands(moving([0.80] * 12, size=2.0)).all()
    assert not stands(moving([1.0] * 12, size=2.0)).any()
    assert not stands(moving([0.40] * 12, size=0.8)).any()
    assert stands(moving([0.0] * 12, lift=0.15, size=2.0)).all()
    assert not stands(moving([0.0] * 12, lift=0.07, size=0.8)).any()


def test_movement_along_the_line_of_sight_counts_less_than_half() -> None:
    assert stands(moving([1.05] * 12, along=True)).all()
    assert not stands(moving([1.2] * 12, along=True)).any()


def test_a_foot_stands_for_a_tenth_of_a_second_or_not_at_all() -> None:
    for frames, stood in ((2, 0), (3, 3), (4, 4)):
        body = moving([0.0] * 40)
        sure = np.zeros(body.shape[:3])
        sure[20 : 20 + frames] = 1.0
        assert foot_contacts(body, np.eye(4), FPS, confidence=sure)[:, 0, 0].sum() == stood


def test_ankles_that_are_guessed_do_not_stand() -> None:
    assert stands(moving([0.0] * 12), right=0.3).all()
    assert not stands(moving([0.0] * 12), right=0.29).any()


def test_joints_may_come_in_any_order() -> None:
    """A skeleton with the same joints from the last to the first."""
    backwards = Skeleton(
        "backwards",
        H36M17.joints[::-1],
        tuple(16 - parent if parent >= 0 else -1 for parent in H36M17.parents[::-1]),
    )
    body = moving([0.2] * 15 + [0.65] * 15 + [1.2] * 15)
    body[:, :, LEFT, 1] += 0.02
    sure = np.ones(body.shape[:3])
    sure[:10, :, RIGHT] = 0.1
    contacts = foot_contacts(body, np.eye(4), FPS, confidence=sure)
    assert 0 < contacts[..., 0].sum() < 35
    other = body[:, :, ::-1]
    found = foot_contacts(other, np.eye(4), FPS, confidence=sure[..., ::-1], skeleton=backwards)
    np.testing.assert_array_equal(found, contacts)
    present = np.ones(body.shape[:2], np.bool_)
    worlds = [
        estimate_world(*case, FPS, confidence=sure[..., ::step], skeleton=skeleton)
        for case, step, skeleton in (
            ((body, present), 1, H36M17),
            ((other, present), -1, backwards),
        )
    ]
    one, two = (world.world_from_camera for world in worlds)
    np.testing.assert_allclose(one, two, atol=1e-9)
    assert worlds[0].contacts_used == worlds[1].contacts_used > 0
    held = [
        without_sliding(case, contacts, worlds[0].world_from_camera, FPS, skeleton=skeleton)
        for case, skeleton in ((body, H36M17), (other, backwards))
    ]
    np.testing.assert_allclose(held[1].in_camera[:, :, ::-1], held[0].in_camera, atol=1e-5)


def test_low_is_told_from_the_second_around() -> None:
    """On the upper of two floors since more than a second, or for only a moment."""
    for frames, stood in ((60, True), (20, False)):
        body = lasting(figure(), 140)[:, None]
        body[40 : 40 + frames] -= [0, 0.5, 0]
        assert foot_contacts(body, np.eye(4), FPS)[40 + frames // 2, 0].all() == stood


def test_trembling_is_no_speed() -> None:
    body = moving([0.0] * 40)
    body[:, 0, RIGHT, 0] += 0.005 * (-1.0) ** np.arange(40)  # 0.3 m/s from frame to frame
    assert stands(body).all()
    body[:, 0, RIGHT, 0] += 0.2 * np.sin(np.arange(40) / 3)  # 2 m/s
    assert stands(body).mean() < 0.5


# standing feet are held


def test_ahead_is_where_hips_and_trunk_face() -> None:
    for pose in ({"lean": 0}, {"lean": 30}, {"lean": -50, "aside": 20}):
        body = figure(**pose)[None]  # type: ignore[arg-type]
        body[:, AT("left_hip"), 0] += 0.2
        ahead = _forward(body, standing_joints(H36M17))
        # Towards the camera.
        np.testing.assert_allclose(ahead[0], about_x(pose["lean"]) @ [0, 0, -1], atol=1e-9)


def slid(skeleton: Skeleton = H36M17) -> tuple[np.ndarray, np.ndarray]:
    """A body that drifts by 0.3 m/s across while its right foot stands, in frames 5 to 24."""
    body = np.zeros((30, len(skeleton), 3))
    body[:, :17] = figure(knees=(20, 20))
    body[:, 17:] = body[:, [RIGHT]] + np.array([0, 0.08, -0.1])
    body[:, :, 0] += 0.3 * np.arange(30)[:, None] / FPS
    contacts = np.zeros((30, 1, 2), dtype=np.bool_)
    contacts[5:25, 0, 0] = True
    return body[:, None], contacts


FAR = np.eye(4)
FAR[1, 3] = -5.0  # the floor of this world is too far away to be stood on


def test_a_foot_is_held_and_the_other_leg_goes_with_the_body() -> None:
    body, contacts = slid()
    after = without_sliding(body, contacts, FAR, FPS).in_camera[:, 0].astype(np.float64)
    assert np.ptp(after[5:25, RIGHT], axis=0).max() < 0.002
    left = [AT(f"left_{joint}") for joint in ("hip", "knee", "ankle")]
    upper = [AT("pelvis"), AT("thorax"), AT("left_wrist")]
    shift = after[:, upper] - body[:, 0, upper]
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:, :1], shift.shape), atol=1e-5)
    np.testing.assert_allclose(
        after[:, left] - after[:, [0]], body[:, 0, left] - body[:, 0, [0]], atol=1e-5
    )
    # The body takes over what the foot slid, evenly: no more than the leg can make up for.
    assert np.abs(np.diff(shift[:, 0], 2, axis=0)).max() < 0.005
    # Before and after, where the foot swings, it goes back to where it was by and by.
    assert np.abs(after[:5, RIGHT, 0] - body[:5, 0, RIGHT, 0]).max() < 0.15


def test_toes_and_heels_go_where_their_ankle_goes() -> None:
    body, contacts = slid(BODY23)
    after = (
        without_sliding(body, contacts, FAR, FPS, skeleton=BODY23)
        .in_camera[:, 0]
        .astype(np.float64)
    )
    for ankle, names in ((RIGHT, "right"), (LEFT, "left")):
        feet = [BODY23.index(f"{names}_{part}") for part in ("big_toe", "small_toe", "heel")]
        before = body[:, 0, feet] - body[:, 0, [ankle]]
        np.testing.assert_allclose(after[:, feet] - after[:, [ankle]], before, atol=1e-5)


def test_a_foot_near_the_floor_is_put_onto_it_and_less_the_further_it_is() -> None:
    """All of it up to 0.1 m, half of it at 0.15, nothing from 0.2 m on."""
    body = lasting(figure(knees=(20, 20)))[:, None]
    contacts = np.ones((30, 1, 2), dtype=np.bool_)
    lowest = body[0, 0, [RIGHT, LEFT], 1].max() + ANKLE_HEIGHT * HEIGHT
    for above, share in ((0.05, 1.0), (0.099, 1.0), (0.15, 0.5), (0.21, 0.0), (-0.15, 0.5)):
        world = np.eye(4)
        world[1, 3] = -(lowest + above)
        after = without_sliding(body, contacts, world, FPS).in_camera
        moved = (after - body)[:, 0, [RIGHT, LEFT]]
        assert moved[..., 1] == pytest.approx(above * share, abs=0.004)
        # Mostly towards the camera, which hardly shows: not to the side, little in the picture.
        assert np.abs(moved[..., 0]).max() < 0.01
        before, seen = (case[:, 0, [RIGHT, LEFT], 1:] for case in (body, after))
        down = seen[..., 0] / seen[..., 1] - before[..., 0] / before[..., 1]
        assert np.abs(down * before[..., 1]).max() < 0.05
