"""Postures on the feet: standing, reaching, stooping, squatting, lunging."""

from __future__ import annotations

import numpy as np

from research.postures.body import Sizes
from research.postures.posture import FLOOR, SOLE, Draw, Posture, elbows, hinges, pair


def upright(size: Sizes, draw: Draw) -> Posture:
    """Standing."""
    stance = draw(0.05, 0.16)
    step = draw.near(0.06)
    return Posture(
        pelvis=np.array([draw.near(0.02), SOLE + draw(0.975, 0.992) * size.leg, 0.0]),
        hips=np.array([draw.near(5), draw(-4, 5), draw.near(2), 0.0]),
        chest=np.array([draw.near(7), draw(-3, 7), draw.near(2), 0.0]),
        ankles=np.array([[stance, SOLE, step], [-stance, SOLE, -step]]),
        knees=hinges(draw(0, 18)),
        level=draw(0.4, 1.0),
        hold=draw(0.3, 1.5),
    )


def squatting(size: Sizes, draw: Draw) -> Posture:
    """A squat, half or deep, with the arms as recorded, forward or down to the floor."""
    deep = draw(0.28, 0.62)
    hip = SOLE + deep * size.leg
    pitch = draw(15, 38)
    hands = np.full((2, 3), np.nan)
    arms = draw.one_of("free", "free", "forward", "floor", "knees")
    if arms == "forward":
        hands = pair(draw(0.05, 0.2), hip + 0.75 * size.trunk, 0.3 + 0.8 * size.arm)
    elif arms == "floor" and deep < 0.45:
        hands = pair(draw(0.1, 0.25), 0.04, draw(0.3, 0.45))
        pitch = draw(45, 70)
    elif arms == "knees":
        hands = pair(draw(0.1, 0.2), size.shank + SOLE + draw(-0.05, 0.08), 0.3)
    return Posture(
        pelvis=np.array([0.0, hip, -0.25 * (1 - deep) - 0.02]),
        hips=np.array([0.0, 0.6 * pitch, 0.0, 0.0]),
        chest=np.array([draw.near(8), pitch, draw.near(4), 0.0]),
        ankles=pair(draw(0.1, 0.26), SOLE, 0.0),
        knees=hinges(draw(5, 40), ahead=0.3),
        hands=hands,
        level=draw(0.4, 1.0),
        hold=draw(0.3, 2.0),
    )


def stooping(size: Sizes, draw: Draw) -> Posture:
    """Bent over on nearly straight legs, a hand or both at the floor or at a low thing."""
    hip = SOLE + draw(0.82, 0.97) * size.leg
    pitch = draw(60, 115)
    low = draw(0.05, 0.5)
    hands = pair(draw(0.03, 0.22), low, draw(0.25, 0.45))
    if draw(0, 1) < 0.4:
        hands[0] = np.nan
    result = Posture(
        pelvis=np.array([0.0, hip, -0.1]),
        hips=np.array([0.0, 0.6 * pitch, 0.0, 0.0]),
        chest=np.array([draw.near(15), pitch, draw.near(8), 0.0]),
        ankles=pair(draw(0.08, 0.2), SOLE, 0.0),
        knees=hinges(draw(0, 18), ahead=0.5),
        hands=hands,
        elbows=elbows(draw(0.1, 0.7)),
        level=draw(0.0, 0.5),
        hold=draw(0.2, 1.2),
    )
    return result.mirrored() if draw(0, 1) < 0.5 else result


def reaching(size: Sizes, draw: Draw) -> Posture:
    """Standing, with a hand or both at something high, low, ahead or aside."""
    tall = SOLE + size.leg + size.trunk
    up = draw(0.5, tall + 0.8 * size.arm)
    toes = max(0.0, draw(-0.1, 0.09)) if up > tall + 0.3 * size.arm else 0.0
    side = draw(-0.1, 0.55)
    lean = float(np.clip(35 * (tall - 0.35 - up), -8, 30))
    hands = pair(draw(0.05, 0.25), up, draw(0.2, 0.55))
    if draw(0, 1) < 0.6:
        hands[1] = np.nan
        hands[0, 0] += side
    result = Posture(
        pelvis=np.array([0.0, SOLE + toes + 0.985 * size.leg, 0.0]),
        hips=np.array([draw.near(8), 0.3 * lean, draw.near(3), 0.0]),
        chest=np.array([draw.near(15), lean, draw.near(7), 0.0]),
        ankles=pair(draw(0.06, 0.18), SOLE + toes, draw.near(0.05)),
        knees=hinges(6),
        hands=hands,
        elbows=elbows(draw(0.1, 0.9)),
        level=draw(0.2, 1.0),
        hold=draw(0.3, 1.8),
    )
    return result.mirrored() if draw(0, 1) < 0.5 else result


def lunging(size: Sizes, draw: Draw, *, down: bool) -> Posture:
    """One foot in front; with the knee behind on the floor: half kneeling."""
    step = draw(0.38, 0.5)
    hip = FLOOR["knee"] + 0.995 * size.thigh if down else SOLE + draw(0.62, 0.85) * size.leg
    behind = -0.98 * size.shank if down else -draw(0.4, 0.6)
    ankles = np.array(
        [[0.1, SOLE, step], [-0.1, FLOOR["ankle"] + (0.01 if down else 0.08), behind]]
    )
    result = Posture(
        pelvis=np.array([0.0, hip, 0.0]),
        hips=np.array([0.0, draw(0, 12), 0.0, 0.0]),
        chest=np.array([draw.near(8), draw(0, 30), draw.near(4), 0.0]),
        ankles=ankles,
        knees=np.stack([hinges(8, ahead=0.7)[0], hinges(5)[1]]),
        level=draw(0.5, 1.0),
        hold=draw(0.4, 2.0),
    )
    return result.mirrored() if draw(0, 1) < 0.5 else result
