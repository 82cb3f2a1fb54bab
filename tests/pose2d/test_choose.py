"""Which front end `auto` takes: only files on disk and installed packages decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mbcli.errors import ConfigError
from mbcli.pose2d import BACKENDS, Pose2DOptions, choose
from mbcli.pose2d.choose import Choice
from mbcli.pose2d.models import KEYPOINT_MODELS, PERSON_MODELS, WEIGHTS_OF_MODE
from mbcli.weights import ENVIRONMENT_VARIABLE, TABLE


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder of weights, and nothing in the cache."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    return tmp_path


def put(shelf: Path, *names: str) -> None:
    for name in names:
        (shelf / TABLE[name].file).write_bytes(b"weights")


def auto(**options: Any) -> Choice:
    return choose.choose("auto", Pose2DOptions(**options))


def test_what_comes_with_mbcli_is_the_last_resort(shelf: Path):
    choice = auto()
    assert choice.backend == "movenet"
    for name in WEIGHTS_OF_MODE["balanced"]:
        assert name in choice.hint
    assert "mbcli weights fetch" in choice.hint


@pytest.mark.parametrize("mode", WEIGHTS_OF_MODE)
def test_onnx_models_on_disk_are_taken(shelf: Path, mode: str):
    put(shelf, WEIGHTS_OF_MODE[mode][0])
    assert auto().backend == "movenet", "a detector alone is not enough"
    put(shelf, WEIGHTS_OF_MODE[mode][1])
    choice = auto()
    assert (choice.backend, choice.options.pose2d_mode, choice.hint) == ("rtmpose", mode, "")
    assert WEIGHTS_OF_MODE[mode][1] in choice.reason


@pytest.mark.parametrize("runs", [True, False])
def test_mmpose_comes_first_where_it_runs(shelf: Path, runs: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choose, "_mmpose_runs", lambda: runs)
    put(shelf, *WEIGHTS_OF_MODE["balanced"])
    assert auto().backend == "rtmpose"
    put(shelf, next(reversed(PERSON_MODELS)))
    assert auto().backend == "rtmpose", "a detector alone is not enough"
    put(shelf, next(reversed(KEYPOINT_MODELS)))
    assert auto().backend == ("mmpose" if runs else "rtmpose")


def test_what_the_user_names_decides(shelf: Path):
    assert auto(pose2d_config="rtmpose-m_8xb256-420e_body8-256x192").backend == "mmpose"
    assert auto(det_config="x").backend == "mmpose"
    assert auto(pose2d_checkpoint="own.onnx").backend == "rtmpose"
    assert auto(pose2d_checkpoint="rtmo-m-onnx").backend == "rtmpose"
    assert auto(det_checkpoint="own.pth").backend == "mmpose"
    assert auto(pose2d_mode="light").backend == "rtmpose"
    assert choose.choose("movenet", Pose2DOptions()).backend == "movenet"


def test_options_that_a_front_end_would_ignore_are_refused():
    with pytest.raises(ConfigError, match="--pose2d-mode has no meaning with --pose2d movenet"):
        BACKENDS["movenet"](Pose2DOptions(pose2d_mode="light"))
    refused: list[dict[str, Any]] = [
        {"pose2d_config": "x"},
        {"pose2d_checkpoint": "x"},
        {"pose2d_flip": True},
    ]
    for options in refused:
        with pytest.raises(ConfigError, match="has no meaning with --pose2d movenet"):
            BACKENDS["movenet"](Pose2DOptions(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pose2d_mode": "huge"}, "--pose2d-mode must be light, balanced or accurate, got 'huge'"),
        ({"pose2d_batch": 0}, "--pose2d-batch must be 1 or more, got 0"),
        ({"min_score": 1.0}, "--min-score must be between 0 and 1, got 1"),
    ],
)
def test_values_outside_their_rule(options: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        Pose2DOptions(**options)
