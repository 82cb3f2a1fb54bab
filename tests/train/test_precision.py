from __future__ import annotations

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.train.precision import arithmetic, computes_bfloat16


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
    return Fabric(accelerator="cpu", devices=1, **arithmetic("bf16-mixed", "cpu"))


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


@pytest.mark.parametrize(
    ("known", "dtype"),
    [
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": True}, torch.bfloat16),
        ({"neon": True, "bf16": True}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_auto_is_narrow_where_the_processor_computes_so(
    known: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert computes_bfloat16(torch.device("cpu")) == (dtype == torch.bfloat16)
    fabric = Fabric(accelerator="cpu", devices=1, **arithmetic("auto", "cpu"))
    model = Seen()
    fabric.setup(model)(torch.rand(3, 4))
    assert model.inside == dtype


def test_auto_is_exact_where_pytorch_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not computes_bfloat16(torch.device("cpu"))
    assert not computes_bfloat16(torch.device("mps"))
