from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.body import choice
from mbcli.lift.body.body_model import (
    JOINTS,
    MIRROR,
    BodyModel,
    mirrored_pose,
    upright,
    world_rotations,
)
from mbcli.lift.body.choice import load_body_model
from mbcli.lift.body.rotations import matrices_from_vectors
from mbcli.skeleton import H36M17


def anny_is_ready() -> bool:
    """Whether Anny's tables, which take more than a minute, have been built."""
    if find_spec("anny") is None:
        return False
    from anny.paths import get_anny_cache_path

    return any(Path(get_anny_cache_path()).rglob("build_compact_model_data_*"))


@pytest.fixture(params=["stick", "smpl", "anny"])
def body(request: pytest.FixtureRequest) -> BodyModel:
    if request.param == "stick":
        return request.getfixturevalue("stick_body")
    if request.param == "smpl":
        pytest.importorskip("smplx", reason="needs smplx, whose licence forbids commercial use")
        return load_body_model("smpl", *request.getfixturevalue("smpl_file"))
    if not anny_is_ready():
        pytest.skip("needs anny with its tables built: python -c 'import anny; anny.Anny()'")
    return load_body_model("anny")


def posed(**vectors: tuple[float, float, float]) -> torch.Tensor:
    """(1, 24, 3, 3) upright, with some joints turned."""
    pose = upright()[None].clone()
    for joint, vector in vectors.items():
        pose[0, JOINTS.index(joint)] = matrices_from_vectors(torch.tensor(vector))
    return pose


def places(body: BodyModel, pose: torch.Tensor, shape: torch.Tensor | None = None) -> Any:
    numbers = torch.zeros(1, body.shapes) if shape is None else shape
    joints = body.joints(pose, numbers)[0]
    return dict(zip(H36M17.joints, (joints - joints[0]).tolist(), strict=True))


def test_somebody_stands_upright_and_looks_into_the_camera(body: BodyModel) -> None:
    found = places(body, posed())
    x, y, z = range(3)
    assert found["left_wrist"][x] > 0.5 > -0.5 > found["right_wrist"][x]
    assert found["head"][y] < found["thorax"][y] < found["spine"][y] < 0 < found["left_knee"][y]
    assert 0.7 < found["left_ankle"][y] < 1.1
    assert found["nose"][z] < 0.02
    assert abs(found["left_elbow"][y] - found["left_shoulder"][y]) < 0.05


def test_mesh_has_the_right_shapes_and_joints_are_the_same_without_it(body: BodyModel) -> None:
    generator = torch.Generator().manual_seed(0)
    turns = matrices_from_vectors(0.3 * torch.randn(5, 24, 3, generator=generator))
    shape = torch.randn(5, body.shapes, generator=generator)
    vertices, joints = body.mesh(turns, shape)
    assert vertices.shape == (5, len(body.template), 3)
    assert joints.shape == (5, 17, 3)
    assert vertices.dtype == joints.dtype == torch.float32
    assert body.faces.dtype == torch.int64
    assert 0 <= body.faces.min() <= body.faces.max() < len(body.template)
    torch.testing.assert_close(body.joints(turns, shape), joints, atol=1e-5, rtol=1e-5)


def test_faces_look_outwards(body: BodyModel) -> None:
    corners = body.template[body.faces].double()
    volume = (corners[:, 0] * torch.linalg.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume > 0


def test_a_joint_moves_what_hangs_on_it_and_nothing_else(body: BodyModel) -> None:
    rest, bent = places(body, posed()), places(body, posed(left_shoulder=(0, 0, 1.2)))
    # About z, from x to y: the arm goes up, which is negative y in the picture.
    assert bent["left_wrist"][1] < rest["left_wrist"][1] - 0.4
    for joint in ("right_wrist", "left_ankle", "head"):
        np.testing.assert_allclose(bent[joint], rest[joint], atol=0.02)
    kicked = places(body, posed(right_hip=(-1.2, 0, 0)))
    assert kicked["right_ankle"][2] < rest["right_ankle"][2] - 0.4  # towards the camera


def test_the_mirror_image_of_a_pose_is_that_of_its_joints(body: BodyModel) -> None:
    pose = posed(left_shoulder=(0.2, -0.4, 1.0), right_knee=(0.9, 0, 0), spine2=(0.1, 0.3, 0.2))
    one, other = places(body, pose), places(body, mirrored_pose(pose))
    for joint, mirror in zip(H36M17.joints, H36M17.mirror, strict=True):
        x, y, z = one[H36M17.joints[mirror]]
        np.testing.assert_allclose(other[joint], (-x, y, z), atol=0.02)


def test_shape_changes_the_body_and_has_gradients(body: BodyModel) -> None:
    shape = torch.zeros(1, body.shapes, requires_grad=True)
    pose = upright()[None].clone().requires_grad_()
    joints = body.joints(pose, shape)
    joints[0, 10, 1].backward()
    for leaf in (shape, pose):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
        assert leaf.grad.abs().max() > 1e-4


def test_world_rotations_are_the_chain_of_the_parents() -> None:
    pose = posed(spine1=(0, 0.3, 0), spine2=(0, 0.2, 0), head=(0, 0.1, 0))
    world = world_rotations(pose)[0]
    turned = matrices_from_vectors(torch.tensor([0.0, 0.6, 0.0]))
    torch.testing.assert_close(world[JOINTS.index("head")], pose[0, 0] @ turned)
    assert [JOINTS[n] for n in MIRROR][1:4] == ["right_hip", "left_hip", "spine1"]


def test_smplx_itself_gives_the_same_mesh(smpl_file: tuple[Path, Path]) -> None:
    smplx = pytest.importorskip("smplx", reason="needs smplx")
    from smplx.utils import Struct

    body = load_body_model("smpl", *smpl_file)
    with smpl_file[0].open("rb") as stream:
        content = pickle.load(stream)
    # Only its skinning reads vertices by their numbers in the real mesh.
    layer = smplx.SMPLLayer("", data_struct=Struct(**content))
    layer.vertex_joint_selector.extra_joints_idxs = torch.zeros(0, dtype=torch.long)
    turns = matrices_from_vectors(0.5 * torch.randn(3, 24, 3))
    shape = torch.randn(3, 10)
    expected = layer(
        betas=shape, global_orient=turns[:, :1], body_pose=turns[:, 1:], pose2rot=False
    )
    vertices, _ = body.mesh(turns, shape)
    torch.testing.assert_close(vertices, expected.vertices)


def test_what_is_missing_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, smpl_file: tuple[Path, Path]
) -> None:
    with pytest.raises(ConfigError, match="must be anny, smpl, got 'ghum'"):
        load_body_model("ghum")
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install smplx"):
        load_body_model("smpl", *smpl_file)
    with pytest.raises(ConfigError, match="pip install anny"):
        load_body_model("anny")
    monkeypatch.setattr(choice, "find_spec", lambda name: object())
    with pytest.raises(ConfigError, match=r"smpl\.is\.tue\.mpg\.de"):
        load_body_model("smpl")
    with pytest.raises(ConfigError, match="takes no files"):
        load_body_model("anny", smpl_file[0])
    with pytest.raises(WeightsError, match="cannot be read"):
        load_body_model("smpl", Path("nowhere.pkl"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v_template": None}, "must hold v_template"),
        ({"posedirs": np.zeros((144, 3, 9))}, r"posedirs must be numbers of shape \(144, 3, 207\)"),
        ({"weights": np.full((144, 24), np.nan)}, "finite"),
        ({"shapedirs": np.zeros((144, 3, 4))}, "10 shapes or more"),
        ({"f": np.full((4, 3), 144)}, "0 to 143"),
        ({"kintree_table": np.zeros((2, 24), dtype=np.uint32)}, "parents of SMPL's 24 joints"),
    ],
)
def test_a_damaged_model_file_is_refused(
    tmp_path: Path, smpl_file: tuple[Path, Path], change: dict[str, Any], message: str
) -> None:
    from mbcli.lift.body.smpl import Smpl

    content = pickle.loads(smpl_file[0].read_bytes())
    for key, value in change.items():
        if value is None:
            del content[key]
        else:
            content[key] = value
    broken = tmp_path / "broken.pkl"
    broken.write_bytes(pickle.dumps(content))
    with pytest.raises(WeightsError, match=message):
        Smpl.load(broken, smpl_file[1])


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    from mbcli.lift.body.smpl import Smpl

    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("run",))

    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"v_template": Evil()}))
    with pytest.raises(WeightsError, match="not run"):
        Smpl.load(path)


def test_the_joint_regressor_must_fit(tmp_path: Path, smpl_file: tuple[Path, Path]) -> None:
    from mbcli.lift.body.smpl import Smpl

    np.save(tmp_path / "joints.npy", np.zeros((17, 6890)))
    with pytest.raises(WeightsError, match=r"must be \(17, 144\), got \(17, 6890\)"):
        Smpl.load(smpl_file[0], tmp_path / "joints.npy")
    with pytest.raises(WeightsError, match="6890 vertices, or a joint regressor"):
        Smpl.load(smpl_file[0])
