from __future__ import annotations

import re
from pathlib import Path

import pytest

from mbcli.errors import ConfigError
from mbcli.options import InferOptions
from mbcli.tracks.source import opened


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


def test_what_only_pictures_tell_is_refused_without_them(tmp_path: Path) -> None:
    assert InferOptions(camera_motion="still", compat="motionbert").camera_motion == "still"
    with pytest.raises(ConfigError, match=r"--camera-motion must be auto or still with --compat"):
        InferOptions(camera_motion="turning", compat="motionbert")
    file = tmp_path / "kp.json"
    file.write_text("[]", encoding="utf-8")
    for motion in ("turning", "moving"):
        options = InferOptions(camera_motion=motion)
        with (
            pytest.raises(ConfigError, match=f"must be auto or still.*got '{motion}' with .*kp"),
            opened(file, options),
        ):
            pass
