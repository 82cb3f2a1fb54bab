"""What people do, as rows of postures: sitting down and getting up, kneeling, crawling, lying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from mbcli.types import FloatArray
from research.postures.body import Sizes
from research.postures.chairs import seated
from research.postures.floors import floor_seated, kneeling, on_all_fours, plank, prone, supine
from research.postures.posture import FLOOR, SOLE, Draw, Posture, hinges
from research.postures.standing import lunging, reaching, squatting, stooping, upright

Row = list[Posture]


def chair(size: Sizes, draw: Draw) -> Row:
    """Sitting down, sitting in two or three ways, getting up."""
    first = seated(size, draw)
    down = _joined([upright(size, draw), _leaning(size, draw, first), first])
    sitting = _sitting_on(down[-1], size, draw, int(draw.rng.integers(1, 3)))
    up = _joined([sitting[-1], _leaning(size, draw, first), upright(size, draw)])
    return [*down, *sitting, *up[1:]]


def chair_only(size: Sizes, draw: Draw) -> Row:
    """Sitting all the time."""
    first = seated(size, draw)
    return [first, *_sitting_on(first, size, draw, 3)]


def floor(size: Sizes, draw: Draw) -> Row:
    """Down to the floor, sitting there, perhaps lying, and up again."""
    row = [upright(size, draw), _through(squatting(size, draw)), floor_seated(size, draw)]
    if draw(0, 1) < 0.5:
        row += [supine(size, draw), floor_seated(size, draw)]
    else:
        row += [floor_seated(size, draw)]
    return _joined([*row, _through(squatting(size, draw)), upright(size, draw)])


def floor_only(size: Sizes, draw: Draw) -> Row:
    """On the floor all the time: sitting and lying."""
    row = [floor_seated(size, draw), supine(size, draw), floor_seated(size, draw)]
    return _joined(row[: draw.rng.integers(2, 4)] if draw(0, 1) < 0.5 else row[1:])


def knees(size: Sizes, draw: Draw) -> Row:
    """Onto one knee, both, the heels, and back up."""
    down = lunging(size, draw, down=True)
    row = [upright(size, draw), down]
    if draw(0, 1) < 0.7:
        row += [kneeling(size, draw, sitting=False), kneeling(size, draw)]
        row += [lunging(size, draw, down=True)]
    return _joined([*row, upright(size, draw)])


def belly(size: Sizes, draw: Draw) -> Row:
    """Down onto hands and knees and the belly, push-ups perhaps, and up again."""
    fours = on_all_fours(size, draw)
    row = [upright(size, draw), _through(lunging(size, draw, down=True)), fours]
    if draw(0, 1) < 0.4:
        up = plank(size, draw)
        low = replace(prone(size, draw), hands=up.hands, elbows=up.elbows, level=up.level)
        flat = replace(
            low,
            pelvis=np.array([0.0, 0.14, 0.0]),
            hips=np.array([0.0, 86.0, 0.0, 0.0]),
            chest=np.array([0.0, 84.0, 0.0, 0.0]),
            ankles=up.ankles,
            hold=draw(0.1, 0.4),
        )
        for _ in range(draw.rng.integers(1, 4)):
            row += [up, flat]
        row += [up]
    else:
        row += [prone(size, draw)]
    return _joined([*row, fours, _through(lunging(size, draw, down=True)), upright(size, draw)])


def crawl(size: Sizes, draw: Draw) -> Row:
    """Crawling on hands and knees; each step is a posture that the motion goes through."""
    start = on_all_fours(size, draw)
    step = draw(0.12, 0.3)
    hands, ankles = np.array(start.hands), np.array(start.ankles)
    row, pelvis = [replace(start, hold=0.3)], np.array(start.pelvis)
    diagonal = draw(0, 1) < 0.8
    for number in range(draw.rng.integers(6, 14)):
        side = number % 2
        hands[side, 2] += step * (1.0 if number == 0 else 2.0)
        leg = 1 - side if diagonal else side
        ankles[leg, 2] += step * (1.0 if number == 0 else 2.0)
        pelvis[2] += step
        sway = draw(0.01, 0.03) * (1 if leg else -1)
        row.append(
            replace(
                start,
                pelvis=pelvis + np.array([sway, 0.0, 0.0]),
                hands=np.array(hands),
                ankles=np.array(ankles),
                chest=start.chest + draw.wobble(3),
                hips=start.hips + draw.wobble(3),
                via=True,
            )
        )
    row[-1] = replace(row[-1], via=False, hold=0.4)
    return row


def things(size: Sizes, draw: Draw) -> Row:
    """Reaching for things, high and low, picking them up, squatting."""
    makers: list[Callable[[Sizes, Draw], Posture]] = [
        *(reaching, stooping, squatting, reaching, partial(lunging, down=False))
    ]
    row = [upright(size, draw)]
    for _ in range(draw.rng.integers(2, 4)):
        row += [makers[draw.rng.integers(len(makers))](size, draw), upright(size, draw)]
    return _joined([replace(p, hold=min(p.hold, 1.0)) for p in row])


PLANS: dict[str, tuple[Callable[[Sizes, Draw], Row], float]] = {
    "chair": (chair, 0.24),
    "chair-only": (chair_only, 0.2),
    "floor": (floor, 0.14),
    "floor-only": (floor_only, 0.1),
    "knees": (knees, 0.08),
    "belly": (belly, 0.07),
    "crawl": (crawl, 0.05),
    "things": (things, 0.12),
}
"""What is done, and how often."""


def _through(posture: Posture) -> Posture:
    return replace(posture, via=True)


def _leaning(size: Sizes, draw: Draw, seat: Posture) -> Posture:
    """Between standing and sitting: the trunk goes forward over the feet."""
    share = draw(0.35, 0.6)
    standing = upright(size, draw)
    height = share * seat.pelvis[1] + (1 - share) * standing.pelvis[1]
    pitch = draw(22, 48)
    return replace(
        standing,
        pelvis=np.array([0.0, height, 0.5 * seat.pelvis[2] - draw(0.15, 0.3) * share]),
        hips=np.array([0.0, 0.7 * pitch, 0.0, 0.0]),
        chest=np.array([draw.near(4), pitch, draw.near(2), 0.0]),
        knees=hinges(8, ahead=0.3),
        level=draw(0.4, 0.9),
        via=True,
    )


def _sitting_on(chair: Posture, size: Sizes, draw: Draw, ways: int) -> Row:
    """Other ways of sitting, on the seat of the first one."""
    return [_same_seat(chair, seated(size, draw), size) for _ in range(ways)]


def _same_seat(chair: Posture, other: Posture, size: Sizes) -> Posture:
    by = chair.pelvis - other.pelvis
    ankles = other.ankles + by
    on_floor = other.ankles[:, 1] < 0.15
    height = chair.pelvis[1] - SOLE
    if height < 0.97 * size.leg:  # feet that stand on the floor stay on it, as far as they reach
        far = np.sqrt((0.97 * size.leg) ** 2 - height**2)
        ankles[on_floor, 1] = SOLE
        ankles[on_floor, 2] = np.minimum(ankles[on_floor, 2], chair.pelvis[2] + far)
    elif on_floor.any():
        ankles = np.array(chair.ankles)
    return replace(other, pelvis=chair.pelvis, ankles=ankles, hands=other.hands + by)


def _joined(row: Row) -> Row:
    """Postures moved so that each rests where the one before it does.

    Who sits or lies stays there with the pelvis; else hands that stay on the floor count first,
    then knees, then the middle of the feet.
    """
    result = row[:1]
    for posture in row[1:]:
        before = result[-1]
        kneeling = np.maximum(before.ankles[:, 1], posture.ankles[:, 1]) < FLOOR["ankle"] + 0.02
        if max(before.pelvis[1], posture.pelvis[1]) < 0.3:
            by = before.pelvis - posture.pelvis
        elif _on_floor(before.hands) and _on_floor(posture.hands):
            by = (before.hands - posture.hands).mean(axis=0)
        else:
            which = kneeling if kneeling.any() else np.array([True, True])
            by = (before.ankles - posture.ankles)[which].mean(axis=0)
        result.append(posture.moved(by * np.array([1.0, 0.0, 1.0])))
    return result


def _on_floor(points: FloatArray) -> bool:
    return bool(np.isfinite(points).all() and (points[:, 1] < FLOOR["ankle"] + 0.08).all())
