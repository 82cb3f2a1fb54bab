"""Postures that no recording at hand holds, each with what a person may vary in it.

Lengths are metres of the person at hand: a posture is made for given `Sizes`. Angles are degrees.
Heights of joints above what they rest on, such as an ankle's 0.08 m above the sole, are those of
adults; seats, tables and shelves are as high as those in homes and offices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mbcli.types import FloatArray
from research.postures.body import Sizes

SOLE = 0.08  # ankle above the sole
FLOOR = {"knee": 0.05, "ankle": 0.05, "wrist": 0.03, "elbow": 0.03, "hip": 0.08, "head": 0.08}
"""Metres of a joint's centre above the floor that it lies or kneels on, at least."""


@dataclass(frozen=True, eq=False)
class Posture:
    """One posture, in the heading frame: x to the left, y up, z forward, floor at 0.

    Attributes:
        pelvis: (3,) its place.
        hips: (4,) turn of the pelvis: yaw to the left, pitch forward, roll to the left, spin
            about its own up. Applied in the order spin, roll, pitch, yaw.
        chest: (4,) the same of the chest, against the heading, not against the pelvis.
        ankles: (2, 3) left and right.
        knees: (2, 3) axes about which the knees bend, in the pelvis' axes; see `hinges`.
        hands: (2, 3) wrists, NaN where an arm moves as recorded.
        elbows: (2, 3) axes about which the elbows bend where the wrists are given, in the
            chest's axes; see `elbows`.
        level: how far the head stays level when the chest leans, 0..1.
        hold: seconds.
        via: whether the motion goes through it without a stop.
    """

    pelvis: FloatArray
    hips: FloatArray
    chest: FloatArray
    ankles: FloatArray
    knees: FloatArray
    hands: FloatArray = field(default_factory=lambda: np.full((2, 3), np.nan))
    elbows: FloatArray = field(default_factory=lambda: elbows(0.3))
    level: float = 0.6
    hold: float = 1.0
    via: bool = False

    def moved(self, by: FloatArray) -> Posture:
        """The same elsewhere."""
        return replace(
            self, pelvis=self.pelvis + by, ankles=self.ankles + by, hands=self.hands + by
        )

    def mirrored(self) -> Posture:
        """Left and right exchanged."""
        flip = np.array([-1.0, 1.0, 1.0])
        turn = np.array([-1.0, 1.0, -1.0, -1.0])
        return replace(
            self,
            pelvis=self.pelvis * flip,
            hips=self.hips * turn,
            chest=self.chest * turn,
            **{name: (getattr(self, name) * flip)[::-1] for name in ("ankles", "hands")},
            # Axes of turning, not directions.
            **{name: -(getattr(self, name) * flip)[::-1] for name in ("knees", "elbows")},
        )


def pair(x: float, y: float, z: float) -> FloatArray:
    """(2, 3) the same on both sides, x outwards."""
    return np.array([[x, y, z], [-x, y, z]])


def hinges(left: float, right: float | None = None, *, ahead: float = 0.0) -> FloatArray:
    """(2, 3) axes of both knees in the pelvis' axes.

    Args:
        left: degrees by which the left knee is turned outwards from pointing forward.
        right: of the right one; as the left one if None.
        ahead: where the legs go, from 0, down along the trunk, to 1, straight ahead.
    """
    angles = np.radians([left, left if right is None else right])
    away = np.sin(angles) * np.array([1.0, -1.0])
    down, front = np.cos(ahead * np.pi / 2), np.sin(ahead * np.pi / 2)
    return np.stack([np.cos(angles), -front * away, -down * away], axis=-1)


def elbows(spread: float) -> FloatArray:
    """(2, 3) axes of both elbows in the chest's axes.

    Args:
        spread: 0 for elbows that stay at the trunk, 1 for elbows that point outwards.
    """
    return np.array([[0.8, spread, 0.5], [0.8, -spread, -0.5]])


class Draw:
    """Random numbers of one clip.

    Args:
        rng: where they come from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def __call__(self, low: float, high: float) -> float:
        """Uniform within low..high."""
        return float(self.rng.uniform(low, high))

    def near(self, sd: float) -> float:
        """Normal, at most two standard deviations off."""
        return float(np.clip(self.rng.normal(), -2, 2) * sd)

    def wobble(self, sd: float) -> FloatArray:
        """(4,) small angles."""
        return np.array([self.near(sd) for _ in range(4)])

    def one_of(self, *choices: str) -> str:
        """A choice."""
        return str(self.rng.choice(choices))


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
