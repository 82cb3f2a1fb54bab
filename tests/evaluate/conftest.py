from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mbcli.data.stores.sequences import SequenceStore, SequenceWriter
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.lifter import Lifter, LiftOptions, skeleton_of
from mbcli.lift.model import DSTformer
from mbcli.types import FloatArray

SLOPE = 0.3  # depth of a joint per its way to the right of the pelvis: what a network can know
WINDOW = 27


def body(frames: int, seed: int) -> FloatArray:
    """(F, 17, 3) target in pixels: a swaying body that crosses the picture."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 25
    phase = rng.uniform(0, 6, (17, 2))
    xy = rng.uniform(-1, 1, (17, 2)) * [60, 160] + 15 * np.sin(3 * time + phase) + [450, 500]
    xy += time * [20, 3]
    depth = SLOPE * (xy[..., :1] - xy[:, :1, :1])
    return np.concatenate([xy, depth], axis=-1)


MakeStore = Callable[..., SequenceStore]


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    """A store of (name, action, split, frames) with truth; the factor varies with the frame."""

    def make(
        *rows: tuple[str, str, str, int],
        size: tuple[int, int] = (1000, 1002),
        name: str = "poses",
        arrays: tuple[str, ...] = ("target", "truth", "factor"),
        change: Callable[[dict[str, Any]], None] = lambda parts: None,
    ) -> SequenceStore:
        path = tmp_path / name
        with SequenceWriter(path, arrays=arrays) as writer:
            for number, (video, action, split, frames) in enumerate(rows):
                target = body(frames, number)
                factor = np.linspace(4, 5, frames)
                # Where the pelvis is in the room does not matter.
                truth = (target - target[:, :1]) * factor[:, None, None] + [100, -50, 5000]
                seen = np.concatenate([target[..., :2], np.full((frames, 17, 1), 0.9)], axis=-1)
                parts: dict[str, Any] = {"keypoints": seen, "target": target}
                parts |= {"truth": truth, "factor": factor}
                change(parts)
                writer.add(
                    parts.pop("keypoints"),
                    name=video,
                    subject="S9",
                    source="made up",
                    fps=50.0,
                    size=size,
                    action=action,
                    split=split,
                    **{key: parts[key] for key in arrays},
                )
        return SequenceStore.open(path)

    return make


@pytest.fixture
def make_lifter() -> Callable[..., Lifter]:
    """A lifter whose network knows the slope, and errs by ``off`` in depth."""

    def make(off: float = 0.0, metadata: dict[str, Any] | None = None, **options: Any) -> Lifter:
        torch.manual_seed(0)
        joints = len(skeleton_of(metadata or {}))
        config = DSTformerConfig(
            dim_feat=8, dim_rep=8, depth=1, num_heads=2, maxlen=WINDOW, num_joints=joints
        )
        options = {"device": "cpu", "batch_size": 3, **options}
        lifter = Lifter(DSTformer(config), LiftOptions(**options), metadata)

        def network(clips: FloatArray) -> FloatArray:
            x = clips[..., :1]
            prediction = np.concatenate([clips[..., :2], SLOPE * x], axis=-1)
            prediction[:, :, 1:, 2] += off
            return prediction.astype(np.float32)

        lifter.network = network  # type: ignore[assignment]
        return lifter

    return make
