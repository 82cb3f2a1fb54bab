"""Pretraining on several sources: whose turn it is, and what each gives to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mbcli.data.stores.sequences import SequenceWriter
from mbcli.errors import ConfigError
from mbcli.train.backbone import backbone_groups, check_freeze, trainable
from mbcli.train.config import PretrainConfig
from mbcli.train.curriculum import Curriculum
from mbcli.train.engine import train
from mbcli.train.meter import Progress
from mbcli.train.reading import load_config
from mbcli.train.sections import OptimiserConfig
from mbcli.train.share import Share
from mbcli.train.tasks.lifting import SHORTEST, Pretraining, clip_length

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store of 3D poses and one of 2D keypoints, four clips each."""
    folder = tmp_path_factory.mktemp("sequences")
    rng = np.random.default_rng(0)
    for name, arrays in (("poses", ("target",)), ("videos", ())):
        with SequenceWriter(folder / name, arrays=arrays) as writer:
            for number in range(4):
                base = rng.uniform(200, 400, (1, 17, 3))
                walk = np.linspace(0, 60, 18)[:, None, None] * [1.0, 0.1, 0.3]
                target = (base + walk).astype(np.float32)
                keypoints = np.concatenate(
                    [target[..., :2], rng.uniform(0.3, 1, (18, 17, 1))], axis=-1
                ).astype(np.float32)
                keypoints[3, 5] = np.nan, np.nan, 0
                given: dict[str, Any] = {"target": target} if arrays else {}
                writer.add(
                    keypoints[:, None],
                    name=f"{name}{number}",
                    subject="p",
                    source="made up",
                    fps=30.0,
                    size=(640, 480),
                    split="train",
                    **given,
                )
    return folder / "poses", folder / "videos"


@pytest.fixture
def settings(make_config, sequences):
    def make(*overrides: str, **sections: dict[str, object]) -> PretrainConfig:
        data = {
            "poses": [str(sequences[0])],
            "videos": [str(sequences[1])],
            "stride": 9,
            "epoch_steps": 3,
            "start_videos": 2,
        }
        path = make_config("mixed", data=data, **sections)
        return load_config(path, overrides, PretrainConfig)

    return make


def test_turns_follow_the_published_order():
    turns = Curriculum(drawn=2, poses=3, videos=4, start_videos=2)
    early = ["poses"] * 3 + ["drawn"] * 2
    late = ["videos"] * 4 + early
    assert [turns.turn(step)[0] for step in range(28)] == early * 2 + late * 2
    for source in ("videos", "poses", "drawn"):
        numbers = [n for s, n in (turns.turn(step) for step in range(28)) if s == source]
        assert numbers == list(range(len(numbers))), "no clip is left out or seen twice"
    alone = Curriculum(drawn=2, poses=0, videos=0, start_videos=5)
    assert [alone.turn(step) for step in range(4)] == [("drawn", n) for n in range(4)]


def test_each_source_gives_what_it_knows(settings):
    task = Pretraining(settings("corruption.joint_mask=0", "corruption.frame_mask=0"))
    task.place(CPU)
    share = Share(4)
    # 8 clips a store and 4 a step: 2 steps of poses, 3 drawn, and from the third epoch 2 of videos.
    assert task.epoch_steps == 7
    poses, drawn, videos = (task.batch(step, share) for step in (0, 2, 10))
    assert poses.confidence is None
    assert drawn.confidence is None
    for batch in (poses, drawn, videos):
        assert batch.inputs.shape == batch.target.shape == (4, 9, 17, 3)
        assert torch.isfinite(batch.inputs).all()
        assert torch.isfinite(batch.target).all()
        assert batch.inputs.dtype == torch.float32
    # Noise goes on what is made from 3D, and never on what a detector has seen.
    error = (poses.inputs - poses.target)[..., :2]
    assert 0.001 < error.std() < 0.1
    assert not poses.target[:, :, 0, 2].any(), "depth is relative to the pelvis"
    assert poses.target[..., 2].std() > 0.05
    assert torch.equal(videos.inputs, videos.target)
    assert videos.confidence is not None
    assert torch.equal(videos.confidence, videos.target[..., 2:])
    assert (videos.confidence == 0).any()
    assert torch.equal(task.batch(10, share).inputs, videos.inputs)


def test_losses_are_those_of_the_source(settings):
    task = Pretraining(settings("loss.n_mpjpe=0", "loss.reprojection=2"))
    task.place(CPU)
    total, parts = task.loss(task.model, task.batch(0, Share(4)))
    assert set(parts) == {"mpjpe", "velocity"}
    assert total.item() == pytest.approx(float(parts["mpjpe"] + 20 * parts["velocity"]), rel=1e-5)
    total, parts = task.loss(task.model, task.batch(10, Share(4)))
    assert set(parts) == {"reprojection"}
    assert total.item() == pytest.approx(float(2 * parts["reprojection"]))


def test_a_run_goes_through_all_sources(settings):
    seen: list[Progress] = []
    config = settings(run={"steps": 17, "log_every": 1})
    train(Pretraining(config), resume=False, observe=lambda progress: seen.append(progress))
    kinds = ["reprojection" in progress.parts for progress in seen]
    assert kinds == [False] * 10 + [True] * 2 + [False] * 5
    assert seen[-1].epoch == pytest.approx(3)


def test_poses_alone_are_enough(settings, sequences):
    overrides = ["data.store=null", "data.holdout=[]", "data.videos=[]", "run.steps=2"]
    config = settings(*overrides)
    weights = train(Pretraining(config), resume=False, observe=lambda progress: None)
    assert weights is not None
    assert weights.name == "last.safetensors", "nobody is held out to validate on"


def test_nothing_to_learn_from_is_reported(settings):
    with pytest.raises(ConfigError, match=r"must name a store of 3D motion"):
        settings("data.store=null", "data.poses=[]", "data.holdout=[]")


def test_layers_learn_at_their_own_rates(settings):
    task = Pretraining(settings(model={"depth": 2}))
    groups = backbone_groups(task.model, OptimiserConfig(layer_decay=0.5))
    rate = {id(p): group["scale"] for group in groups for p in group["params"]}
    scales = {name: rate[id(parameter)] for name, parameter in task.model.named_parameters()}
    assert scales["head.weight"] == scales["blocks_st.1.norm1_s.weight"] == 1
    assert scales["blocks_ts.0.norm1_s.weight"] == scales["ts_attn.0.weight"] == 0.5
    assert scales["pos_embed"] == scales["joints_embed.weight"] == 0.25


def test_what_is_frozen_does_not_move(settings):
    config = settings("optimiser.freeze=[blocks_st, pos_embed]", run={"steps": 3})
    task = Pretraining(config)
    before = {name: p.detach().clone() for name, p in task.model.named_parameters()}
    train(task, resume=False, observe=lambda progress: None)
    moved = {name for name, p in task.model.named_parameters() if not torch.equal(p, before[name])}
    assert not {name for name in moved if name.startswith(("blocks_st", "pos_embed"))}
    assert "head.weight" in moved


def test_freezing_nothing_or_everything_is_refused(settings):
    model = Pretraining(settings()).model
    with pytest.raises(ConfigError, match="no parameter starts with 'block_st'"):
        check_freeze(model, ("block_st",))
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        check_freeze(model, tuple({name.split(".")[0] for name, _ in model.named_parameters()}))
    assert len(trainable(model.named_parameters(), ())) == len(list(model.parameters()))


def test_some_steps_have_short_clips(make_config) -> None:
    settings = load_config(
        make_config("short"), ["clips.frames=24", "model.maxlen=24"], PretrainConfig
    )
    assert {clip_length(settings, step) for step in range(50)} == {24}
    mixed = load_config(
        make_config("mixed"),
        ["clips.frames=24", "model.maxlen=24", "clips.short=0.4"],
        PretrainConfig,
    )
    lengths = [clip_length(mixed, step) for step in range(400)]
    assert lengths == [clip_length(mixed, step) for step in range(400)]
    assert min(lengths) == SHORTEST
    assert 0.55 < lengths.count(24) / 400 < 0.7
    task = Pretraining(mixed)
    task.place(CPU)
    step = next(step for step, length in enumerate(lengths) if length < 24)
    batch = task.batch(step, Share(mixed.run.batch))
    assert batch.inputs.shape[1] == batch.target.shape[1] == lengths[step]
