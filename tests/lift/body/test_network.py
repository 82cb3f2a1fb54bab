from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from mbcli.errors import WeightsError
from mbcli.lift.body.body_model import upright
from mbcli.lift.body.checkpoint import load_mesh, save_mesh
from mbcli.lift.body.network import MeshHead, MeshHeadConfig, MeshNet
from mbcli.lift.checkpoint import load_lifter, save_lifter
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import FULL, DSTformer

TINY = DSTformerConfig(dim_feat=16, dim_rep=8, depth=1, num_heads=2, mlp_ratio=2, maxlen=20)

# Of the published checkpoint (full model, hidden_dim 1024), without SMPL's own tensors.
PUBLISHED_HEAD = {
    "fc1.weight": (1024, 17 * 512),
    "fc1.bias": (1024,),
    "fc2.weight": (1024, 17 * 512),
    "fc2.bias": (1024,),
    "bn1.weight": (1024,),
    "bn1.bias": (1024,),
    "bn1.running_mean": (1024,),
    "bn1.running_var": (1024,),
    "bn1.num_batches_tracked": (),
    "bn2.weight": (1024,),
    "bn2.bias": (1024,),
    "bn2.running_mean": (1024,),
    "bn2.running_var": (1024,),
    "bn2.num_batches_tracked": (),
    "head_pose.weight": (144, 1024),
    "head_pose.bias": (144,),
    "head_shape.weight": (10, 1024),
    "head_shape.bias": (10,),
    "init_pose": (1, 144),
    "init_shape": (1, 10),
}


@pytest.fixture
def net() -> MeshNet:
    torch.manual_seed(0)
    return MeshNet(DSTformer(TINY), MeshHeadConfig(hidden=12))


def test_the_head_has_the_published_tensors() -> None:
    with torch.device("meta"):
        head = MeshHead(17 * FULL.dim_rep, MeshHeadConfig())
    assert {n: tuple(t.shape) for n, t in head.state_dict().items()} == PUBLISHED_HEAD


def test_one_rotation_a_joint_and_frame_and_one_shape_a_clip(net: MeshNet) -> None:
    rotations, shape = net(torch.randn(3, 5, 17, 3))
    assert rotations.shape == (3, 5, 24, 3, 3)
    assert shape.shape == (3, 10)
    torch.testing.assert_close(
        rotations @ rotations.mT, torch.eye(3).expand_as(rotations), atol=1e-5, rtol=0
    )
    # A new head predicts somebody standing upright in front of the camera.
    assert (rotations - upright()).abs().max() < 0.5


def test_weights_tell_what_they_are_and_come_back(tmp_path: Path, net: MeshNet) -> None:
    net(torch.randn(3, 5, 17, 3))  # the batch norms' statistics move
    path = tmp_path / "mesh.safetensors"
    save_mesh(path, net, "smpl", {"frames": 5}, half=False)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "mbcli.mesh/1"
    assert json.loads(metadata["head"]) == {"hidden": 12, "shapes": 10, "dropout": 0.1}
    back, info = load_mesh(path)
    assert not back.training
    assert (info.origin, info.body, info.metadata) == ("mbcli", "smpl", {"frames": 5})
    x = torch.randn(2, 5, 17, 3)
    for mine, theirs in zip(net.eval()(x), back(x), strict=True):
        torch.testing.assert_close(mine, theirs)


def published(net: MeshNet, path: Path, prefix: str = "module.") -> Path:
    """As the authors save it: names of several GPUs, and SMPL among the tensors."""
    state = {prefix + name: tensor for name, tensor in net.state_dict().items()}
    state[f"{prefix}head.smpl.v_template"] = torch.zeros(6890, 3)
    state[f"{prefix}head.smpl.J_regressor_h36m"] = torch.zeros(17, 6890)
    torch.save({"epoch": 3, "lr": 1e-4, "optimizer": None, "model": state, "best_jpe": 70.0}, path)
    return path


def test_a_published_file_loads_without_its_body(tmp_path: Path, net: MeshNet) -> None:
    path = published(net, tmp_path / "best_epoch.bin")
    back, info = load_mesh(path, num_heads=2)
    assert (info.origin, info.body) == ("motionbert", "smpl")
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], tensor)


def test_other_files_are_refused(tmp_path: Path, net: MeshNet) -> None:
    lifter = tmp_path / "lifter.safetensors"
    save_lifter(lifter, net.backbone, {}, half=False)
    with pytest.raises(WeightsError, match=r"mesh model of mbcli: .*mbcli\.lifter/1"):
        load_mesh(lifter)
    mesh = tmp_path / "mesh.safetensors"
    save_mesh(mesh, net, "smpl", {}, half=True)
    with pytest.raises(WeightsError, match=r"lifter of mbcli: .*mbcli\.mesh/1"):
        load_lifter(mesh)
    del net.head.head_shape
    with pytest.raises(WeightsError, match="is not a mesh model"):
        load_mesh(published(net, tmp_path / "action.bin"), num_heads=2)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(mesh.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="not a complete safetensors file"):
        load_mesh(cut)
