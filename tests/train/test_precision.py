from __future__ import annotations

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.train.precision import mixed_precision


class Seen(nn.Module):
    """Keeps what it is given; its linear map runs in whatever precision is set."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.given = torch.zeros(0)
        self.inside = torch.float32

    def forward(self, x: Tensor) -> Tensor:
        self.given = x
        output: Tensor = self.linear(x)
        self.inside = output.dtype
        return output


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1, plugins=mixed_precision("bf16-mixed", "cpu"))


def test_inputs_stay_exact_and_the_arithmetic_is_narrow(fabric: Fabric) -> None:
    model = Seen()
    x = torch.rand(3, 4) + 1e-4
    output = fabric.setup(model)(x)
    assert model.given.dtype == torch.float32
    assert torch.equal(model.given, x)
    assert model.inside == torch.bfloat16
    assert output.dtype == torch.float32


def test_a_lifter_outputs_nearly_the_same(fabric: Fabric) -> None:
    torch.manual_seed(0)
    model = DSTformer(DSTformerConfig(dim_feat=24, dim_rep=16, depth=2, num_heads=3, maxlen=9))
    x = torch.rand(2, 9, 17, 3)
    with torch.no_grad():
        exact = model(x)
    with torch.no_grad():
        narrow = fabric.setup(model)(x)
    assert narrow.dtype == torch.float32
    assert not torch.equal(narrow, exact)
    assert torch.allclose(narrow, exact, atol=0.02 * float(exact.std()) + 1e-4)
    # Outputs in bfloat16 would be multiples of a coarse step.
    assert not torch.equal(narrow, narrow.bfloat16().float())
