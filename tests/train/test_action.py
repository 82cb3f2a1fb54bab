from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from mbcli.data.datasets.labelled import LabelledSequences, resampled
from mbcli.data.stores.sequences import SequenceWriter
from mbcli.errors import ConfigError, DataError
from mbcli.evaluate.actions import evaluate_actions
from mbcli.lift.action.checkpoint import load_action
from mbcli.lift.action.recognition import ActionOptions, ActionRecogniser
from mbcli.lift.checkpoint import save_lifter
from mbcli.lift.model import DSTformer
from mbcli.skeleton import H36M17
from mbcli.storage.actions import frame_labels
from mbcli.train.action_clips import ActionClipConfig, varied
from mbcli.train.draw import Draw
from mbcli.train.engine import train
from mbcli.train.meter import Progress
from mbcli.train.reading import load_config
from mbcli.train.share import Share
from mbcli.train.state import BEST, CHECKPOINT, LAST
from mbcli.train.tasks.action import Action, ActionConfig
from mbcli.train.tasks.oneshot import OneShot, OneShotConfig
from mbcli.types import Keypoints2D

MOTIONS = ("wave", "squat", "kick", "bow")
STANDING = np.array(
    [
        (0, 0), (-12, 0), (-12, 45), (-12, 90), (12, 0), (12, 45), (12, 90), (0, -25), (0, -50),
        (0, -62), (0, -75), (18, -50), (22, -25), (24, 0), (-18, -50), (-22, -25), (-24, 0),
    ],
    dtype=np.float64,
)  # fmt: skip
FPS = 25.0


def motion(kind: str, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(F, 17, 3) somebody who does one thing again and again, somewhere in the picture."""
    swing = np.sin(np.arange(frames) / FPS * 2 * np.pi * rng.uniform(0.8, 1.2) + rng.uniform(0, 6))
    depth = (0.5 + 0.5 * swing)[:, None]
    body = np.repeat(STANDING[None], frames, axis=0)

    def joints(*names: str) -> list[int]:
        return [H36M17.index(name) for name in names]

    upper = [*range(7, 17)]
    if kind == "wave":
        for side in ("left", "right"):
            body[:, joints(f"{side}_wrist"), 1] -= 60 + 30 * depth
            body[:, joints(f"{side}_elbow"), 1] -= 25 + 15 * depth
    elif kind == "squat":
        body[:, [0, 1, 4, *upper], 1] += 40 * depth
    elif kind == "kick":
        body[:, joints("right_ankle"), 0] -= 60 * depth
        body[:, joints("right_ankle"), 1] -= 50 * depth
        body[:, joints("right_knee"), 0] -= 25 * depth
    else:
        body[:, upper, 0] += 40 * depth
        body[:, upper, 1] += 30 * depth
    body = body * rng.uniform(0.9, 1.6) + rng.uniform((250, 200), (400, 280))
    body += rng.normal(0, 1, body.shape)
    return np.concatenate([body, np.full((frames, 17, 1), 0.9)], axis=-1)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four motions by six people, twice each."""
    path = tmp_path_factory.mktemp("actions") / "store"
    rng = np.random.default_rng(0)
    with SequenceWriter(path, labels=MOTIONS) as writer:
        for subject in range(6):
            for label, kind in enumerate(MOTIONS):
                for take in range(2):
                    writer.add(
                        motion(kind, int(rng.integers(20, 60)), rng),
                        name=f"{kind}/{subject}/{take}",
                        subject=f"p{subject}",
                        source="made",
                        fps=FPS,
                        size=(640, 480),
                        label=label,
                    )
    return path


@pytest.fixture
def action_config(tmp_path: Path, sequences: Path) -> Callable[..., Path]:
    def make(name: str = "run", **sections: Any) -> Path:
        tree: dict[str, Any] = {
            "data": {"stores": [str(sequences)], "holdout": ["p4", "p5"]},
            "run": {
                "out": str(tmp_path / name),
                "steps": 4,
                "batch": 8,
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
                "maxlen": 12,
            },
            "clips": {"frames": 12},
            "head": {"hidden": 32},
            "optimiser": {"learning_rate": 2e-3, "head": 2},
        }
        for section, values in sections.items():
            if isinstance(values, dict):
                tree.setdefault(section, {}).update(values)
            else:
                tree[section] = values
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return make


@pytest.fixture
def oneshot_config(action_config: Callable[..., Path], sequences: Path) -> Callable[..., Path]:
    """The last of the motions is not trained on, nor is squatting."""

    def make(name: str = "run", **sections: Any) -> Path:
        path = action_config(name, task="oneshot", **sections)
        tree = yaml.safe_load(path.read_text())
        tree["data"] = {"stores": [str(sequences)], "exemplars": ["bow/0/0", "squat/0/0"]}
        path.write_text(yaml.safe_dump(tree))
        return path

    return make


def ignore(progress: Progress) -> None:
    """Nobody watches."""


def run_action(path: Path, *changes: str, resume: bool = False, observe: Any = ignore) -> Action:
    task = Action(load_config(path, changes, ActionConfig))
    train(task, resume=resume, observe=observe)
    return task


@pytest.fixture(scope="module")
def learnt(
    tmp_path_factory: pytest.TempPathFactory, sequences: Path
) -> tuple[Path, list[Progress]]:
    """Weights that have learnt to distinguish four motions."""
    out = tmp_path_factory.mktemp("learnt")
    tree = {
        "task": "action",
        "data": {"stores": [str(sequences)], "holdout": ["p4", "p5"]},
        "run": {
            "out": "run",
            "steps": 120,
            "batch": 16,
            "accelerator": "cpu",
            "log_every": 60,
            "validate_every": 60,
            "save_every": 120,
            "ema": 0.9,
        },
        "model": {"dim_feat": 16, "dim_rep": 16, "depth": 1, "num_heads": 2, "maxlen": 16,
                  "start": "spread"},
        "clips": {"frames": 16, "part": [0.7, 1.0]},
        "head": {"hidden": 64, "dropout": 0.2},
        "optimiser": {"learning_rate": 2e-3, "head": 2, "schedule": "cosine"},
    }  # fmt: skip
    path = out / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    seen: list[Progress] = []
    task = Action(load_config(path, (), ActionConfig))
    weights = train(task, resume=False, observe=lambda progress: seen.append(progress))
    assert weights == out / "run" / BEST
    return weights, seen


def test_actions_of_new_people_are_distinguished(learnt) -> None:
    _, seen = learnt
    assert set(seen[-1].parts) == {"cross_entropy", "top1"}
    assert seen[-1].validation["top1"] >= 90
    assert seen[-1].validation["top5"] == 100
    assert seen[-1].loss < 0.7 * seen[0].loss


def test_weights_record_what_they_are_and_what_was_confused(learnt) -> None:
    weights, seen = learnt
    model, info = load_action(weights)
    assert info.classes == MOTIONS
    assert (info.clips.frames, info.clips.people, info.clips.margin) == (16, 1, 2.0)
    # The median of 20 to 59 frames at 25 a second, of which clips cover 70 to 100 %.
    assert 1.0 < info.clips.seconds < 2.0
    assert info.metadata["validation"]["top1"] == seen[-1].validation["top1"]
    assert info.metadata["config"]["head"]["hidden"] == 64
    assert model.head.fc1.weight.shape == (64, 17 * 16)
    picture = cv2.imread(str(weights.with_name("best_confusion.png")))
    assert picture is not None
    assert picture.std() > 10


def test_evaluation_finds_what_the_training_found(learnt, sequences: Path) -> None:
    weights, seen = learnt
    scores = evaluate_actions(weights, (sequences,), holdout=("p4", "p5"), device="cpu")
    assert scores.clips == 16
    # Stored in half precision.
    assert scores.top1 == pytest.approx(seen[-1].validation["top1"], abs=100 / 16)
    assert (scores.counts.sum(axis=1) == 4).all()


def test_a_video_is_labelled_and_the_label_switches_in_time(learnt) -> None:
    weights, _ = learnt
    rng = np.random.default_rng(5)
    data = np.full((250, 2, 17, 3), np.nan)
    data[..., 2] = 0
    first, second = motion("wave", 100, rng), motion("kick", 100, rng)
    data[:100, 0], data[100:200, 0] = first, second + np.append((first - second)[0, 0, :2], 0)
    data[200:, 1] = motion("squat", 50, rng)
    recogniser = ActionRecogniser.load(
        weights, ActionOptions(window=1.2, stride=0.4, top=2, device="cpu")
    )
    clip = Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=FPS,
        timestamps=np.arange(250) / FPS,
        size=(640, 480),
        track_ids=np.array([7, 9]),
        boxes=np.zeros((250, 2, 4)),
        frame_index=np.arange(250),
    )
    spans = recogniser.recognise(clip)
    assert all(span.end - span.start == pytest.approx(1.2, abs=1e-6) for span in spans)
    assert {span.track_ids for span in spans} == {(7,), (9,)}
    assert all(len(span.labels) == 2 for span in spans)
    names, chances = frame_labels(spans, clip.track_ids, 250)
    assert set(names[:88, 0]) == {"wave"}
    assert set(names[112:200, 0]) == {"kick"}
    assert set(names[200:, 1]) == {"squat"}
    assert set(names[200:, 0]) | set(names[:200, 1]) == {""}
    assert ((chances > 0) == (names != "")).all()


def test_stopped_and_resumed_is_the_same_to_the_bit(action_config) -> None:
    """Dropout and batch normalisation included."""
    whole = run_action(action_config("whole", run={"steps": 6, "ema": 0.9}))

    def stop_at_four(progress: Progress) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    path = action_config("broken", run={"steps": 6, "ema": 0.9})
    with pytest.raises(KeyboardInterrupt):
        run_action(path, observe=stop_at_four)
    broken = run_action(path, resume=True)
    a, b = (
        torch.load(task.settings.run.out / CHECKPOINT, weights_only=True)
        for task in (whole, broken)
    )
    for part in ("model", "averaged"):
        assert all(torch.equal(a[part][name], b[part][name]) for name in a[part])
    first, second = (load_file(t.settings.run.out / LAST) for t in (whole, broken))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_averaged_weights_have_the_measured_batch_statistics(action_config) -> None:
    task = run_action(action_config(run={"ema": 0.5}))
    kept = torch.load(task.settings.run.out / CHECKPOINT, weights_only=True)
    for name in ("head.bn.running_mean", "head.bn.running_var", "head.bn.num_batches_tracked"):
        assert torch.equal(kept["averaged"][name], kept["model"][name])
    assert kept["model"]["head.bn.num_batches_tracked"] == 4


def test_backbone_and_head_learn_at_their_own_rates(action_config) -> None:
    path = action_config(
        model={"depth": 2}, optimiser={"learning_rate": 1e-4, "head": 10, "layer_decay": 0.5}
    )
    task = Action(load_config(path, (), ActionConfig))
    scales = {id(p): group["scale"] for group in task.groups() for p in group["params"]}
    named = dict(task.model.named_parameters())
    assert scales[id(named["head.fc1.weight"])] == 10
    assert scales[id(named["backbone.blocks_st.1.mlp_s.fc1.weight"])] == 1
    assert scales[id(named["backbone.blocks_st.0.mlp_s.fc1.weight"])] == 0.5
    assert scales[id(named["backbone.joints_embed.weight"])] == 0.25
    # It gives 3D poses, which nobody asks for: several processes wait for each gradient.
    assert id(named["backbone.head.weight"]) not in scales
    assert not named["backbone.head.weight"].requires_grad


def test_frozen_parts_stay_as_they_start(action_config, tmp_path: Path) -> None:
    torch.manual_seed(3)
    path = action_config(
        optimiser={"freeze": ["backbone.joints_embed", "backbone.blocks_st.0.attn_s"]}
    )
    settings = load_config(path, (), ActionConfig)
    start = DSTformer(settings.model.build())
    save_lifter(tmp_path / "start.safetensors", start, {}, half=False)
    task = run_action(path, f"run.init={tmp_path / 'start.safetensors'}")
    before, after = start.state_dict(), task.model.backbone.state_dict()
    for name, tensor in before.items():
        frozen = name.startswith(("joints_embed", "blocks_st.0.attn_s", "head."))
        assert torch.equal(tensor, after[name]) == frozen, name

    path = action_config("head_only", optimiser={"freeze": ["backbone."]})
    task = run_action(path, f"run.init={tmp_path / 'start.safetensors'}")
    assert all(torch.equal(t, before[n]) for n, t in task.model.backbone.state_dict().items())
    with pytest.raises(ConfigError, match="no parameter starts with 'backbon_'"):
        run_action(action_config("typo", optimiser={"freeze": ["backbon_"]}))


def test_the_batch_does_not_depend_on_the_number_of_processes(action_config) -> None:
    path = action_config(run={"batch": 32})
    task = Action(load_config(path, (), ActionConfig))
    task.place(torch.device("cpu"))
    whole = task.batch(3, Share(32))
    halves = [task.batch(3, Share(32, rank, 2)) for rank in range(2)]
    assert torch.equal(whole.inputs, torch.cat([half.inputs for half in halves]))
    assert torch.equal(whole.labels, torch.cat([half.labels for half in halves]))
    assert whole.inputs.shape == (32, 1, 12, 17, 3)
    assert not torch.equal(whole.inputs, task.batch(4, Share(32)).inputs)
    shown = [item for step in range(2) for item in task._order.at(step, range(32))]
    assert len({item.sequence.name for item in shown}) == 32  # all of them, once an epoch


def test_a_second_person_who_is_not_there_is_missing(action_config) -> None:
    task = Action(load_config(action_config(data={"people": 2}), (), ActionConfig))
    task.place(torch.device("cpu"))
    inputs = task.batch(0, Share(8)).inputs
    assert inputs.shape == (8, 2, 12, 17, 3)
    assert (inputs[:, 1] == 0).all()
    assert (inputs[:, 0, ..., 2] > 0).all()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"clips": {"frames": 20}}, "clips.frames must not exceed model.maxlen"),
        ({"clips": {"part": [0.5, 1.5]}}, "within 0..1"),
        ({"run": {"batch": 1}}, "at least 2 per process"),
        ({"data": {"protocol": "ntu60"}}, "data.protocol"),
        ({"data": {"people": 3}}, "data.people"),
        ({"head": {"drop": 0.5}}, "did you mean dropout"),
        ({"task": "oneshot"}, "task"),
    ],
)
def test_settings_that_cannot_be(action_config, sections, message) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(action_config(**sections), (), ActionConfig)


def test_data_that_cannot_be_used(action_config, tmp_path: Path) -> None:
    def build(*changes: str) -> None:
        Action(load_config(action_config(), changes, ActionConfig))

    with pytest.raises(ConfigError, match=r"shows zoe \(known: p0"):
        build("data.holdout=[zoe]")
    with pytest.raises(ConfigError, match="0 are left to train on and 48 to evaluate on"):
        build("data.holdout=[p0, p1, p2, p3, p4, p5]")
    with pytest.raises(DataError, match="SsssCcccPpppRrrrAaaa"):
        build("data.protocol=ntu60-xsub")
    with SequenceWriter(tmp_path / "plain") as writer:
        writer.add(motion("bow", 9, np.random.default_rng(0)), name="a", subject="b", source="c",
                   fps=FPS)  # fmt: skip
    with pytest.raises(DataError, match="no sequence has a label"):
        build(f"data.stores=[{tmp_path / 'plain'}]")


def test_sides_of_ntu(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with SequenceWriter(tmp_path / "ntu", labels=MOTIONS, people=2) as writer:
        for camera in (1, 2, 3):
            for action in (1, 2):
                points = np.stack([motion("bow", 9, rng)] * 2, axis=1)
                writer.add(points, name=f"S001C00{camera}P001R001A00{action}", subject="P001",
                           source="x", fps=30, label=action - 1)  # fmt: skip
    data = LabelledSequences([tmp_path / "ntu"])
    train, evaluated = data.split(protocol="ntu60-xview", holdout=(), evaluated="val")
    assert {item.sequence.name[4:8] for item in train} == {"C002", "C003"}
    assert {item.sequence.name[4:8] for item in evaluated} == {"C001"}
    assert data.people == 2


def test_resampling_is_the_published_one() -> None:
    assert resampled(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert resampled(3, 6).tolist() == [0, 0, 1, 1, 2, 2]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        long, short = resampled(100, 10, rng), resampled(4, 10, rng)
        assert (long // 10 == np.arange(10)).all()  # one of each stretch
        assert (np.diff(short) >= 0).all()
        assert short.max() <= 3
        assert (np.abs(short - np.arange(10) * 0.4) < 1).all()
    assert len({tuple(resampled(100, 10, np.random.default_rng(s))) for s in range(9)}) == 9


def test_variation_turns_grows_shifts_and_mirrors() -> None:
    rng = np.random.default_rng(0)
    points = torch.from_numpy(motion("bow", 8, rng)).float()[None, :, None]  # (1, 8, 1, 17, 3)
    points = points.repeat(4, 1, 2, 1, 1)
    points[:, :, 1] = torch.tensor([torch.nan, torch.nan, 0.0])
    sizes = torch.tensor([[640, 480]] * 4)
    still: dict[str, Any] = {"turn": 0.0, "grow": (1.0, 1.0), "shift": 0.0, "margins": (2.0, 2.0)}

    def made(**changes: Any) -> torch.Tensor:
        config = ActionClipConfig(**{**still, **changes})
        return varied(points, sizes, config, Draw.seeded(1))

    plain = made()
    assert plain.shape == (4, 2, 8, 17, 3)
    assert (plain[:, 1] == 0).all()
    assert plain[:, 0, ..., :2].abs().max() == pytest.approx(0.5, abs=1e-6)
    mirrored = made(mirror=1.0)[:, 0]
    assert torch.allclose(mirrored[..., 0], -plain[:, 0][..., list(H36M17.mirror), 0], atol=1e-6)
    # Shifted as a whole, it drifts: in the last frame from where it was in the first.
    drift = made(shift=0.1)[:, 0, ..., :2] - plain[:, 0, ..., :2]
    assert drift[:, 0].std(dim=1).max() < 0.05
    assert (drift[:, -1].mean(1) - drift[:, 0].mean(1)).norm(dim=-1).min() > 0.01
    for name, value in (("turn", 10.0), ("grow", (0.9, 1.1)), ("margins", (1.0, 3.0))):
        changed = made(**{name: value})
        assert not torch.allclose(changed[0], changed[1], atol=1e-3), name
    unknown = varied(points, torch.zeros(4, 2), ActionClipConfig(**still), Draw.seeded(1))
    assert torch.allclose(unknown, plain, atol=1e-5)


def test_unknown_actions_are_recognised_by_one_example(oneshot_config, sequences: Path) -> None:
    path = oneshot_config(
        run={"steps": 60, "batch": 16, "log_every": 60, "validate_every": 60, "save_every": 60},
        model={"start": "spread"},
    )
    settings = load_config(path, (), OneShotConfig)
    assert settings.head.dropout == 0.1
    task = OneShot(settings)
    assert {item.label for item in task._train} == {0, 2}
    seen: list[Progress] = []
    weights = train(task, resume=False, observe=lambda progress: seen.append(progress))
    assert weights is not None
    assert seen[-1].validation["top1"] >= 90
    assert set(seen[-1].parts) == {"contrast"}

    model, info = load_action(weights)
    assert info.classes == ("squat", "bow")
    assert info.exemplars is not None
    assert info.exemplars.shape == (2, 32)
    assert torch.allclose(info.exemplars.norm(dim=1), torch.ones(2), atol=1e-3)
    assert not hasattr(model.head, "fc2")
    scores = evaluate_actions(
        weights, (sequences,), exemplars=("squat/0/0", "bow/0/0"), device="cpu"
    )
    assert scores.clips == 22
    assert scores.top1 == pytest.approx(seen[-1].validation["top1"], abs=100 / 22)
    with pytest.raises(ConfigError, match="needs exemplars"):
        evaluate_actions(weights, (sequences,), device="cpu")

    # What was learnt names actions in a video, too.
    recogniser = ActionRecogniser.load(weights, ActionOptions(window=1.5, device="cpu"))
    points = motion("squat", 50, np.random.default_rng(9))[:, None]
    clip = Keypoints2D(points, H36M17, FPS, np.arange(50) / FPS, (640, 480), np.array([1]),
                       np.zeros((50, 1, 4)), np.arange(50))  # fmt: skip
    assert {span.labels[0][0] for span in recogniser.recognise(clip)} == {"squat"}


def test_batches_of_a_contrast_hold_views_of_each_class(oneshot_config) -> None:
    path = oneshot_config(run={"batch": 12}, contrast={"views": 3})
    task = OneShot(load_config(path, (), OneShotConfig))
    for step in range(5):
        items = task._views.at(step, range(12))
        for first in range(0, 12, 3):
            three = items[first : first + 3]
            assert len({item.label for item in three}) == 1
            assert len({item.sequence.name for item in three}) == 3
    assert task._views.at(2, range(12))[6:] == task._views.at(2, range(6, 12))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.exemplars=[]"], "either a protocol or exemplars"),
        (["data.protocol=ntu120-oneshot"], "either a protocol or exemplars"),
        (["data.exemplars=[nobody/0/0]"], "no labelled sequence is named nobody"),
        (["data.exemplars=[bow/0/0, bow/0/1]"], "2 exemplars of 1 classes"),
        (["data.exemplars=[bow/0/0, squat/0/0, wave/0/0]"], "at least two classes"),
        (["contrast.views=3"], "several classes, got 8 with 3"),
    ],
)
def test_one_shot_settings_that_cannot_be(oneshot_config, changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        OneShot(load_config(oneshot_config(), changes, OneShotConfig))


def test_the_contrast_is_the_published_loss() -> None:
    """Khosla et al. 2020, equation 2, over all pairs of a batch."""
    from mbcli.train.tasks.oneshot import _contrast

    torch.manual_seed(0)
    z = torch.nn.functional.normalize(torch.randn(6, 5), dim=1)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    terms = []
    for i in range(6):
        others = [a for a in range(6) if a != i]
        total = torch.stack([(z[i] @ z[a] / 0.1).exp() for a in others]).sum()
        same = [p for p in others if labels[p] == labels[i]]
        terms.append(-torch.stack([z[i] @ z[p] / 0.1 - total.log() for p in same]).mean())
    assert _contrast(0.1)(z, labels) == pytest.approx(torch.stack(terms).mean().item(), abs=1e-5)


@pytest.mark.parametrize(
    ("file", "kind"),
    [("finetune_action.yaml", ActionConfig), ("finetune_oneshot.yaml", OneShotConfig)],
)
def test_examples_are_the_published_settings(file: str, kind: type[Any]) -> None:
    folder = Path(__file__).parents[2] / "examples" / "configs"
    settings = load_config(folder / file, (), kind)
    rates = settings.optimiser
    assert (rates.learning_rate, rates.learning_rate * rates.head) == pytest.approx((1e-4, 1e-3))
    assert (rates.schedule, rates.decay, rates.weight_decay) == ("exponential", 0.99, 0.01)
    assert settings.run.batch == 32
    assert settings.model.build().dim_feat == 512
    assert settings.clips.margins == (1.0, 3.0)
    assert settings.data.people == 2
    wanted = (243, 0.5) if kind is ActionConfig else (100, 0.1)
    assert (settings.clips.frames, settings.head.dropout) == wanted
    document = json.loads(settings.model_dump_json())
    assert document["task"] == ("action" if kind is ActionConfig else "oneshot")
