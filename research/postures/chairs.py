"""Sitting on a chair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from research.postures.body import Sizes
from research.postures.posture import SOLE, Draw, Posture, elbows, hinges, pair


def seated(size: Sizes, draw: Draw) -> Posture:
    """On a chair, from a low sofa to a bar stool, with legs and arms in many ways."""
    # Of a person with legs of 0.83 m; who is smaller is given lower chairs.
    seat = (draw(0.24, 0.62) if draw(0, 1) < 0.85 else draw(0.62, 0.8)) * size.leg / 0.83
    hip = seat + 0.09
    apart = draw(0.05, 0.2)
    # Where the feet stand: under the knees, drawn in or put forward; on a rung if the seat is high.
    sole = SOLE if hip - SOLE < 0.95 * size.leg else hip - draw(0.75, 0.95) * size.shank
    sole = max(sole, hip - 0.85 * size.leg) if sole > SOLE else SOLE
    far = np.sqrt((0.97 * size.leg) ** 2 - (hip - sole) ** 2)
    forward = min(far, max(0.12, size.thigh + draw(-0.28, 0.25)))
    ankles, knees = pair(apart, sole, forward), hinges(draw(-5, 25), ahead=0.6)
    legs = draw.one_of("both", "both", "both", "ankles", "four", "over", "apart")
    if legs == "apart":
        ankles[1, 2] = min(far, max(0.1, forward + draw(-0.25, 0.25)))
    elif legs == "ankles":
        ankles = np.array([[-0.05, sole, forward], [0.06, sole + 0.04, forward + 0.06]])
    elif legs in ("four", "over"):
        knee = np.array([size.hip + 0.02, max(hip, size.shank + SOLE) + 0.02, 0.93 * size.thigh])
        if legs == "four":
            ankles[1] = knee + np.array([-0.02, 0.1, 0.02 + draw(-0.12, 0.0)])
            knees[1] = hinges(0, draw(70, 85), ahead=1.0)[1]
        else:
            ankles[1] = knee + np.array([draw(0.0, 0.12), -0.55 * size.shank, draw(0.1, 0.2)])
            knees[1] = hinges(0, draw(-20, 0), ahead=0.8)[1]
    back = draw.one_of("upright", "upright", "slumped", "back", "forward", "elbows")
    pitch = {
        "upright": draw(-6, 10),
        "slumped": draw(0, 18),
        "back": draw(-30, -10),
        "forward": draw(15, 40),
        "elbows": draw(38, 55),
    }[back]
    tilt = {"slumped": -22.0, "back": -20.0}.get(back, 0.4 * pitch)
    turn = draw.near(14)
    result = Posture(
        pelvis=np.array([0.0, hip, 0.0]),
        hips=np.array([0.0, tilt + draw.near(4), draw.near(2), 0.0]),
        chest=np.array([turn, pitch, draw.near(4), 0.0]) + draw.wobble(1.5),
        ankles=ankles,
        knees=knees,
        level=draw(0.5, 1.0),
        hold=draw(1.5, 4.0),
    )
    shoulder = hip + size.trunk * np.cos(np.radians(pitch))
    ahead = size.trunk * np.sin(np.radians(pitch))
    arms = (
        "elbows"
        if back == "elbows"
        else draw.one_of("free", "free", "free", "thighs", "table", "rests", "lap", "phone", "one")
    )
    hands = result.hands
    if arms in ("thighs", "one"):
        on = draw(0.55, 0.95) * size.thigh
        drop = (size.shank + SOLE - hip) * on / size.thigh
        hands = pair(draw(0.06, 0.16), hip + drop + 0.1, on)
        if arms == "one":
            hands[draw.rng.integers(2)] = np.nan
    elif arms == "table":
        hands = pair(draw(0.02, 0.25), seat + draw(0.24, 0.32), ahead + draw(0.25, 0.42))
    elif arms == "rests":
        hands = pair(draw(0.24, 0.32), seat + draw(0.2, 0.28), draw(0.12, 0.3))
    elif arms == "lap":
        hands = pair(draw(0.0, 0.05), hip + 0.1, draw(0.15, 0.3))
    elif arms == "phone":
        hands = pair(draw(0.03, 0.08), shoulder - draw(0.05, 0.25), ahead + draw(0.2, 0.34))
    elif arms == "elbows":
        hands = pair(draw(0.0, 0.1), size.shank + SOLE + draw(0.02, 0.25), size.thigh + 0.02)
    result = replace(result, hands=hands, elbows=elbows(draw(0.1, 0.8)))
    return result.mirrored() if draw(0, 1) < 0.5 else result
