from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mbcli.errors import ConfigError, OutputError, WeightsError
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.lifter import Lifter
from mbcli.train.config import PretrainConfig
from mbcli.train.engine import train
from mbcli.train.meter import Progress, TrainingObserver
from mbcli.train.reading import load_config as read
from mbcli.train.state import BEST, CHECKPOINT, LAST
from mbcli.train.tasks.lifting import Pretraining


def load_config(path: Path, overrides: tuple[str, ...] | list[str] = ()) -> PretrainConfig:
    return read(path, overrides, PretrainConfig)


def pretrain(config: PretrainConfig, *, resume: bool, observe: TrainingObserver) -> Path | None:
    return train(Pretraining(config), resume=resume, observe=observe)


def ignore(progress: Progress) -> None:
    """Nobody watches."""


def test_a_run_learns_reports_and_leaves_weights_that_load(make_config) -> None:
    config = load_config(
        make_config(
            run={"steps": 150, "log_every": 50, "validate_every": 75},
            model={"start": "spread"},
            optimiser={"learning_rate": 5e-3},
        )
    )
    seen: list[Progress] = []
    weights = pretrain(config, resume=False, observe=lambda progress: seen.append(progress))

    assert [p.step for p in seen] == [50, 100, 150]
    assert seen[-1].parts["mpjpe"] < 0.6 * seen[0].parts["mpjpe"]
    assert set(seen[-1].validation) == {
        f"{kind}/{name}"
        for kind in ("clean", "noisy", "trained")
        for name in ("mpjpe", "p_mpjpe", "mpjve")
    }
    assert weights == config.run.out / BEST
    model, info = load_lifter(weights)
    assert model.config == config.model.build()
    assert info.metadata["task"] == "pretrain"
    assert info.metadata["fps"] == [12.0, 60.0]
    assert info.metadata["config"]["data"]["holdout"] == ["eve"]
    assert list((config.run.out / "scalars").glob("events*"))
    assert not list(config.run.out.glob("*.part*"))


def test_the_longest_clip_is_the_longest_window(make_config) -> None:
    config = load_config(make_config(run={"steps": 2}, clips={"span": [0.3, 1.6]}))
    weights = pretrain(config, resume=False, observe=ignore)
    assert weights is not None
    model, info = load_lifter(weights)
    assert Lifter(model, metadata=info.metadata).span == 1.6


def test_stopped_and_resumed_is_the_same_to_the_bit(make_config) -> None:
    whole = load_config(make_config("whole", run={"steps": 6}))
    pretrain(whole, resume=False, observe=ignore)

    def stop_at_four(progress: Progress) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    broken = load_config(make_config("broken", run={"steps": 6}))
    with pytest.raises(KeyboardInterrupt):
        pretrain(broken, resume=False, observe=stop_at_four)
    kept = torch.load(broken.run.out / CHECKPOINT, weights_only=True)
    # The signal arrives after the step's check, so that the next step is the last.
    assert kept["step"] in (4, 5)
    pretrain(broken, resume=True, observe=ignore)

    a = torch.load(whole.run.out / CHECKPOINT, weights_only=True)
    b = torch.load(broken.run.out / CHECKPOINT, weights_only=True)
    for part in ("model", "averaged"):
        assert all(torch.equal(a[part][name], b[part][name]) for name in a[part])
    first, second = load_file(whole.run.out / LAST), load_file(broken.run.out / LAST)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_can_start_from_other_weights(make_config) -> None:
    first = load_config(make_config("first"))
    pretrain(first, resume=False, observe=ignore)
    start = first.run.out / LAST
    given, _ = load_lifter(start)
    second = load_config(
        make_config("second"), [f"run.init={start}", "optimiser.learning_rate=1e-12", "run.ema=0"]
    )
    pretrain(second, resume=False, observe=ignore)
    after, _ = load_lifter(second.run.out / LAST)
    for name, tensor in given.state_dict().items():
        assert torch.allclose(tensor, after.state_dict()[name], atol=1e-6), name

    other = load_config(make_config("third"), [f"run.init={start}", "model.dim_rep=8"])
    with pytest.raises(WeightsError, match="must fit the model"):
        pretrain(other, resume=False, observe=ignore)


def test_gradients_are_clipped_to_the_norm_that_is_asked_for(make_config) -> None:
    first = load_config(make_config("first"))
    pretrain(first, resume=False, observe=ignore)
    start, _ = load_lifter(first.run.out / LAST)

    def moved(name: str, clip_norm: float) -> float:
        """How far four steps lead from the start, at most."""
        wishes = [f"run.init={first.run.out / LAST}", f"optimiser.clip_norm={clip_norm}"]
        config = load_config(make_config(name), [*wishes, "run.ema=0", "optimiser.weight_decay=0"])
        pretrain(config, resume=False, observe=ignore)
        after, _ = load_lifter(config.run.out / LAST)
        pairs = zip(start.parameters(), after.parameters(), strict=True)
        return max((a - b).abs().max().item() for a, b in pairs)

    # Adam divides by the gradient's size, all but 1e-8: less than that moves nothing.
    assert moved("clipped", 1e-12) < 1e-6
    assert moved("free", 0.0) > 1e-4


def test_a_run_is_not_overwritten(make_config) -> None:
    config = load_config(make_config())
    pretrain(config, resume=False, observe=ignore)
    with pytest.raises(ConfigError, match="--resume"):
        pretrain(config, resume=False, observe=ignore)


@pytest.mark.parametrize(
    ("name", "text"), [("best.safetensors", "weights"), ("config.json", '{"run": "my own"}')]
)
def test_files_of_somebody_else_are_not_overwritten(make_config, name, text) -> None:
    config = load_config(make_config())
    config.run.out.mkdir()
    there = config.run.out / name
    there.write_text(text)
    with pytest.raises(ConfigError, match=f"holds {name}, which the run would overwrite"):
        pretrain(config, resume=False, observe=ignore)
    assert there.read_text() == text


def test_a_run_that_was_killed_early_leaves_its_folder_usable(make_config) -> None:
    config = load_config(make_config())
    pretrain(config, resume=False, observe=ignore)
    for path in config.run.out.iterdir():
        if path.name not in ("config.json", "scalars"):
            path.unlink()
    assert pretrain(config, resume=False, observe=ignore) is not None


def test_nothing_to_resume(make_config) -> None:
    with pytest.raises(ConfigError, match="nothing to resume"):
        pretrain(load_config(make_config()), resume=True, observe=ignore)


def test_resume_refuses_another_configuration(make_config) -> None:
    path = make_config()
    pretrain(load_config(path), resume=False, observe=ignore)
    with pytest.raises(WeightsError, match=r"loss\.velocity must be 20\.0, got 1\.0"):
        pretrain(load_config(path, ["loss.velocity=1"]), resume=True, observe=ignore)
    with pytest.raises(ConfigError, match="from step 4, got a length of 2"):
        pretrain(load_config(path, ["run.steps=2"]), resume=True, observe=ignore)


def test_a_resumed_run_may_become_longer_and_repeats_no_figures(make_config) -> None:
    path = make_config()
    pretrain(load_config(path), resume=False, observe=ignore)
    seen: list[Progress] = []
    longer = ["run.steps=8", "run.log_every=1", "run.validate_every=3"]
    pretrain(load_config(path, longer), resume=True, observe=lambda progress: seen.append(progress))
    assert [progress.step for progress in seen] == [5, 6, 7, 8]
    assert [bool(progress.validation) for progress in seen] == [False, True, False, True]


class Trap:
    """Makes a folder when Python itself unpickles it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("empty", "is damaged or not a checkpoint of a training: EOFError"),
        ("cut", "is damaged or not a checkpoint of a training: "),
        ("text", "is (damaged or )?not a checkpoint of a training"),
        ("hostile", "is refused, nothing in it was run"),
        ("list", "is not a checkpoint of a training$"),
        ("no step", "is not a checkpoint of a training$"),
        ("step", "does not fit together: "),
        ("model", "does not fit together: "),
    ],
)
def test_resume_refuses_a_damaged_checkpoint(
    make_config, tmp_path: Path, damage: str, complaint: str
) -> None:
    config = load_config(make_config())
    pretrain(config, resume=False, observe=ignore)
    path, trace = config.run.out / CHECKPOINT, tmp_path / "was run"
    whole, content = path.read_bytes(), torch.load(path, weights_only=True)
    if damage in ("empty", "cut", "text"):
        path.write_bytes({"empty": b"", "cut": whole[:-5000], "text": b"hello"}[damage])
    elif damage == "no step":
        torch.save({key: value for key, value in content.items() if key != "step"}, path)
    else:
        changed = {"hostile": {"best": Trap(trace)}, "step": {"step": "x"}, "model": {"model": {}}}
        torch.save([] if damage == "list" else content | changed[damage], path)
    with pytest.raises(WeightsError, match=complaint) as caught:
        pretrain(config, resume=True, observe=ignore)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_an_unknown_subject_is_named(make_config) -> None:
    config = load_config(make_config(data={"holdout": ["zoe"]}))
    said = r"data\.holdout must name people of .*store, got zoe \(known: ann, bob, eve\)"
    with pytest.raises(ConfigError, match=said):
        pretrain(config, resume=False, observe=ignore)
    assert not config.run.out.exists()


def test_nobody_left_to_train_on(make_config) -> None:
    config = load_config(make_config(data={"holdout": ["ann", "bob", "eve"]}))
    with pytest.raises(ConfigError, match="no clips are left"):
        pretrain(config, resume=False, observe=ignore)


def test_the_configuration_is_kept_beside_the_weights(make_config) -> None:
    config = load_config(make_config())
    pretrain(config, resume=False, observe=ignore)
    kept = json.loads(Path(config.run.out / "config.json").read_text())
    assert kept["model"]["dim_feat"] == 16
    assert kept["run"]["steps"] == 4


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX")
@pytest.mark.parametrize("room", [4096, 40_000])
def test_a_full_disk_leaves_the_checkpoint_before_it(make_config, room: int) -> None:
    """The limit on file sizes stands in for a full disk: writing fails half-way, as there."""
    import resource

    config = load_config(make_config(run={"steps": 6, "ema": 0}))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_up(progress: Progress) -> None:
        if progress.step == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))

    try:
        # What the system says of the limit; of a full disk it says that no space is left.
        with pytest.raises(OutputError, match=r"cannot be written to .*: File too large") as caught:
            pretrain(config, resume=False, observe=fill_up)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert torch.load(config.run.out / CHECKPOINT, weights_only=True)["step"] == 2
    assert not list(config.run.out.glob("*.part*"))
    pretrain(config, resume=True, observe=ignore)
    assert torch.load(config.run.out / CHECKPOINT, weights_only=True)["step"] == 6


@pytest.mark.parametrize(
    ("out", "words"),
    [("run.yaml", "run.out must be a folder, got the file"), ("x" * 300, "cannot be created")],
)
def test_a_folder_that_cannot_be_made_is_a_line(make_config, out: str, words: str) -> None:
    config = load_config(make_config())
    run = config.run.model_copy(update={"out": config.run.out.with_name(out)})
    with pytest.raises(OutputError, match=words):
        pretrain(config.model_copy(update={"run": run}), resume=False, observe=ignore)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_an_accelerator_that_is_not_there_is_named(make_config) -> None:
    config = load_config(make_config(run={"accelerator": "cuda"}))
    with pytest.raises(ConfigError, match=r"^run\.accelerator cuda is not available .* auto, cpu"):
        pretrain(config, resume=False, observe=ignore)
    assert not config.run.out.exists()


def test_one_of_the_losses_must_count(make_config) -> None:
    none = dict.fromkeys(("mpjpe", "n_mpjpe", "velocity", "reprojection"), 0)
    with pytest.raises(ConfigError, match="one of the losses must have a weight above 0"):
        load_config(make_config(loss=none))
    config = load_config(make_config(loss=none | {"reprojection": 1}))
    with pytest.raises(ConfigError, match="losses with a weight above 0 must have data"):
        pretrain(config, resume=False, observe=ignore)
