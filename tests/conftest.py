from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def walk() -> Path:
    """The example: a few seconds of one person walking, a second one standing behind."""
    return ROOT / "examples" / "walk.mp4"


@pytest.fixture(scope="session")
def tiny_lifter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lifter weights of the smallest model, untrained: right shapes in no time."""
    import torch

    from mbcli.lift.checkpoint import save_lifter
    from mbcli.lift.model import DSTformer, DSTformerConfig

    torch.manual_seed(0)
    config = DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=27)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_lifter(path, DSTformer(config), {"licence": "CC0-1.0"}, half=False)
    return path
