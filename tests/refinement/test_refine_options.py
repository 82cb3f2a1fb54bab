from __future__ import annotations

from typing import Any

import pytest

from mbcli.errors import ConfigError
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
        ({"filter": "savgol", "beta": 1.0}, "--beta needs --filter one-euro"),
        ({"filter": "one-euro", "beta": -1.0}, "--beta must be 0 or more, got -1"),
        ({"symmetric": True}, "--symmetric needs --bones"),
    ],
)
def test_rules(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RefineOptions(**given)
