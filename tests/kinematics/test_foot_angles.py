"""Feet that were turned by known angles."""

from __future__ import annotations

import numpy as np
import pytest
from motions import hidden, walking, with_feet
from scipy.spatial.transform import Rotation

from mbcli.geometry import flip
from mbcli.kinematics.angles import LEVEL, joint_angles, motion_angles
from mbcli.kinematics.foot_angles import walking_direction
from mbcli.skeleton import BODY23

FOOT = {"big_toe": (0.19, -0.07, 0.0), "small_toe": (0.15, -0.07, 0.06), "heel": (-0.05, -0.07, 0)}
ANKLE = np.array([0.0, -0.9, 0.0])
# The middle between the toes lies outside: so many degrees from the heel's line ahead.
OUT = float(np.degrees(np.arctan2(0.03, 0.22)))


def standing(side: str, **turned: float) -> np.ndarray:
    """(23, 3) in axes x ahead, y up, z right: one foot turned about its ankle.

    Args:
        side: of the foot.
        turned: ``raised``, toes up; ``inward``, toes to the other side; ``shank``, the lower leg
            with the foot leaning forward.
    """
    body = np.full((23, 3), np.nan)
    sign = 1 if side == "right" else -1
    foot = Rotation.from_euler("z", turned.get("raised", 0), degrees=True)
    foot = Rotation.from_euler("y", sign * (turned.get("inward", 0) + OUT), degrees=True) * foot
    lean = Rotation.from_euler("z", -turned.get("shank", 0), degrees=True)
    body[BODY23.index("pelvis")] = 0
    body[BODY23.index(f"{side}_ankle")] = ANKLE
    body[BODY23.index(f"{side}_knee")] = ANKLE + lean.apply([0, 0.43, 0])
    for part, (ahead, up, right) in FOOT.items():
        # Turn in first, so that raising the toes turns about the foot's own axis.
        place = Rotation.from_euler("y", sign * OUT, degrees=True).apply([ahead, up, sign * right])
        place = foot.apply(Rotation.from_euler("y", -sign * OUT, degrees=True).apply(place))
        body[BODY23.index(f"{side}_{part}")] = ANKLE + lean.apply(place)
    return body


def angles(side: str, **turned: float) -> tuple[float, float]:
    body = standing(side, **turned)
    found = joint_angles(body, np.eye(3), BODY23, ahead=[1.0, 0, 0])
    end = f"_{side[0]}"
    return float(found.of("ankle_angle" + end)), float(found.of("foot_progression" + end))


@pytest.mark.parametrize("side", ["right", "left"])
def test_zero_and_signs(side: str) -> None:
    assert angles(side) == pytest.approx((0, 0), abs=1e-6)
    assert angles(side, inward=12) == pytest.approx((0, 12), abs=1e-6)
    assert angles(side, inward=-150) == pytest.approx((0, -150), abs=1e-6)
    raised, dropped = (angles(side, raised=turn)[0] for turn in (15, -30))
    # The line to the middle of the toes is OUT from the plane in which the foot turns.
    share = np.cos(np.radians(OUT))
    assert np.sin(np.radians(raised)) == pytest.approx(np.sin(np.radians(15)) * share)
    assert np.sin(np.radians(dropped)) == pytest.approx(np.sin(np.radians(-30)) * share)
    # The ankle knows nothing of how the leg leans with its foot.
    assert angles(side, raised=15, shank=40)[0] == pytest.approx(raised)
    # On tiptoe a foot points nowhere.
    assert np.isnan(angles(side, raised=-89)[1])


def test_mirrored_people_exchange_their_feet() -> None:
    motion = with_feet(walking(40))
    bodies = motion.in_camera[:, 0] - motion.in_camera[:1, :1, 0]
    found = joint_angles(bodies, LEVEL, BODY23, ahead=[0.0, 0, 1])
    other = joint_angles(flip(bodies, BODY23), LEVEL, BODY23, ahead=[0.0, 0, 1])
    for name in ("ankle_angle", "foot_progression"):
        assert other.of(f"{name}_l") == pytest.approx(found.of(f"{name}_r"), abs=1e-4)


def test_progression_is_seen_from_the_way_of_a_walker() -> None:
    # Their feet point away from the camera, while they walk 15 degrees away from its x axis.
    found = motion_angles(with_feet(hidden(walking(40), slice(10, 13))))
    there = np.r_[0:10, 13:40]
    assert found.of("foot_progression_r")[there, 0] == pytest.approx(75 - OUT, abs=0.1)
    assert found.of("foot_progression_l")[there, 0] == pytest.approx(-75 - OUT, abs=0.1)
    assert np.isnan(found.of("foot_progression_r")[10:13]).all()
    plain = joint_angles(np.zeros((2, 23, 3)), LEVEL, BODY23)
    assert "ankle_angle_r" in plain.names
    assert "foot_progression_r" not in plain.names


def test_who_stands_walks_in_no_direction() -> None:
    times = np.arange(90) / 30
    place = np.zeros((90, 3))
    place[:, 0] = 0.04 * np.sin(2 * np.pi * times)  # sways
    place[:, 1] = 5 * times  # a lift
    assert np.isnan(walking_direction(place, times)).all()
    place[:, 2] = -0.35 * times
    ahead = walking_direction(place, times)
    np.testing.assert_allclose(ahead[30], [0, 0, -1], atol=0.02)
    assert (ahead[:, 1] == 0).all()
    assert np.isnan(walking_direction(place[:3], times[:3])).all()
    assert np.isnan(walking_direction(np.full((4, 3), np.nan), times[:4])).all()
