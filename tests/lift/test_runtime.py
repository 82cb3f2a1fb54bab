"""Batches of clips on a device whose memory is short, or has none of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.lift.runtime import Network

CLIPS = np.random.default_rng(0).uniform(-1, 1, (5, 9, 17, 3)).astype(np.float32)


@pytest.fixture
def model() -> DSTformer:
    torch.manual_seed(0)
    return DSTformer(DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, maxlen=9))


def short_of_memory(model: DSTformer, most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that a model is given which has memory for some clips only."""
    tried: list[int] = []
    whole = model.get_representation

    def limited(x: torch.Tensor, *more: Any) -> torch.Tensor:
        tried.append(len(x))
        if len(x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(x, *more)

    monkeypatch.setattr(model, "get_representation", limited)
    return tried


@pytest.mark.parametrize("mirror", [True, False])
def test_a_batch_is_halved_until_it_fits(
    model: DSTformer, monkeypatch: pytest.MonkeyPatch, mirror: bool
) -> None:
    network = Network(model, "cpu", mirror=mirror)
    want, apart = network.with_disagreement(CLIPS)
    tried = short_of_memory(model, 3, monkeypatch)
    got, measured = network.with_disagreement(CLIPS)
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert (measured is None) == (apart is None)
    # Ten clips or five; once it is known what fits, nothing larger is tried.
    assert tried == ([10, 5, 2, 2, 2, 2, 2] if mirror else [5, 2, 2, 1])
    tried.clear()
    network(CLIPS)
    assert max(tried) == 2


def test_a_clip_for_which_memory_is_short_is_an_error(
    model: DSTformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = short_of_memory(model, 0, monkeypatch)
    with pytest.raises(torch.OutOfMemoryError):
        Network(model, "cpu", mirror=False)(CLIPS)
    assert tried == [5, 2, 1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-4), ("float16", 2e-2)])
def test_a_gpu_gives_what_a_cpu_gives(model: DSTformer, precision: str, near: float) -> None:
    want = Network(model, "cpu")(CLIPS)
    got = Network(model, "cuda", precision)(CLIPS)
    np.testing.assert_allclose(got, want, atol=near)
