from __future__ import annotations

from typing import Any

import pytest

from mbcli.errors import ConfigError
from mbcli.flags import described
from mbcli.refinement.options import RefineOptions


def test_nothing_is_done_unless_asked() -> None:
    assert not RefineOptions().changes
    assert not RefineOptions(max_gap=0).changes
    for choice in (
        RefineOptions(max_gap=0.1),
        RefineOptions(outliers=True),
        RefineOptions(filter="savgol"),
        RefineOptions(bones=True),
        RefineOptions(feet=True),
        RefineOptions(world=True),
    ):
        assert choice.changes


def test_outliers_bring_a_gap_with_them() -> None:
    assert RefineOptions().gap == 0
    assert RefineOptions(outliers=True).gap == 0.25
    assert RefineOptions(outliers=True, max_gap=1).gap == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_gap": -1.0}, "--max-gap must be 0 or more seconds, got -1"),
        ({"max_gap": float("nan")}, "got nan"),
        ({"outliers": True, "max_gap": 0.0}, "--outliers needs a --max-gap above 0"),
        ({"filter": "kalman"}, "none, one-euro, savgol or butterworth, got 'kalman'"),
        ({"cutoff": 6.0}, "--cutoff needs --filter one-euro, savgol, butterworth"),
        ({"filter": "butterworth", "cutoff": 0.0}, "must be 0.001 Hz or more, got 0"),
        ({"filter": "one-euro", "order": 2}, "--order needs --filter savgol, butterworth"),
        ({"filter": "savgol", "order": 8}, "0 to 7 for savgol, got 8"),
        ({"filter": "butterworth", "order": 3}, "even, 2 to 12, for butterworth, got 3"),
        ({"filter": "butterworth", "order": 14}, "even, 2 to 12, for butterworth, got 14"),
        ({"filter": "butterworth", "order": 0}, "even, 2 to 12, for butterworth, got 0"),
        ({"filter": "savgol", "beta": 1.0}, "--beta needs --filter one-euro"),
        ({"filter": "one-euro", "beta": -1.0}, "--beta must be 0 or more, got -1"),
        ({"symmetric": True}, "--symmetric needs --bones"),
    ],
)
def test_rules(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RefineOptions(**given)


def test_orders_at_the_ends_of_their_ranges() -> None:
    for name, orders in (("savgol", (0, 7)), ("butterworth", (2, 12))):
        for order in orders:
            assert RefineOptions(filter=name, order=order).order == order


def test_help_says_what_a_number_is_and_what_it_is_if_it_is_not_given() -> None:
    options = {one.name: one.metadata["option"] for one in described(RefineOptions)}
    assert {one.panel for one in options.values()} == {"Refinement"}
    shown = {name: (one.metavar, one.shown) for name, one in options.items() if one.shown}
    assert shown == {
        "max_gap": ("SECONDS", "0, and 0.25 with --outliers"),
        "cutoff": ("HZ", "one-euro 2, savgol 6, butterworth 6"),
        "order": (None, "savgol 3, butterworth 4"),
        "beta": (None, "6"),
    }
