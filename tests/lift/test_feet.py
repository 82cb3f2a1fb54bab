"""A lifter with feet: the body as without them, feet at its ankles, one file for both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from motions import walking, with_feet

from mbcli.errors import WeightsError
from mbcli.lift.checkpoint import load_feet, load_lifter, save_lifter, with_metadata
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.expected_error import METADATA_KEY
from mbcli.lift.feet import ANKLES, WithFeet, feet_dimensions
from mbcli.lift.lifter import Lifter
from mbcli.lift.model import DSTformer
from mbcli.skeleton import BODY23, FEET, H36M17

SMALL = DSTformerConfig(dim_feat=16, dim_rep=12, depth=1, num_heads=4, mlp_ratio=2, maxlen=9)
BODY = len(H36M17)


@pytest.fixture
def model() -> WithFeet:
    torch.manual_seed(0)
    return WithFeet(DSTformer(SMALL), DSTformer(feet_dimensions(SMALL))).eval()


def clips(seed: int = 1) -> torch.Tensor:
    x = torch.randn(2, 7, len(BODY23), 3, generator=torch.Generator().manual_seed(seed)) / 3
    x[..., 2] = 0.8
    return x


def run(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(x)
        return found


def test_the_body_does_not_know_of_its_feet(model: WithFeet) -> None:
    x = clips()
    found = run(model, x)
    assert found.shape == (2, 7, 23, 3)
    torch.testing.assert_close(found[:, :, :BODY], run(model.body, x[:, :, :BODY]))
    moved = x.clone()
    moved[:, :, BODY:, :2] += 0.1
    other = run(model, moved)
    torch.testing.assert_close(other[:, :, :BODY], found[:, :, :BODY])
    assert (other[:, :, BODY:] - found[:, :, BODY:]).abs().min() > 0


def test_feet_that_are_not_seen_do_not_depend_on_where_they_would_be(model: WithFeet) -> None:
    x = clips()
    x[:, :, BODY:] = 0
    found = run(model, x)
    moved = x.clone()
    moved[:, :, BODY:, :2] = 0.5
    torch.testing.assert_close(run(model, moved), found)
    # A person elsewhere in the window has the same feet at other ankles.
    body = found[:, :, :BODY] + 0.25
    with torch.inference_mode():
        elsewhere = model.add(x, body)
    torch.testing.assert_close(
        elsewhere[:, :, BODY:] - elsewhere[:, :, list(ANKLES)],
        found[:, :, BODY:] - found[:, :, list(ANKLES)],
    )


def test_ankles_of_feet() -> None:
    for joint, ankle in zip(FEET, ANKLES, strict=True):
        assert H36M17.joints[ankle] == f"{joint.partition('_')[0]}_ankle"


@pytest.mark.parametrize(
    ("body", "feet"),
    [
        (DSTformerConfig(num_joints=16, dim_feat=16), feet_dimensions(SMALL)),
        (SMALL, SMALL),
        (SMALL, feet_dimensions(DSTformerConfig(dim_feat=16, num_heads=4, maxlen=8))),
    ],
)
def test_networks_that_do_not_fit_together(body: DSTformerConfig, feet: DSTformerConfig) -> None:
    with pytest.raises(ValueError, match="feet"):
        WithFeet(DSTformer(body), DSTformer(feet))


def test_one_file_has_the_lifter_and_its_feet(tmp_path: Path, model: WithFeet) -> None:
    path = tmp_path / "lifter.safetensors"
    save_lifter(path, model, {"fps": [12, 60]}, half=False, feet={"clips": 7, METADATA_KEY: None})
    body, info = load_lifter(path)
    assert info.has_feet
    assert info.metadata == {"fps": [12, 60]}
    whole, about = load_feet(path, body, info)
    assert about.metadata["skeleton"] == "body23"
    assert about.metadata["feet"]["clips"] == 7
    x = clips()
    torch.testing.assert_close(run(whole, x), run(model, x))
    other = tmp_path / "other.safetensors"
    with_metadata(path, other, feet={"clips": 8})
    body, info = load_lifter(other)
    assert info.metadata == {"fps": [12, 60]}
    whole, about = load_feet(other, body, info)
    assert about.metadata["feet"] == {"clips": 8}
    torch.testing.assert_close(run(whole, x), run(model, x))


def test_a_file_without_feet_says_so(tmp_path: Path) -> None:
    path = tmp_path / "lifter.safetensors"
    save_lifter(path, DSTformer(SMALL), {}, half=False)
    body, info = load_lifter(path)
    assert not info.has_feet
    with pytest.raises(WeightsError, match="weights with feet are needed for --skeleton body23"):
        load_feet(path, body, info)


def test_a_body_is_lifted_the_same_with_and_without_its_feet(model: WithFeet) -> None:
    motion = walking(20, people=2)
    feet = with_feet(motion, BODY23).keypoints
    alone = Lifter(model.body).lift(motion.keypoints)
    both = Lifter(model, metadata={"skeleton": "body23"}).lift(feet)
    assert both.shape == (20, 2, 23, 3)
    np.testing.assert_allclose(both[:, :, :BODY], alone, atol=1e-5)
    assert np.isfinite(both[np.isfinite(alone[..., 0, 0])]).all()
