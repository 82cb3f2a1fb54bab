from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from mbcli.errors import ConfigError
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.model import FULL, LITE
from mbcli.train.backbone import start_backbone
from mbcli.train.config import CorruptionConfig, LossConfig, PretrainConfig
from mbcli.train.curriculum import Curriculum
from mbcli.train.engine import length
from mbcli.train.reading import load_config as read
from mbcli.train.schedule import Epochs, ema_decay, learning_rate
from mbcli.train.sections import ModelConfig, OptimiserConfig
from mbcli.train.start import can_grow
from mbcli.train.tasks.lifting import Pretraining
from mbcli.weights import resolve


def load_config(path: Path, overrides: list[str] | tuple[str, ...] = ()) -> PretrainConfig:
    return read(path, overrides, PretrainConfig)


EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "configs"


PRETRAINING = [path for path in sorted(EXAMPLES.glob("*.yaml")) if "task:" not in path.read_text()]


@pytest.mark.parametrize("path", PRETRAINING, ids=lambda p: p.name)
def test_examples_are_valid(path) -> None:
    config = load_config(path)
    assert config.data.store is not None
    assert config.data.store.is_absolute()
    assert config.model.build().num_joints == 17


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mbcli-lifter", "lifter_postures.yaml"),
        ("mbcli-lifter-small", "lifter_sure.yaml"),
        ("mbcli-lifter-lite", "lifter_lite.yaml"),
    ],
)
def test_the_bundled_weights_have_their_configuration(name, file) -> None:
    config = load_config(EXAMPLES / file)
    model, info = load_lifter(resolve(name))
    assert model.config == config.model.build()
    assert info.metadata["config"]["data"]["holdout"] == list(config.data.holdout)
    assert info.metadata["config"]["run"]["steps"] == config.run.steps


def test_the_bundled_lifter_grows_into_the_published_lite_dimensions() -> None:
    wanted = load_config(EXAMPLES / "lifter_lite.yaml").model.build()
    model, _ = load_lifter(resolve("mbcli-lifter"))
    assert can_grow(model.config, wanted)
    assert replace(wanted, maxlen=LITE.maxlen) == LITE


def test_the_bundled_lite_lifter_starts_runs_of_the_published_length() -> None:
    config = load_config(EXAMPLES / "pretrain_lite.yaml", ["run.init=mbcli-lifter-lite"])
    longer = start_backbone(config).eval()
    lite, _ = load_lifter(resolve("mbcli-lifter-lite"))
    assert longer.config == LITE
    picture = torch.rand(1, 1, 17, 3)  # the first frame, where a stretched embedding is the old one
    with torch.no_grad():
        torch.testing.assert_close(longer(picture), lite.eval()(picture))


def test_published_dimensions_are_the_default() -> None:
    assert ModelConfig().build() == LITE


def test_overrides_are_typed(make_config) -> None:
    config = load_config(make_config(), ["optimiser.learning_rate=2e-4", "clips.fps=[24, 30]"])
    assert config.optimiser.learning_rate == 2e-4
    assert config.clips.fps == (24.0, 30.0)


def test_paths_start_at_the_file_and_on_the_command_line_at_the_working_folder(
    make_config, tmp_path, monkeypatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    path = make_config(run={"out": "run"}, data={"store": "../clips"})
    config = load_config(path)
    assert config.run.out == tmp_path / "run"
    assert config.data.store == tmp_path / ".." / "clips"
    config = load_config(path, ["run.out=run", "data.store=../clips"])
    assert config.run.out == here / "run"
    assert config.data.store == here / ".." / "clips"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.learning_rat=1", "unknown key optimiser.learning_rat.*learning_rate"),
        ("optimizer.learning_rate=1", "unknown key optimizer.*optimiser"),
        ("loss.velocity=-1", r"loss\.velocity.*greater than or equal to 0"),
        ("clips.fps=[60, 12]", r"clips: fps must be \[low, high\]"),
        ("clips.frames=500", "clips.frames must not exceed model.maxlen"),
        ("run.steps=soon", r"run\.steps.*integer"),
        (f"run.seed={2**63}", r"run\.seed.*less than 9223372036854775808"),
        ("run.devices=3", "multiple of the processes"),
        ("model.num_heads=3", "num_heads must divide dim_feat"),
        ("run.steps", "section.key=value"),
        ("steps=3", "section.key=value"),
    ],
)
def test_mistakes_are_reported_in_one_line(make_config, override, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(make_config(), [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: [1", "just words", ""])
def test_a_file_that_is_no_configuration(tmp_path, text) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load_config(path)


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.yaml")


def test_published_schedule_decays_an_epoch_at_a_time() -> None:
    config = OptimiserConfig(learning_rate=5e-4)
    assert learning_rate(99, 1000, Epochs(100), config) == 5e-4
    assert learning_rate(100, 1000, Epochs(100), config) == pytest.approx(5e-4 * 0.99)
    assert learning_rate(950, 1000, Epochs(100), config) == pytest.approx(5e-4 * 0.99**9)


def test_early_epochs_are_shorter() -> None:
    # 3 epochs of 10 steps on 3D data, then epochs of 25 steps with the videos.
    epochs = Curriculum(drawn=6, poses=4, videos=15, start_videos=3).epochs
    assert [epochs.done(step) for step in (0, 5, 30, 55)] == [0, 0.5, 3, 4]
    assert [epochs.first_step(number) for number in (0, 2, 3, 5)] == [0, 20, 30, 80]
    config = OptimiserConfig(learning_rate=1.0)
    rates = [learning_rate(step, 80, epochs, config) for step in (9, 10, 54, 55)]
    assert rates == pytest.approx([1, 0.99, 0.99**3, 0.99**4])
    assert Curriculum(drawn=6, poses=4, videos=0, start_videos=3).epochs.first_step(5) == 50


@pytest.mark.parametrize(("name", "width"), [("lite", 256), ("full", 512)])
def test_pretraining_examples_are_the_published_settings(name, width) -> None:
    config = load_config(EXAMPLES / f"pretrain_{name}.yaml")
    assert (config.run.epochs, config.run.batch) == (90, 64)
    assert (config.data.start_videos, config.data.stride, config.clips.frames) == (30, 81, 243)
    assert config.model.build() == (LITE if name == "lite" else FULL)
    assert config.model.dim_feat == width
    assert config.optimiser == OptimiserConfig()
    assert config.loss == LossConfig()
    assert config.corruption == CorruptionConfig()


def test_two_names_are_no_range(make_config) -> None:
    config = load_config(make_config(), ["data.poses=[z, a]", "data.holdout=[eve, bob]"])
    assert [path.name for path in config.data.poses] == ["z", "a"]


def test_a_run_is_as_long_as_its_steps_or_its_epochs(make_config) -> None:
    with pytest.raises(ConfigError, match=r"exactly one of run\.steps and run\.epochs.*4 and 2"):
        load_config(make_config(), ["run.epochs=2"])
    task = Pretraining(
        load_config(make_config(), ["run.steps=null", "run.epochs=2.5", "data.epoch_steps=4"])
    )
    epochs, steps = length(task)
    assert (epochs.done(6), steps) == (1.5, 10)


def test_cosine_warms_up_and_ends_at_zero() -> None:
    config = OptimiserConfig(learning_rate=1.0, schedule="cosine", warmup_steps=10)
    rates = [learning_rate(step, 110, Epochs(10), config) for step in range(110)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert rates[-1] < 1e-3
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_the_average_forgets_its_start_quickly() -> None:
    assert ema_decay(0, 0.999) == pytest.approx(0.1)
    assert ema_decay(100_000, 0.999) == 0.999


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "'",
        "@",
        "%x",
        "2020-13-45",
        "!!python/object:os.system x",
        "!!int ''",
        "!!bool x",
        "!!float x",
        "!!timestamp x",
        "[" * 3000,
        "9" * 5000,
        "\x00",
        "{[a]: 1}",
        "? {a: b}",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_a_value_that_is_not_yaml_is_reported_in_one_line(make_config, tmp_path, text: str) -> None:
    for load in (
        lambda: load_config(make_config(), [f"run.steps={text}"]),
        lambda: load_config(_written(tmp_path / "c.yaml", f"run: {{steps: {text}}}")),
    ):
        with pytest.raises(ConfigError) as error:
            load()
        assert len(str(error.value)) < 400
        assert "\n" not in str(error.value)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
