from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.evaluate.mesh_metrics import JOINTS14, MeshErrors


def test_the_joints_are_the_published_fourteen() -> None:
    assert JOINTS14 == (1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16)


def test_errors_are_in_millimetres_and_relative_to_the_pelvis() -> None:
    rng = np.random.default_rng(0)
    vertices, joints = rng.normal(size=(5, 30, 3)), rng.normal(size=(5, 17, 3))
    errors = MeshErrors()
    assert errors.result() == {}
    errors.add(vertices + 3, joints + 3, vertices, joints)
    assert all(value < 1e-9 for value in errors.result().values())

    # Every vertex 20 mm off, every joint but the pelvis 30 mm.
    moved = joints + np.array([0.03, 0, 0])
    moved[:, 0] = joints[:, 0]
    off = vertices + np.array([0, 0.02, 0])
    errors = MeshErrors()
    errors.add(off[:2], moved[:2], vertices[:2], joints[:2])
    errors.add(off[2:], moved[2:], vertices[2:], joints[2:])
    result = errors.result()
    np.testing.assert_allclose(result["mpve"], 20)
    np.testing.assert_allclose(result["mpjpe"], 30)
    np.testing.assert_allclose(result["pa_mpjpe"], 0, atol=1e-9)


def test_pa_takes_out_a_similarity_of_each_pose() -> None:
    rng = np.random.default_rng(1)
    joints = rng.normal(size=(4, 17, 3))
    turned = np.stack([Rotation.random(rng=n).apply(1.3 * pose) for n, pose in enumerate(joints)])
    errors = MeshErrors()
    errors.add(turned, turned, joints, joints)
    assert errors.result()["mpjpe"] > 100
    np.testing.assert_allclose(errors.result()["pa_mpjpe"], 0, atol=1e-9)
