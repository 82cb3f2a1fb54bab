from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from mbcli.data.stores.sequences import SequenceStore, SequenceWriter
from mbcli.errors import ConfigError, DataError
from mbcli.evaluate.protocols import h36m, plain
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.train.engine import train
from mbcli.train.reading import load_config
from mbcli.train.share import Share
from mbcli.train.state import CHECKPOINT
from mbcli.train.tasks.pose3d import Pose3D, Pose3DConfig

SIZE = (1000, 800)
FRAMES = 9
EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "configs"


def body(frames: int, phase: float) -> np.ndarray:
    """(F, 17, 3) target in pixels: a person who walks across, deeper with every step."""
    rng = np.random.default_rng(3)
    rest = rng.uniform(-1, 1, (17, 3)) * [60, 150, 60]
    rest[0] = 0
    time = np.arange(frames)[:, None, None] / 10 + phase
    sway = 20 * np.sin(time + np.arange(17)[:, None]) * [1, 0.5, 1]
    sway[:, 0] = 0
    return rest + sway + [400, 400, 30] + time * [5, 1, 8]


@pytest.fixture(scope="module")
def poses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sequences to train on, one to test on, and one without a pose."""
    path = tmp_path_factory.mktemp("sequences") / "poses"
    with SequenceWriter(path, arrays=("target", "truth", "factor")) as writer:
        for number, split in enumerate(("train", "train", "train", "test", "")):
            target = body(40, number)
            seen = np.concatenate([target[..., :2], np.full((40, 17, 1), 0.8)], axis=-1)
            seen[5, 3] = np.nan, np.nan, 0
            known = split != ""
            writer.add(
                seen,
                name=f"walk {number}",
                subject=f"S{number}",
                source="made up",
                fps=50.0 if number else 25.0,
                size=SIZE,
                action="Walking",
                split=split,
                target=target if known else None,
                truth=(target - target[:, :1]) * 4.5 if known else None,
                factor=np.full(40, 4.5) if known else None,
            )
    return path


MakePose3D = Callable[..., Pose3DConfig]


@pytest.fixture
def make_pose3d(tmp_path: Path, poses: Path) -> MakePose3D:
    """Writes and reads a small configuration; keyword arguments update its sections."""

    def make(name: str = "run", *overrides: str, **sections: dict[str, Any]) -> Pose3DConfig:
        tree: dict[str, Any] = {
            "task": "pose3d",
            "data": {"stores": [str(poses)], "stride": 3},
            "run": {
                "out": name,
                "steps": 4,
                "batch": 16,
                "accelerator": "cpu",
                "log_every": 2,
                "validate_every": 2,
                "save_every": 2,
            },
            "model": {
                "dim_feat": 16,
                "dim_rep": 16,
                "depth": 1,
                "num_heads": 2,
                "mlp_ratio": 2,
                "maxlen": FRAMES,
                "start": "spread",
            },
            "clips": {"frames": FRAMES},
            "loss": {"velocity": 1.0},
            "optimiser": {"learning_rate": 5e-3, "schedule": "cosine", "warmup_steps": 1},
        }
        for section, values in sections.items():
            tree.setdefault(section, {}).update(values)
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree))
        return load_config(path, overrides, Pose3DConfig)

    return make


def batch_of(settings: Pose3DConfig, step: int = 0, share: Share | None = None) -> Any:
    task = Pose3D(settings)
    task.place(torch.device("cpu"))
    return task.batch(step, share or Share(settings.run.batch))


@pytest.mark.parametrize(("root", "window"), [("relative", "image"), ("first", "crop")])
def test_a_finetuned_lifter_is_lifted_as_it_was_trained(make_pose3d, poses, root, window) -> None:
    settings = make_pose3d(
        run={"steps": 160, "validate_every": 80, "log_every": 80, "save_every": 160},
        data={"root": root, "window": window},
    )
    seen: list[dict[str, float]] = []
    before = Pose3D(settings)
    before.place(torch.device("cpu"))
    first = before.validate(before.model)
    weights = train(
        Pose3D(settings), resume=False, observe=lambda p: seen.append(dict(p.validation))
    )
    best = min(figures["mpjpe"] for figures in seen)
    assert first["mpjpe"] > 250
    assert best < 0.4 * first["mpjpe"]

    # The file alone holds all that is needed to reproduce the figure.
    assert weights is not None
    model, info = load_lifter(weights)
    assert info.metadata["task"] == "pose3d"
    assert (info.metadata["window"], info.metadata["root"]) == (window, root)
    assert info.metadata["root_relative"] is (root == "relative")
    assert info.metadata["fps"] == [25.0, 50.0]
    lifter = Lifter(model, LiftOptions(device="cpu"), info.metadata)
    store = SequenceStore.open(poses)
    assert h36m([store], lifter).overall.mpjpe == pytest.approx(best, rel=0.02)
    # As a video is lifted: every frame, on the person.
    assert plain([store], lifter).overall.mpjpe < 1.2 * best
    wrong = {"window": "crop" if window == "image" else "image", "root": "picture"}
    other = Lifter(model, LiftOptions(device="cpu"), {**info.metadata, **wrong})
    assert plain([store], other).overall.mpjpe > 2 * best


def test_what_is_shown_and_what_is_asked(make_pose3d) -> None:
    none = {"clips": {"mirror": 0.0}}
    batch = batch_of(make_pose3d("a", data={"root": "first"}, **none))
    x = batch.inputs[..., 0]
    missing = batch.inputs[..., 2] == 0
    assert missing.any()
    assert not batch.inputs[missing].any()
    # Image units: -1..1 across the width, the same scale in y and z.
    pixels = x * SIZE[0] / 2 + SIZE[0] / 2
    assert 200 < pixels[~missing].min() < pixels.max() < 700
    assert torch.allclose(batch.target[..., :2][~missing], batch.inputs[..., :2][~missing])
    assert not batch.target[:, 0, 0, 2].any()
    drift = batch.target[:, -1, 0, 2] * SIZE[0] / 2  # 0.8 pixels a frame
    assert torch.allclose(drift, torch.full_like(drift, 0.8 * (FRAMES - 1)), atol=1e-3)

    relative = batch_of(make_pose3d("b", data={"root": "relative"}, **none))
    assert not relative.target[:, :, 0].any()
    assert torch.equal(relative.inputs, batch.inputs)
    picture = batch_of(make_pose3d("c", data={"root": "picture"}, **none))
    assert not picture.target[:, :, 0, 2].any()
    assert torch.equal(picture.target[..., :2], batch.target[..., :2])
    crop = batch_of(make_pose3d("d", data={"window": "crop"}, **none))
    assert crop.inputs[..., :2].abs().amax(dim=(1, 2, 3)) == pytest.approx(1)
    projected = batch_of(make_pose3d("e", data={"input": "projected"}, **none))
    assert (projected.inputs[..., 2] == 1).all()


def test_half_of_the_clips_are_mirrored(make_pose3d) -> None:
    straight = batch_of(make_pose3d("a", clips={"mirror": 0.0}, run={"batch": 64}))
    half = batch_of(make_pose3d("b", run={"batch": 64}))
    same = torch.tensor(
        [torch.equal(a, b) for a, b in zip(straight.inputs, half.inputs, strict=True)]
    )
    assert 16 < int(same.sum()) < 48
    twice = batch_of(make_pose3d("c", clips={"mirror": 1.0}, run={"batch": 64}))
    assert torch.equal(half.inputs[~same], twice.inputs[~same])
    assert torch.equal(half.target[~same], twice.target[~same])
    # Their left is where the right was, on the other side.
    assert torch.allclose(twice.target[:, :, 1, 0], -straight.target[:, :, 4, 0])


def test_corruption_is_off_until_asked_for(make_pose3d) -> None:
    clean = batch_of(make_pose3d("a", data={"input": "projected"}))
    noisy = batch_of(make_pose3d("b", "corruption.noise=true", data={"input": "projected"}))
    assert torch.equal(clean.target, noisy.target)
    error = (clean.inputs - noisy.inputs)[..., :2].norm(dim=-1).mean()
    assert 0.003 < error < 0.05
    masked = batch_of(
        make_pose3d(
            "c", "corruption.joint_mask=0.2", data={"input": "projected"}, run={"batch": 64}
        )
    )
    assert float((masked.inputs[..., 2] == 0).float().mean()) == pytest.approx(0.2, abs=0.03)


def test_several_processes_make_the_batch_of_one(make_pose3d) -> None:
    settings = make_pose3d()
    whole = batch_of(settings, 5)
    halves = [batch_of(settings, 5, Share(16, rank, 2)) for rank in (0, 1)]
    assert torch.equal(whole.inputs, torch.cat([half.inputs for half in halves]))
    assert torch.equal(whole.target, torch.cat([half.target for half in halves]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX process start")
def test_two_processes_train_to_what_one_does(make_pose3d, tmp_path) -> None:
    one, two = make_pose3d("one"), make_pose3d("two", run={"devices": 2})
    train(Pose3D(one), resume=False, observe=lambda progress: None)
    script = tmp_path / "two.py"
    script.write_text(
        "from pathlib import Path\n"
        "from mbcli.train.engine import train\n"
        "from mbcli.train.reading import load_config\n"
        "from mbcli.train.tasks.pose3d import Pose3D, Pose3DConfig\n"
        f"settings = load_config(Path({str(tmp_path / 'two.yaml')!r}), [], Pose3DConfig)\n"
        "train(Pose3D(settings), resume=False, observe=lambda progress: None)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    batch, predictions = batch_of(one), []
    for settings in (one, two):
        kept = torch.load(settings.run.out / CHECKPOINT, weights_only=True)
        assert kept["step"] == 4
        model = Pose3D(settings).model
        start = model(batch.inputs)
        model.load_state_dict(kept["model"])
        predictions.append(model(batch.inputs))
    # Not weight by weight: those of no effect, the keys' biases, follow rounding errors.
    assert (predictions[0] - predictions[1]).abs().max() < 1e-4
    assert (predictions[0] - start).abs().max() > 0.02


def test_an_epoch_goes_through_all_clips(make_pose3d) -> None:
    settings = make_pose3d("a", run={"steps": None, "epochs": 2, "validate_every": 100})
    task = Pose3D(settings)
    # 3 sequences of 40 frames: a clip of 9 every 3 frames gives 11 of each.
    assert task.epoch_steps == -(-33 // 16)
    steps: list[int] = []
    train(task, resume=False, observe=lambda progress: steps.append(progress.steps))
    assert set(steps) == {2 * task.epoch_steps}


def test_without_validation(make_pose3d, poses) -> None:
    settings = make_pose3d(data={"validation_splits": []})
    task = Pose3D(settings)
    task.place(torch.device("cpu"))
    assert task.validate(task.model) == {}


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("data.validation_splits=[val]", DataError, "split val; there are"),
        ("data.splits=[val]", ConfigError, "no clip of 9 frames"),
        ("data.splits=[dev]", ConfigError, r"data\.splits\.0.*'train', 'val', 'test'"),
        ("data.stores=[]", ConfigError, r"data\.stores.*at least 1"),
        ("clips.frames=10", ConfigError, "clips.frames must not exceed model.maxlen"),
        ("corruption.noise=true", ConfigError, "corruption.noise is for data.input=projected"),
        ("data.rot=first", ConfigError, "did you mean root"),
        ("run.epochs=3", ConfigError, "exactly one of run.steps and run.epochs.*4 and 3"),
        ("run.steps=null", ConfigError, "exactly one of run.steps and run.epochs.*neither"),
    ],
)
def test_mistakes_are_reported_in_one_line(make_pose3d, override, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        Pose3D(make_pose3d("run", override))
    assert "\n" not in str(caught.value)


def test_a_whole_picture_of_unknown_size(make_pose3d, tmp_path) -> None:
    target = body(20, 0)
    seen = np.concatenate([target[..., :2], np.ones((20, 17, 1))], axis=-1)
    with SequenceWriter(tmp_path / "unsized", arrays=("target",)) as writer:
        writer.add(seen, name="a", subject="S1", source="a", fps=50, split="train", target=target)
    where = [f"data.stores=[{tmp_path / 'unsized'}]", "data.validation_splits=[]"]
    with pytest.raises(DataError, match=r"size of its pictures.*data\.window=crop"):
        Pose3D(make_pose3d("a", *where))
    assert Pose3D(make_pose3d("b", *where, "data.window=crop")).epoch_steps == 1


@pytest.mark.parametrize(
    ("name", "rate", "width", "root"),
    [
        ("finetune_pose3d", 2e-4, 512, "relative"),
        ("finetune_pose3d_global_lite", 5e-4, 256, "first"),
    ],
)
def test_examples_are_the_published_settings(name, rate, width, root) -> None:
    settings = load_config(EXAMPLES / f"{name}.yaml", [], Pose3DConfig)
    assert (settings.run.epochs, settings.run.batch) == (60, 32)
    assert (settings.optimiser.learning_rate, settings.optimiser.decay) == (rate, 0.99)
    assert (settings.model.dim_feat, settings.data.root) == (width, root)
    assert (settings.clips.frames, settings.clips.mirror, settings.data.stride) == (243, 0.5, 81)
    assert settings.loss.model_dump(exclude_defaults=True) == {}
    assert settings.corruption.model_dump(exclude_defaults=True) == {}
    assert settings.data.stores[0].is_absolute()
