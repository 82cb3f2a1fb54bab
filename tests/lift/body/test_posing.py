from __future__ import annotations

import numpy as np
import torch

from mbcli.lift.body.body_model import JOINTS, BodyModel, upright
from mbcli.lift.body.posing import pose_from_joints
from mbcli.lift.body.rotations import matrices_from_vectors
from mbcli.skeleton import H36M17


def directions(joints: torch.Tensor) -> np.ndarray:
    """(N, 14, 3) where each bone points but those of the head, for the body has no face."""
    head = [H36M17.index("nose"), H36M17.index("head")]
    parents, children = zip(*[b for b in H36M17.bones if b[1] not in head], strict=True)
    bones = joints[:, list(children)] - joints[:, list(parents)]
    return torch.nn.functional.normalize(bones, dim=-1).numpy()


def h36m_of(body: BodyModel, pose: torch.Tensor) -> torch.Tensor:
    """Joints of the body, trunk and head as H36M has them."""
    joints = body.joints(pose, torch.zeros(len(pose), body.shapes)).clone()
    at = H36M17.index
    joints[:, 0] = (joints[:, at("left_hip")] + joints[:, at("right_hip")]) / 2
    shoulders = joints[:, at("left_shoulder")] + joints[:, at("right_shoulder")]
    joints[:, at("thorax")] = shoulders / 2
    joints[:, at("spine")] = (joints[:, 0] + joints[:, at("thorax")]) / 2
    return joints


def test_limbs_point_where_those_of_the_skeleton_do(stick_body: BodyModel) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.zeros(50, 24, 3)
    limbs = ("left_hip", "right_knee", "left_shoulder", "right_shoulder", "left_elbow")
    for joint in limbs:
        vectors[:, JOINTS.index(joint)] = torch.randn(50, 3, generator=generator)
    pose = matrices_from_vectors(vectors)
    pose[:, 0] = upright()[0] @ matrices_from_vectors(torch.randn(50, 3, generator=generator))
    expected = h36m_of(stick_body, pose)
    found = h36m_of(stick_body, pose_from_joints(expected))
    cosine = (directions(expected) * directions(found)).sum(axis=-1)
    # The made-up body's limbs do not rest quite where a pose has them: 5 degrees.
    assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 8


def test_upright_is_upright(stick_body: BodyModel) -> None:
    joints = h36m_of(stick_body, upright()[None])
    found = pose_from_joints(joints)[0]
    angle = torch.linalg.matrix_norm(found - upright()) / 2**0.5
    assert angle[:10].max() < 0.15
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand(24, 3, 3))


def test_a_head_looks_where_its_nose_is() -> None:
    # A standing person in camera axes who looks to their left, the right of the picture.
    joints = torch.zeros(1, 17, 3)
    for joint, place in {
        "left_hip": (0.1, 0, 0),
        "right_hip": (-0.1, 0, 0),
        "left_knee": (0.1, 0.4, 0),
        "right_knee": (-0.1, 0.4, 0),
        "left_ankle": (0.1, 0.8, 0),
        "right_ankle": (-0.1, 0.8, 0),
        "spine": (0, -0.25, 0),
        "thorax": (0, -0.5, 0),
        "left_shoulder": (0.2, -0.5, 0),
        "right_shoulder": (-0.2, -0.5, 0),
        "left_elbow": (0.5, -0.5, 0),
        "right_elbow": (-0.5, -0.5, 0),
        "left_wrist": (0.7, -0.5, 0),
        "right_wrist": (-0.7, -0.5, 0),
        "nose": (0.12, -0.65, 0),
        "head": (0, -0.8, 0),
    }.items():
        joints[0, H36M17.index(joint)] = torch.tensor(place)
    found = pose_from_joints(joints)[0]
    upright_but_head = [n for n, joint in enumerate(JOINTS) if joint not in ("neck", "head")]
    torch.testing.assert_close(
        found[upright_but_head], upright()[upright_but_head], atol=1e-6, rtol=0
    )
    eighth = matrices_from_vectors(torch.tensor([0.0, np.pi / 4, 0.0]))
    for joint in ("neck", "head"):
        torch.testing.assert_close(found[JOINTS.index(joint)], eighth, atol=1e-5, rtol=0)
