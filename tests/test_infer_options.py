from __future__ import annotations

import re

import pytest

from mbcli.errors import ConfigError
from mbcli.options import InferOptions


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_quarter_turns(rotate: int) -> None:
    assert InferOptions(rotate=rotate).rotate == rotate


@pytest.mark.parametrize("rotate", [91, -90, 360])
def test_other_turns(rotate: int) -> None:
    with pytest.raises(
        ConfigError, match=re.escape(f"--rotate must be 0, 90, 180, 270 degrees, got {rotate}")
    ):
        InferOptions(rotate=rotate)


def test_root_relative_goes_with_compat() -> None:
    assert InferOptions(root_relative=True, compat="motionbert").root_relative
    with pytest.raises(ConfigError, match="--root-relative needs --compat"):
        InferOptions(root_relative=False)
