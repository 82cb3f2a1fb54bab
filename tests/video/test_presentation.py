from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mbcli.video.presentation import FrameClock, Orientation


def _matrix(a: int, b: int, c: int, d: int) -> list[int]:
    return [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_matrix_and_picture_agree(turns: int, mirrored: bool) -> None:
    """Each pixel goes where ISO's formula (p, q) -> (ap + cq, bp + dq) sends it."""
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][turns]
    sign = -1 if mirrored else 1
    a, b, c, d = sign * cos, sign * sin, -sin, cos
    orientation = Orientation.from_matrix(_matrix(a, b, c, d))
    assert orientation == Orientation(mirrored=mirrored, turns=turns)
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    shown = orientation.upright(image)
    assert orientation.upright_size((3, 2)) == (shown.shape[1], shown.shape[0])
    corners = [(a * p + c * q, b * p + d * q) for p in (0, 2) for q in (0, 1)]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    for q in range(2):
        for p in range(3):
            x, y = a * p + c * q - left, b * p + d * q - top
            assert np.array_equal(shown[y, x], image[q, p])


def test_a_slanted_matrix_goes_to_the_nearest_quarter_turn() -> None:
    angle = np.deg2rad(80)
    cos, sin = (round(f * 65536) for f in (np.cos(angle), np.sin(angle)))
    assert Orientation.from_matrix([cos, sin, 0, -sin, cos, 0, 0, 0, 1 << 30]).turns == 1


def test_an_all_zero_matrix_turns_nothing() -> None:
    assert Orientation.from_matrix([0] * 9) == Orientation()


@pytest.mark.parametrize(
    ("stamps", "seconds", "mended"),
    [
        ([100, 200, 350, 400], [0, 1, 2.5, 3], 0),
        ([None, None, None], [0, 1, 2], 3),
        ([100, None, 300], [0, 1, 2], 1),
        ([None, 500, 600], [0, 1, 2], 1),
        ([100, 100, 200, 200, 300], [0, 0.5, 1, 1.5, 2], 2),
        ([100, 300, 250, 400], [0, 2, 2.5, 3], 1),
        ([100, 200, 900, 100, 200], [0, 1, 8, 9, 10], 1),
    ],
    ids=["good", "none", "missing", "late", "repeated", "jitter", "joined"],
)
def test_clock(stamps: list[int | None], seconds: list[float], mended: int) -> None:
    clock = FrameClock(zero=stamps[0], time_base=Fraction(1, 100), fps=1)
    assert [clock.tick(stamp) for stamp in stamps] == pytest.approx(seconds)
    assert clock.mended == mended


def test_clock_always_goes_forward() -> None:
    rng = np.random.default_rng(3)
    clock = FrameClock(zero=None, time_base=Fraction(1, 90_000), fps=29.97)
    raw = rng.integers(0, 10**7, 2000).tolist()
    times = [clock.tick(None if rng.random() < 0.2 else stamp) for stamp in raw]
    assert np.all(np.diff(times) > 0)
