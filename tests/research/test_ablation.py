"""Every try of the ablation is a run that can start, and differs from the first of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbcli.errors import ConfigError, MbcliError
from mbcli.train.config import PretrainConfig
from mbcli.train.reading import load_config
from mbcli.weights import resolve
from research.ablation import BUNDLED, CONFIG, LIFTING, REAL, TRAINED, measure, run_folder, settings

TRIES = [(kind, name) for kind, (_, named) in TRAINED.items() for name in named]


def _config(kind: str, name: str, folder: Path) -> PretrainConfig:
    changes = settings(kind, name, folder / "run", folder / "clips", folder / "videos")
    return load_config(CONFIG, tuple(changes), PretrainConfig)


@pytest.mark.parametrize(("kind", "name"), TRIES)
def test_each_try_is_a_run_of_its_own(tmp_path: Path, kind: str, name: str) -> None:
    first = next(iter(TRAINED[kind][1]))
    usual, config = _config(kind, first, tmp_path), _config(kind, name, tmp_path)
    assert (config == usual) == (name == first)
    assert config.run.steps == usual.run.steps
    assert config.run.batch == usual.run.batch
    assert config.run.out == tmp_path / "run"
    assert config.run.init == (resolve(BUNDLED) if kind == "going on" else None)


def test_real_videos_must_be_given(tmp_path: Path) -> None:
    assert _config("going on", REAL, tmp_path).data.videos == (tmp_path / "videos",)
    missing = f"--videos must be given for the try '{REAL}'"
    with pytest.raises(ConfigError, match=missing):
        settings("going on", REAL, tmp_path / "run", tmp_path / "clips")
    with pytest.raises(ConfigError, match=missing):
        measure(tmp_path / "no_store", tmp_path, [REAL], 1, 1)


def test_a_run_that_is_there_needs_no_videos(tmp_path: Path) -> None:
    run_folder(tmp_path, "going on", REAL).mkdir()
    with pytest.raises(MbcliError, match="no_store"):  # it is past the videos
        measure(tmp_path / "no_store", tmp_path, [REAL], 1, 1)


def test_lifting_tries_differ() -> None:
    assert len(set(LIFTING.values())) == len(LIFTING)


def test_unknown_tries_are_named_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--only must be of .*width 64.*, got 'width 65'"):
        measure(tmp_path, tmp_path, ["width 65"], 1, 1)
