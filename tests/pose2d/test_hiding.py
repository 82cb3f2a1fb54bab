from __future__ import annotations

import numpy as np

from mbcli.pose2d.hiding import hide_others
from mbcli.skeleton import COCO17
from mbcli.types import FloatArray

SURE = 0.2
AT = COCO17.index


def standing(x: float, score: float = 0.8) -> FloatArray:
    """Somebody 180 pixels tall whose middle is at x."""
    places = {"nose": (0, 30), "eye": (5, 27), "ear": (9, 30), "shoulder": (18, 60)}
    places |= {"elbow": (26, 90), "wrist": (30, 120), "hip": (12, 120)}
    places |= {"knee": (13, 160), "ankle": (13, 200)}
    person = np.zeros((17, 3))
    for joint, name in enumerate(COCO17.joints):
        side = -1 if name.startswith("left") else 1
        across, down = places[name.split("_")[-1]]
        person[joint] = x + side * across, down, score
    return person


def picture() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    drawn = np.full((256, 256, 3), 90, np.uint8)
    drawn[:, 120:] = 200
    return drawn


def test_nobody_else_leaves_the_picture_as_it_is() -> None:
    seen = picture()
    assert hide_others(seen, standing(60), [], SURE) is seen
    assert hide_others(seen, standing(60), [standing(180, score=0.1)], SURE) is seen


def test_the_other_is_painted_over_and_the_person_is_not() -> None:
    seen = picture()
    seen[60:120, 162:198] = 255, 0, 0  # the other's trunk
    plain = hide_others(seen, standing(60), [standing(180)], SURE)
    assert not (plain == (255, 0, 0)).all(axis=-1)[64:116, 168:192].any()
    assert np.array_equal(plain[:, :100], seen[:, :100])
    assert (seen[60:120, 162:198] == (255, 0, 0)).all(), "the frame itself must not change"


def test_where_two_meet_the_surer_one_keeps_the_limb() -> None:
    seen = picture()
    own, other = standing(120, score=0.5), standing(120, score=0.9)
    covered = hide_others(seen, own, [other], SURE)
    assert covered is not seen
    own[:, 2], other[:, 2] = 0.9, 0.5
    kept = hide_others(seen, own, [other], SURE)
    knee = own[AT("left_knee"), :2].astype(int)
    wrist = own[AT("left_wrist"), :2].astype(int)
    for x, y in (knee, wrist):
        assert np.array_equal(kept[y, x], seen[y, x])
    changed = (kept != seen).any(axis=-1).sum(), (covered != seen).any(axis=-1).sum()
    assert changed[0] < changed[1]


def test_a_picture_that_is_all_covered_is_left_alone() -> None:
    seen = picture()[90:110, 115:125]
    other = standing(120)
    other[:, :2] -= 115, 90
    own = standing(400, score=0.9)
    assert hide_others(seen, own, [other], SURE) is seen
