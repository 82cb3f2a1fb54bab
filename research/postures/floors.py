"""Postures on the floor: sitting, kneeling, on all fours, lying."""

from __future__ import annotations

import numpy as np

from research.postures.body import Sizes
from research.postures.posture import FLOOR, SOLE, Draw, Posture, elbows, hinges, pair


def floor_seated(size: Sizes, draw: Draw) -> Posture:
    """On the floor: cross-legged, legs out, knees hugged, or with both legs to one side."""
    kind = draw.one_of("crossed", "long", "hugged", "side", "bent")
    hip, pitch, tilt = 0.1, draw(-8, 22), draw(-18, 4)
    hands, bent = np.full((2, 3), np.nan), elbows(draw(0.1, 0.6))
    if kind == "crossed":
        ankles = np.array([[-0.08, 0.07, draw(0.26, 0.34)], [0.12, 0.08, draw(0.16, 0.26)]])
        knees = hinges(draw(50, 75), ahead=1.0)
        if draw(0, 1) < 0.4:
            hands = pair(draw(0.2, 0.34), draw(0.2, 0.28), draw(0.25, 0.32))
    elif kind == "long":
        ankles = pair(draw(0.06, 0.3), 0.06, draw(0.9, 0.985) * size.leg)
        knees = hinges(draw(-10, 25), ahead=1.0)
    elif kind == "hugged":
        ankles = pair(draw(0.06, 0.16), SOLE, draw(0.34, 0.5))
        knees = hinges(draw(-5, 20), ahead=1.0)
        hands, pitch = pair(draw(0.0, 0.1), draw(0.28, 0.4), draw(0.36, 0.48)), draw(-5, 15)
    elif kind == "side":
        ankles = np.array([[-0.3, 0.06, draw(0.05, 0.2)], [-0.42, 0.06, draw(-0.2, 0.0)]])
        knees = np.array([[0.3, -1.0, 0.2], [0.5, -1.0, 0.3]])
        if draw(0, 1) < 0.6:
            hands[0] = (draw(0.3, 0.42), 0.03, draw(-0.15, 0.1))
    else:
        ankles = np.array([[0.12, SOLE, draw(0.4, 0.6)], [-0.12, 0.06, draw(0.8, 0.97) * size.leg]])
        knees = hinges(draw(0, 25), ahead=1.0)
    if kind in ("long", "bent") and draw(0, 1) < 0.5:
        hands = pair(draw(0.2, 0.34), 0.03, draw(-0.38, -0.2))
        pitch = draw(-32, -12)
    result = Posture(
        pelvis=np.array([0.0, hip, 0.0]),
        hips=np.array([0.0, tilt, draw.near(4), 0.0]),
        chest=np.array([draw.near(12), pitch, draw.near(5), 0.0]) + draw.wobble(1.5),
        ankles=ankles,
        knees=knees,
        hands=hands,
        elbows=bent,
        level=draw(0.5, 1.0),
        hold=draw(1.5, 4.0),
    )
    return result.mirrored() if draw(0, 1) < 0.5 else result


def kneeling(size: Sizes, draw: Draw, *, sitting: bool | None = None) -> Posture:
    """On both knees, upright or on the heels."""
    on_heels = draw(0, 1) < 0.5 if sitting is None else sitting
    apart = draw(0.06, 0.2)
    if on_heels:
        hip, behind = draw(0.2, 0.26), -0.1
        knees = hinges(draw(3, 25), ahead=0.5)
    else:
        hip, behind = FLOOR["knee"] + 0.995 * size.thigh, -0.98 * size.shank
        knees = hinges(5)
    hands = np.full((2, 3), np.nan)
    if on_heels and draw(0, 1) < 0.4:
        hands = pair(draw(0.06, 0.18), draw(0.25, 0.33), draw(0.2, 0.36))
    return Posture(
        pelvis=np.array([0.0, hip, 0.0]),
        hips=np.array([0.0, draw(-6, 8), 0.0, 0.0]),
        chest=np.array([draw.near(12), draw(-3, 25), draw.near(4), 0.0]),
        ankles=pair(apart, FLOOR["ankle"], behind),
        knees=knees,
        hands=hands,
        level=draw(0.5, 1.0),
        hold=draw(1.0, 3.0),
    )


def on_all_fours(size: Sizes, draw: Draw) -> Posture:
    """On hands and knees."""
    hip = FLOOR["knee"] + 0.985 * size.thigh
    rise = np.clip((0.96 * size.arm + FLOOR["wrist"] - hip) / size.trunk, -0.9, 0.9)
    pitch = 90 - float(np.degrees(np.arcsin(rise))) + draw.near(4)
    ahead = size.trunk * float(np.sin(np.radians(pitch)))
    return Posture(
        pelvis=np.array([0.0, hip, 0.0]),
        hips=np.array([0.0, pitch - draw(0, 14), 0.0, 0.0]),
        chest=np.array([0.0, pitch, 0.0, 0.0]) + draw.wobble(2),
        ankles=pair(draw(0.07, 0.14), FLOOR["ankle"], -0.97 * size.shank),
        knees=hinges(4, ahead=0.6),
        hands=pair(draw(0.14, 0.22), FLOOR["wrist"], ahead + draw(-0.04, 0.08)),
        elbows=elbows(draw(0.3, 0.7)),
        level=draw(0.1, 0.7),
        hold=draw(0.5, 2.0),
    )


def prone(size: Sizes, draw: Draw) -> Posture:
    """Face down: flat, propped on the elbows, or in the low part of a push-up."""
    kind = draw.one_of("flat", "elbows", "elbows", "low")
    pitch = {"flat": draw(80, 87), "elbows": draw(55, 72), "low": draw(82, 88)}[kind]
    ahead = size.trunk * float(np.sin(np.radians(pitch)))
    shoulder = 0.1 + size.trunk * float(np.cos(np.radians(pitch)))
    if kind == "flat":
        hands = pair(draw(0.25, 0.4), 0.03, ahead + draw(-0.1, 0.3))
        bent = elbows(0.8)
    elif kind == "elbows":
        hands = pair(draw(0.02, 0.2), 0.03, ahead + draw(0.15, 0.26))
        bent = elbows(draw(0.1, 0.4))
    else:
        hands = pair(draw(0.22, 0.3), 0.03, ahead - draw(0.0, 0.12))
        bent = elbows(draw(0.4, 0.9))
    return Posture(
        pelvis=np.array([0.0, 0.1, 0.0]),
        hips=np.array([0.0, 88 - draw(0, 6) - 0.2 * (90 - pitch), 0.0, 0.0]),
        chest=np.array([0.0, pitch, 0.0, 0.0]) + draw.wobble(2) * (shoulder > 0.15),
        ankles=pair(draw(0.06, 0.2), 0.07, -draw(0.97, 0.99) * size.leg),
        knees=hinges(draw(0, 25)),
        hands=hands,
        elbows=bent,
        level=draw(0.0, 0.9) if kind == "elbows" else draw(0.0, 0.3),
        hold=draw(1.0, 3.0),
    )


def plank(size: Sizes, draw: Draw) -> Posture:
    """The high part of a push-up; the hands are to stay where `prone` has them."""
    rise = FLOOR["wrist"] + 0.97 * size.arm - 0.09
    line = np.arcsin(np.clip(rise / (size.leg + size.trunk), -1, 1))
    pitch = 90 - float(np.degrees(line))
    middle = 0.09 + size.leg * float(np.sin(line))
    ahead = size.trunk * float(np.cos(line))
    return Posture(
        pelvis=np.array([0.0, middle + draw(-0.02, 0.06), 0.0]),
        hips=np.array([0.0, pitch, 0.0, 0.0]),
        chest=np.array([0.0, pitch, 0.0, 0.0]),
        ankles=pair(draw(0.05, 0.15), 0.09, -0.99 * size.leg * float(np.cos(line))),
        knees=hinges(4),
        hands=pair(draw(0.2, 0.26), FLOOR["wrist"], ahead - 0.02),
        elbows=elbows(draw(0.4, 0.9)),
        level=draw(0.0, 0.5),
        hold=draw(0.1, 0.8),
    )


def supine(size: Sizes, draw: Draw) -> Posture:
    """On the back or on a side: legs out, drawn up or one of each; the head points backwards."""
    side = draw.one_of("back", "back", "back", "left", "right")
    spin = {"back": draw.near(6), "left": draw(70, 95), "right": -draw(70, 95)}[side]
    raised = draw(0, 18) if side == "back" else draw.near(4)  # on a pillow
    legs = draw.one_of("out", "up", "one") if side == "back" else "drawn"
    hip = 0.1 if side == "back" else 0.16
    ankles, knees = pair(draw(0.06, 0.25), 0.06, draw(0.95, 0.985) * size.leg), hinges(draw(0, 30))
    if legs in ("up", "one"):
        ankles[:] = pair(draw(0.08, 0.18), SOLE, draw(0.38, 0.6) * size.leg)
        if legs == "one":
            ankles[1] = (-0.12, 0.06, 0.97 * size.leg)
    elif legs == "drawn":
        to = 1.0 if side == "left" else -1.0  # where the front of the body looks
        for number, height in enumerate((0.07, 0.24) if side == "left" else (0.24, 0.07)):
            ankles[number] = (to * draw(0.05, 0.4), height, draw(0.55, 0.85) * size.leg)
        knees = hinges(0, ahead=0.5)
    hands = np.full((2, 3), np.nan)
    up = size.trunk  # of the shoulders, backwards
    if side == "back":
        arms = draw.one_of("free", "sides", "belly", "over", "head")
        if arms == "sides":
            hands = pair(draw(0.22, 0.45), 0.03, draw(-0.15, 0.1))
        elif arms == "belly":
            hands = pair(draw(0.0, 0.1), draw(0.2, 0.24), -draw(0.1, 0.3))
        elif arms == "over":
            hands = pair(draw(0.1, 0.4), 0.05, -up - draw(0.4, 0.9) * size.arm)
        elif arms == "head":
            hands = pair(0.06, 0.06, -up - 0.2)
    return Posture(
        pelvis=np.array([0.0, hip, 0.0]),
        hips=np.array([0.0, -90 + 0.3 * raised, 0.0, spin]),
        chest=np.array([0.0, -90 + raised, draw.near(4), spin * draw(0.85, 1.1)]),
        ankles=ankles,
        knees=knees,
        hands=hands,
        elbows=elbows(draw(0.2, 0.8)),
        level=0.0,
        hold=draw(1.5, 4.0),
    )
