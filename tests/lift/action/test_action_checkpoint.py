from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mbcli.errors import WeightsError
from mbcli.lift.action.checkpoint import FORMAT, load_action, save_action
from mbcli.lift.action.heads import ActionNet, new_head
from mbcli.lift.action.network_input import ClipForm
from mbcli.lift.checkpoint import load_lifter, save_lifter
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer

SMALL = DSTformerConfig(dim_feat=16, dim_rep=12, depth=1, num_heads=8, maxlen=9)
NAMES = ("walk", "run", "hop")
FORM = ClipForm(frames=9, people=2, margin=1.5, seconds=1.25)


def a_model(classes: int | None = 3) -> ActionNet:
    torch.manual_seed(0)
    backbone = DSTformer(SMALL)
    model = ActionNet(backbone, new_head(backbone, classes, hidden=10, dropout=0.5, seed=0))
    model.train()
    with torch.no_grad():
        model(torch.randn(4, 2, 9, 17, 3))  # so that batch normalisation has measured something
    return model.eval()


def same_answers(a: ActionNet, b: ActionNet) -> bool:
    x = torch.randn(2, 2, 9, 17, 3)
    with torch.no_grad():
        return torch.equal(a(x), b(x))


def test_ours_come_back_and_describe_themselves(tmp_path: Path) -> None:
    model, path = a_model(), tmp_path / "action.safetensors"
    save_action(path, model, NAMES, FORM, {"step": 3}, half=False)
    loaded, info = load_action(path)
    assert same_answers(model, loaded)
    assert not loaded.training
    assert (info.origin, info.classes, info.clips, info.metadata) == (
        "mbcli",
        NAMES,
        FORM,
        {"step": 3},
    )
    assert info.exemplars is None
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.head.get_buffer("bn.num_batches_tracked") == 1


def test_an_embedding_comes_back_with_its_exemplars(tmp_path: Path) -> None:
    model, path = a_model(None), tmp_path / "oneshot.safetensors"
    exemplars = torch.randn(3, 10)
    save_action(path, model, NAMES, FORM, {}, exemplars=exemplars, half=False)
    loaded, info = load_action(path)
    assert same_answers(model, loaded)
    assert info.exemplars is not None
    assert torch.equal(info.exemplars, exemplars)
    save_action(path, model, (), FORM, {}, half=False)
    assert load_action(path)[1].exemplars is None


def test_half_precision_spares_the_measured_statistics(tmp_path: Path) -> None:
    model, path = a_model(), tmp_path / "half.safetensors"
    save_action(path, model, NAMES, FORM, {}, half=True)
    assert load_file(path)["backbone.joints_embed.weight"].dtype == torch.float16
    loaded, _ = load_action(path)
    for name in ("running_mean", "running_var", "weight", "bias"):
        assert torch.equal(getattr(loaded.head.bn, name), getattr(model.head.bn, name))
    assert torch.equal(loaded.head.fc1.weight, model.head.fc1.weight.half().float())


@pytest.mark.parametrize("classes", [3, None])
def test_published_files_load(tmp_path: Path, classes: int | None) -> None:
    model, path = a_model(classes), tmp_path / "best_epoch.bin"
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    content = {"epoch": 3, "lr": [1e-4, 1e-3], "optimizer": {}, "model": state,
               "best_acc": np.float64(93.0)}  # fmt: skip
    torch.save(content, path)
    loaded, info = load_action(path, foreign_classes=["one", "two", "three", "four"])
    assert same_answers(model, loaded)
    assert info.origin == "motionbert"
    assert info.classes == (("one", "two", "three") if classes else ())
    assert (info.clips.people, info.clips.margin, info.clips.published) == (2, 2.0, True)
    assert info.clips.frames == (243 if classes else 100)
    if classes:
        assert load_action(path)[1].classes == ("class 0", "class 1", "class 2")
    with pytest.raises(WeightsError, match="action or mesh model"):
        load_lifter(path)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    model = a_model()
    lifter = tmp_path / "lifter.safetensors"
    save_lifter(lifter, model.backbone, {}, half=False)
    with pytest.raises(WeightsError, match="is not an action model of mbcli"):
        load_action(lifter)
    pose = tmp_path / "pose.bin"
    torch.save({"model_pos": model.backbone.state_dict()}, pose)
    with pytest.raises(WeightsError, match=r"is not an action or mesh model.*got 'model_pos'"):
        load_action(pose)
    mesh = {n: t for n, t in model.state_dict().items() if not n.startswith("head.fc1")}
    torch.save({"model": mesh}, pose)
    with pytest.raises(WeightsError, match=r"head\.fc1 must take 204 numbers, got none"):
        load_action(pose)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_action(tmp_path / "nothing.bin")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["walk", "run"]}, "must name its 3 classes.*got 2"),
        ({"classes": "walk"}, "classes must be a list"),
        (
            {"clips": {"frames": 0}},
            "describes no action model: frames must be a whole number of 1..10000, got 0",
        ),
        ({"clips": {"length": 9}}, "describes no action model"),
        ({"dimensions": {"depth": 1}}, "dimensions must be whole numbers"),
    ],
)
def test_files_that_describe_something_else(tmp_path: Path, change, message) -> None:
    path = tmp_path / "action.safetensors"
    save_action(path, a_model(), NAMES, FORM, {}, half=False)
    about = {"dimensions": SMALL.__dict__, "classes": list(NAMES), "clips": FORM.__dict__}
    metadata = {k: json.dumps(v) for k, v in {**about, "facts": {}, **change}.items()}
    save_file(load_file(path), path, {"format": FORMAT, **metadata})
    with pytest.raises(WeightsError, match=message):
        load_action(path)


def test_damage_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "action.safetensors"
    model = a_model()
    with torch.no_grad():
        model.head.get_parameter("fc2.bias")[0] = torch.nan
    save_action(path, model, NAMES, FORM, {}, half=False)
    with pytest.raises(WeightsError, match=r"not finite numbers: head\.fc2\.bias"):
        load_action(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not a complete safetensors file"):
        load_action(path)
    save_action(path, a_model(None), NAMES, FORM, {}, exemplars=torch.ones(3, 4), half=False)
    with pytest.raises(WeightsError, match=r"must hold exemplars \(3, 10\).*got \(3, 4\)"):
        load_action(path)
