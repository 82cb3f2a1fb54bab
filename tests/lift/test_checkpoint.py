from __future__ import annotations

import hashlib
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mbcli.errors import OutputError, WeightsError
from mbcli.lift.checkpoint import load_lifter, save_lifter
from mbcli.lift.described import write_described
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer

FIXTURES = Path(__file__).parents[1] / "fixtures"
SMALL = DSTformerConfig(dim_feat=16, dim_rep=12, depth=2, num_heads=4, mlp_ratio=3, maxlen=9)


def reference(name):
    with np.load(FIXTURES / name) as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files if key != "config"}
    state = {k.removeprefix("sd/"): arrays.pop(k) for k in list(arrays) if k.startswith("sd/")}
    return state, arrays


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DSTformer(SMALL).eval()


@pytest.fixture(scope="module")
def published():
    """A file's content as MotionBERT's training on several GPUs writes it."""
    state, arrays = reference("dstformer_tiny.npz")
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    content = {
        "epoch": 90,
        "lr": 2e-4,
        "optimizer": optimizer.state_dict(),
        "model_pos": OrderedDict((f"module.{name}", tensor) for name, tensor in state.items()),
        "min_loss": np.float64(37.2),
    }
    return content, arrays


def run(model, x):
    with torch.inference_mode():
        return model(x)


def same_state(a, b):
    return all(torch.equal(t, b.state_dict()[n]) for n, t in a.state_dict().items())


# ours


def test_ours_come_back_with_their_metadata(tmp_path, model):
    path = tmp_path / "lifter.safetensors"
    metadata = {"root_relative": True, "fps": [12, 60], "data": "made up"}
    save_lifter(path, model, metadata, half=False)
    loaded, info = load_lifter(path)
    assert loaded.config == SMALL
    assert same_state(model, loaded)
    assert not loaded.training
    assert (info.path, info.origin, info.metadata) == (path, "mbcli", metadata)
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in tmp_path.iterdir()] == ["lifter.safetensors"]


def test_half_precision_is_only_for_the_file(tmp_path, model):
    save_lifter(tmp_path / "full.safetensors", model, {}, half=False)
    save_lifter(tmp_path / "half.safetensors", model, {}, half=True)
    full, half = ((tmp_path / f"{n}.safetensors").stat().st_size for n in ("full", "half"))
    assert half < 0.75 * full
    loaded, _ = load_lifter(tmp_path / "half.safetensors")
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, model.state_dict()[name].half().float())


def test_saving_replaces_whole_files_only(tmp_path, model):
    path = tmp_path / "lifter.safetensors"
    path.write_text("old")
    with pytest.raises(TypeError):
        save_lifter(path, model, {"not json": object()}, half=False)
    assert path.read_text() == "old"
    save_lifter(path, model, {}, half=False)
    assert load_lifter(path)[0].config == SMALL
    with pytest.raises(OutputError, match="cannot be written"):
        save_lifter(tmp_path / "nowhere" / "a.safetensors", model, {}, half=False)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        save_lifter(tmp_path / "folder", model, {}, half=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["folder", "lifter.safetensors"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "must say format 'mbcli.lifter/1', got None"),
        ({"format": "mbcli.lifter/1"}, "describes no lifter: facts is missing"),
        ({"format": "mbcli.lifter/1", "dimensions": "{", "facts": "{}"}, "describes no lifter"),
        ({"format": "mbcli.lifter/1", "dimensions": '{"depth": 2}', "facts": "{}"}, "whole numb"),
    ],
)
def test_safetensors_of_others_are_refused(tmp_path, model, metadata, message):
    path = tmp_path / "other.safetensors"
    save_file(model.state_dict(), path, metadata)
    with pytest.raises(WeightsError, match=message):
        load_lifter(path)


def test_tensors_that_contradict_the_dimensions_are_named(tmp_path, model):
    path = tmp_path / "lifter.safetensors"
    state = model.state_dict()
    state["extra.weight"] = state.pop("norm.weight")
    state["head.bias"] = torch.zeros(4)
    dimensions = json.dumps({**SMALL.__dict__})
    metadata = {"format": "mbcli.lifter/1", "dimensions": dimensions, "facts": "{}"}
    save_file(state, path, metadata)
    with pytest.raises(WeightsError) as caught:
        load_lifter(path)
    assert "missing: norm.weight" in str(caught.value)
    assert "unexpected: extra.weight" in str(caught.value)
    assert "head.bias (4,) instead of (3,)" in str(caught.value)
    assert "\n" not in str(caught.value)


# published


@pytest.mark.parametrize("prefix", ["module.", ""])
@pytest.mark.parametrize("zipped", [True, False])
def test_published_files_load(tmp_path, published, prefix, zipped):
    content, arrays = published
    state = {n.replace("module.", prefix): t for n, t in content["model_pos"].items()}
    path = tmp_path / "best_epoch.bin"
    content = {**content, "model_pos": state}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded, info = load_lifter(path, num_heads=4)
    assert info.origin == "motionbert"
    assert info.metadata == {}
    config = loaded.config
    assert (config.dim_feat, config.dim_rep, config.depth, config.mlp_ratio) == (32, 48, 2, 2)
    assert (config.num_joints, config.maxlen, config.dim_in, config.dim_out) == (17, 27, 3, 3)
    assert (run(loaded, arrays["x"]) - arrays["y"]).abs().max() < 1e-5


def test_numpy_scalars_saved_by_numpy_1_load(tmp_path, published):
    path = tmp_path / "old.bin"
    torch.save(published[0], path)
    rewrite(path, b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert load_lifter(path)[0].config.num_heads == 8


def test_files_saved_on_a_gpu_load_without_one(tmp_path, published):
    """The storages' location tag alone records where they were."""
    path = tmp_path / "gpu.bin"
    torch.save(published[0], path)
    # Length-prefixed string of the pickle: cpu, then cuda:0.
    rewrite(path, b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    with zipfile.ZipFile(path) as archive:
        assert b"cuda:0" in archive.read(pickle_name(archive))
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(path, weights_only=False)
    loaded, _ = load_lifter(path, num_heads=4)
    assert {p.device.type for p in loaded.parameters()} == {"cpu"}
    arrays = published[1]
    assert (run(loaded, arrays["x"]) - arrays["y"]).abs().max() < 1e-5


def pickle_name(archive):
    return next(name for name in archive.namelist() if name.endswith("data.pkl"))


def rewrite(path, old, new):
    """Replace bytes in the pickle of a file that torch.save wrote."""
    with zipfile.ZipFile(path) as archive:
        parts = {item.filename: archive.read(item) for item in archive.infolist()}
        name = pickle_name(archive)
    assert old in parts[name]
    parts[name] = parts[name].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for filename, data in parts.items():
            archive.writestr(filename, data)


def test_the_port_loads(tmp_path):
    state, arrays = reference("dstformer_tiny_mmpose.npz")
    path = tmp_path / "port.pth"
    meta = {"epoch": 1, "dataset_meta": {"sigmas": np.full(17, 0.05, np.float32)}}
    torch.save({"meta": meta, "state_dict": state}, path)
    loaded, info = load_lifter(path, num_heads=4)
    assert info.origin == "mmpose"
    assert (run(loaded, arrays["x"]) - arrays["y"]).abs().max() < 1e-5


def test_a_bare_state_dict_loads(tmp_path, model):
    path = tmp_path / "bare.pt"
    torch.save(model.state_dict(), path)
    assert same_state(model, load_lifter(path, num_heads=4)[0])


def test_heads_must_divide(tmp_path, model):
    path = tmp_path / "bare.pt"
    torch.save(model.state_dict(), path)
    with pytest.raises(WeightsError, match=r"impossible dimensions.*5 heads"):
        load_lifter(path, num_heads=5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {"module.backbone.norm.weight": torch.ones(3)}}, "action or mesh model"),
        ({"model": {"fc.weight": torch.ones(3)}}, "another architecture.*joints_embed"),
        ({"state_dict": {"conv1.weight": torch.ones(3)}}, "missing joints_embed.weight.*conv1"),
        ({"weights": [1, 2]}, "no pose model.*'weights'"),
        ({}, "no pose model"),
        ([1, 2, 3], "no state dict, but a list"),
        ({"model_pos": 3}, "no state dict, but a int"),
    ],
)
def test_other_models_are_refused(tmp_path, content, message):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=message):
        load_lifter(path)


def test_mismatches_are_named(tmp_path, published):
    content, _ = published
    state = dict(content["model_pos"])
    del state["module.blocks_ts.1.attn_t.qkv.bias"]
    state["module.smpl.weight"] = torch.ones(2)
    state["module.norm.bias"] = torch.ones(31)
    path = tmp_path / "bad.bin"
    torch.save({**content, "model_pos": state}, path)
    with pytest.raises(WeightsError) as caught:
        load_lifter(path)
    text = str(caught.value)
    assert "missing: blocks_ts.1.attn_t.qkv.bias" in text
    assert "unexpected: smpl.weight" in text
    assert "shape: norm.bias (31,) instead of (32,)" in text
    state["module.pos_embed"] = torch.ones(17, 32)
    torch.save({"model_pos": state}, path)
    with pytest.raises(WeightsError, match=r"pos_embed must have 3 axes, got \(17, 32\)"):
        load_lifter(path)


def test_weights_that_are_not_finite_are_named(tmp_path, published):
    content, _ = published
    state = {n: t.clone() for n, t in content["model_pos"].items()}
    state["module.head.bias"][1] = torch.nan
    torch.save({"model_pos": state}, tmp_path / "nan.bin")
    with pytest.raises(WeightsError, match=r"not finite numbers: head\.bias"):
        load_lifter(tmp_path / "nan.bin")


# damaged and hostile


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["zip", "legacy", "pickle2", "pickle"])
def test_a_file_that_wants_to_run_code_does_not(tmp_path, how):
    trap, path = tmp_path / "trap", tmp_path / "hostile.bin"
    content = {"model_pos": Hostile(trap)}
    if how.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=2 if how == "pickle2" else None))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(WeightsError) as caught:
        load_lifter(path)
    assert not trap.exists()
    assert "\n" not in str(caught.value)
    assert "nothing in it was run" in str(caught.value)
    if how != "pickle":
        assert f"asks for '{os.mkdir.__module__}.mkdir'" in str(caught.value)
    pickle_data = path.read_bytes()
    if how == "zip":
        with zipfile.ZipFile(path) as archive:
            pickle_data = archive.read(pickle_name(archive))
    if how != "legacy":
        pickle.loads(pickle_data)
        assert trap.exists()  # so the trap was a real one


class HistoryBuffer:
    """Stands for what training frameworks leave in their files."""


def test_unknown_types_are_named(tmp_path):
    path = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": {}, "message_hub": HistoryBuffer()}, path)
    with pytest.raises(WeightsError, match=r"asks for '.*test_checkpoint\.HistoryBuffer'"):
        load_lifter(path)


def test_missing_files_are_an_error_of_ours(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        load_lifter(tmp_path / "none.bin")
    with pytest.raises(WeightsError, match="cannot be read: Is a directory"):
        load_lifter(tmp_path)


@pytest.mark.parametrize("name", ["a.bin", "a.pth", "a.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"\n", b"not weights, but a text\n" * 20, b"\x80\x02", b"PK"]
)
def test_files_of_other_kinds_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_lifter(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_truncated_files_are_refused(tmp_path, model, kind, share):
    path = tmp_path / "weights"
    if kind == "safetensors":
        save_lifter(path, model, {}, half=False)
    else:
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError) as caught:
        load_lifter(path, num_heads=4)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maxlen": 10**6}, "shape: temp_embed"),
        ({"depth": 10**4}, "10000 layers must have as many tensors or more"),
        ({"dim_feat": 2**10, "num_heads": 1}, "does not fit the DSTformer it describes"),
        ({"maxlen": 10**9}, "must have at most 268435456 numbers"),
        ({"depth": 10**9}, "must have at most 268435456 numbers"),
        ({"dim_feat": 2**40, "num_heads": 1}, "must have at most 268435456 numbers"),
    ],
)
def test_dimensions_that_lie_cost_nothing(tmp_path, model, change, message):
    path = tmp_path / "lifter.safetensors"
    about = {"dimensions": asdict(model.config) | change, "facts": {}}
    write_described(path, dict(model.state_dict()), "mbcli.lifter/1", about)
    with pytest.raises(WeightsError, match=message):
        load_lifter(path)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "facts must be a JSON object, got None"),
        ({"span": "long"}, "facts, span must be a number"),
        ({"fps": [1, 2, 1e9]}, "facts, fps must be 0.01..10000"),
        ({"note": float("nan")}, "must hold finite numbers, got NaN"),
    ],
)
def test_facts_of_another_kind_are_refused(tmp_path, model, facts, message):
    path = tmp_path / "lifter.safetensors"
    about = {"dimensions": asdict(model.config), "facts": facts}
    write_described(path, dict(model.state_dict()), "mbcli.lifter/1", about)
    with pytest.raises(WeightsError, match=message):
        load_lifter(path)


@pytest.mark.parametrize("kind", ["expanded", "meta", "sparse"])
def test_tensors_that_take_more_than_they_hold_are_refused(tmp_path, published, kind):
    tensor = {
        "expanded": torch.zeros(1).expand(10**6, 10**6),
        "meta": torch.zeros(3, device="meta"),
        "sparse": torch.eye(3).to_sparse(),
    }[kind]
    torch.save({**published[0], "more": [tensor]}, tmp_path / "a.bin")
    with pytest.raises(WeightsError, match=r"a\.bin must hold whole tensors, got one of shape"):
        load_lifter(tmp_path / "a.bin")
