from __future__ import annotations

from typing import Any

import pytest

from mbcli.batch.options import BatchOptions
from mbcli.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "ray", "jobs": 2}, "--jobs must be left out with --engine ray"),
        ({"ray_address": "auto"}, "--ray-address needs --engine ray, got auto"),
        ({"ray_split": 5.0}, "--ray-split needs --engine ray, got 5"),
        ({"engine": "cloud"}, "--engine must be local or ray"),
    ],
)
def test_options_without_effect_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BatchOptions(**options)


def test_a_cluster_takes_its_options() -> None:
    made = BatchOptions(engine="ray", ray_address="auto", ray_split=5.0)
    assert (made.jobs, made.ray_split) == (1, 5.0)
