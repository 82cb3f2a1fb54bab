from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mbcli.lift.action.heads import ActionHead, ActionNet, EmbeddingHead, new_head
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import FULL, DSTformer

FIXTURES = Path(__file__).parents[2] / "fixtures"
SMALL = DSTformerConfig(dim_feat=16, dim_rep=12, depth=1, num_heads=4, maxlen=9)


def test_names_and_shapes_are_the_published_ones() -> None:
    table = json.loads((FIXTURES / "motionbert_state_dict.json").read_text())
    with torch.device("meta"):
        model = ActionNet(DSTformer(FULL), ActionHead(17 * 512, 60))
        embedding = EmbeddingHead(17 * 512)
    got = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    text = json.dumps(table)
    backbone = {name for name in got if name.startswith("backbone.")}
    assert len(backbone) == 260
    assert all(f'"{name.removeprefix("backbone.")}"' in text for name in backbone)
    head = {name: shape for name, shape in got.items() if name.startswith("head.")}
    assert head == {
        "head.bn.weight": (2048,),
        "head.bn.bias": (2048,),
        "head.bn.running_mean": (2048,),
        "head.bn.running_var": (2048,),
        "head.bn.num_batches_tracked": (),
        "head.fc1.weight": (2048, 8704),
        "head.fc1.bias": (2048,),
        "head.fc2.weight": (60, 2048),
        "head.fc2.bias": (60,),
    }
    assert {n: tuple(t.shape) for n, t in embedding.state_dict().items()} == {
        "fc1.weight": (2048, 8704),
        "fc1.bias": (2048,),
    }


@pytest.mark.parametrize("classes", [5, None])
def test_the_head_takes_the_mean_over_time_and_people(classes: int | None) -> None:
    torch.manual_seed(0)
    model = ActionNet(
        DSTformer(SMALL),
        new_head(DSTformer(SMALL), classes, hidden=8, dropout=0.5, seed=1),
    ).eval()
    x = torch.randn(3, 2, 7, 17, 3)
    with torch.no_grad():
        out = model(x)
        e = torch.stack([model.backbone.get_representation(x[:, who]) for who in (0, 1)])
        v = e.mean(dim=(0, 2)).reshape(3, -1)  # (B, J * R), joint by joint
        hidden = v @ model.head.fc1.weight.T + model.head.fc1.bias
        if isinstance(model.head, ActionHead):
            scaled = hidden / (1 + 1e-5) ** 0.5  # untrained statistics: mean 0, variance 1
            wanted = scaled.clamp_min(0) @ model.head.fc2.weight.T + model.head.fc2.bias
        else:
            wanted = hidden / hidden.norm(dim=1, keepdim=True)
        swapped = model(x.flip(1))
    assert out.shape == (3, 5 if classes else 8)
    assert torch.allclose(out, wanted, atol=1e-5)
    assert torch.allclose(out, swapped, atol=1e-5)


def test_people_who_are_not_there_cost_one_clip_and_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    backbone = DSTformer(SMALL)
    model = ActionNet(backbone, new_head(backbone, None, hidden=8, dropout=0, seed=1))
    seen: list[int] = []
    represent = backbone.get_representation

    def counted(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return represent(x)

    monkeypatch.setattr(backbone, "get_representation", counted)
    x = torch.randn(4, 2, 7, 17, 3)
    x[1:, 1] = 0
    x[2, 0] = 0
    together = model(x)
    assert seen == [5]
    each = [represent(person) for person in x.transpose(0, 1)]
    plain = model.head(torch.stack(each, dim=1))
    assert torch.allclose(together, plain, atol=1e-6)
    wanted = torch.autograd.grad(plain.pow(3).sum(), backbone.joints_embed.bias)[0]
    got = torch.autograd.grad(together.pow(3).sum(), backbone.joints_embed.bias)[0]
    assert torch.allclose(got, wanted, atol=1e-5)


def test_dropout_is_of_the_representation_and_only_in_training() -> None:
    head = EmbeddingHead(17 * 4, 8, dropout=0.5)
    features = torch.ones(1, 1, 50, 17, 4)
    assert torch.equal(head.eval().pooled(features), torch.ones(1, 17 * 4))
    pooled = head.train().pooled(features)
    # Each number of each frame falls out by itself, and what is left counts twice.
    assert pooled.std() > 0.1
    assert pooled.mean() == pytest.approx(1, abs=0.1)


def test_a_head_is_the_same_for_the_same_seed() -> None:
    backbone = DSTformer(SMALL)
    first, second, third = (
        new_head(backbone, 3, hidden=8, dropout=0, seed=seed).fc1.weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
