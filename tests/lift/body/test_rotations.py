from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mbcli.lift.body.rotations import (
    matrices_from_six,
    matrices_from_vectors,
    nearest_rotations,
    six_from_matrices,
    swing,
    vectors_from_matrices,
)


@pytest.fixture
def vectors() -> np.ndarray:
    """(500, 3) of every angle, the awkward ones too: 0, next to 0, and half turns."""
    rng = np.random.default_rng(0)
    out = rng.normal(size=(500, 3))
    out *= rng.uniform(0, np.pi, (500, 1)) / np.linalg.norm(out, axis=1, keepdims=True)
    out[:6] = (
        (0, 0, 0),
        (1e-9, 0, 2e-9),
        (1e-4, 0, 0),
        (np.pi, 0, 0),
        (0, np.pi, 0),
        (0, 0, 3.14159),
    )
    return out


def test_vectors_and_matrices_agree_with_scipy(vectors: np.ndarray) -> None:
    matrices = matrices_from_vectors(torch.from_numpy(vectors))
    np.testing.assert_allclose(matrices, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)
    back = Rotation.from_rotvec(vectors_from_matrices(matrices).numpy())
    assert (back * Rotation.from_rotvec(vectors).inv()).magnitude().max() < 1e-7


def test_six_numbers_agree_with_gram_and_schmidt_and_come_back(vectors: np.ndarray) -> None:
    matrices = torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix())
    six = six_from_matrices(matrices)
    # The layout of the published weights: two columns, row by row.
    assert torch.equal(six[7], matrices[7][:, :2].reshape(6))
    np.testing.assert_allclose(matrices_from_six(six), matrices, atol=1e-12)
    rough = matrices_from_six(torch.from_numpy(np.random.default_rng(1).normal(size=(50, 6))))
    orthogonal, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(50, 3, 2)))
    np.testing.assert_allclose(np.abs(rough[..., :2].numpy()), np.abs(orthogonal), atol=1e-12)
    np.testing.assert_allclose(torch.linalg.det(rough), 1.0)


@pytest.mark.parametrize("angle", [0.0, 1e-8, 1e-3, 1.0, np.pi - 1e-3])
def test_gradients_are_finite_and_right(angle: float) -> None:
    vector = torch.tensor([angle, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(matrices_from_vectors, (vector,), atol=1e-5)
    matrix = matrices_from_vectors(vector.detach()).requires_grad_()
    vectors_from_matrices(matrix).sum().backward()
    assert matrix.grad is not None
    assert matrix.grad.isfinite().all()


def test_the_mean_of_rotations_is_that_of_scipy(vectors: np.ndarray) -> None:
    pair = Rotation.from_rotvec(vectors[10:14] * 0.4)
    mean = nearest_rotations(torch.from_numpy(pair.as_matrix()).sum(dim=0))
    np.testing.assert_allclose(mean, pair.mean().as_matrix(), atol=1e-12)
    reflected = nearest_rotations(torch.diag(torch.tensor([1.0, 1.0, -0.1])))
    np.testing.assert_allclose(reflected, np.eye(3), atol=1e-6)


def test_swing_is_the_shortest_rotation_to_a_direction() -> None:
    draws = torch.randn(2, 200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    start, end = torch.nn.functional.normalize(draws, dim=-1)
    turns = swing(start, end)
    assert torch.allclose((turns @ start[..., None])[..., 0], end, atol=1e-12)
    angles = vectors_from_matrices(turns).norm(dim=-1)
    assert torch.allclose(angles.cos(), (start * end).sum(dim=-1), atol=1e-12)
    assert torch.allclose(swing(start, start), torch.eye(3, dtype=torch.float64), atol=1e-12)
