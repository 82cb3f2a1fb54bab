from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.foreign import _from_mmpose
from mbcli.lift.model import FULL, LITE, DSTformer

FIXTURES = Path(__file__).parents[1] / "fixtures"


def fixture(name):
    with np.load(FIXTURES / name) as file:
        data = {key: file[key] for key in file.files}
    config = json.loads(str(data["config"]))
    config.pop("layernorm_eps", None)
    state = {
        key.removeprefix("sd/"): torch.from_numpy(value)
        for key, value in data.items()
        if key.startswith("sd/")
    }
    return DSTformerConfig(**config), state, data


@pytest.fixture(scope="module")
def tiny():
    config, state, data = fixture("dstformer_tiny.npz")
    model = DSTformer(config).eval()
    model.load_state_dict(state, strict=True)
    return model, data


def test_output_is_the_published_one(tiny):
    model, data = tiny
    with torch.inference_mode():
        for given, wanted in (("x", "y"), ("x_short", "y_short")):
            got = model(torch.from_numpy(data[given])).numpy()
            assert np.abs(got - data[wanted]).max() < 1e-5
        representation = model.get_representation(torch.from_numpy(data["x"])).numpy()
    assert np.abs(representation - data["representation"]).max() < 1e-5


def test_output_is_the_one_of_the_port():
    config, state, data = fixture("dstformer_tiny_mmpose.npz")
    model = DSTformer(config).eval()
    model.load_state_dict({_from_mmpose(n): t for n, t in state.items()}, strict=True)
    with torch.inference_mode():
        got = model(torch.from_numpy(data["x"])).numpy()
    assert np.abs(got - data["y"]).max() < 1e-5


@pytest.mark.parametrize(("name", "config"), [("full", FULL), ("lite", LITE)])
def test_tensors_are_the_published_ones(name, config):
    want = json.loads((FIXTURES / "motionbert_state_dict.json").read_text())[name]
    with torch.device("meta"):
        model = DSTformer(config)
    got = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    assert got == {key: list(shape) for key, shape in want["tensors"].items()}
    assert sum(p.numel() for p in model.parameters()) == want["params"]


def test_a_new_model_weighs_both_streams_alike():
    torch.manual_seed(0)
    model = DSTformer(DSTformerConfig(dim_feat=16, dim_rep=16, depth=2, num_heads=2, maxlen=9))
    for gate in model.ts_attn:
        assert isinstance(gate, torch.nn.Linear)
        assert not gate.weight.any()
        assert (gate.bias == 0.5).all()
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("shape", [(1, 28, 17, 3), (1, 9, 16, 3), (1, 9, 17, 2), (9, 17, 3)])
def test_wrong_inputs_are_named(tiny, shape):
    with pytest.raises(ValueError, match=r"up to 27, 17, 3\), got \("):
        tiny[0](torch.zeros(shape))


def test_wrong_dimensions_are_named():
    with pytest.raises(ValueError, match="3 heads for 16 features"):
        DSTformerConfig(dim_feat=16, num_heads=3)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        DSTformerConfig(depth=0)
