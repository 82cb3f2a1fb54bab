from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mbcli.data.stores.store import StoreWriter
from mbcli.skeleton import BODY21

STANDING = {
    "pelvis": (0, 0.92, 0),
    "hip": (0.1, 0.92, 0),
    "knee": (0.1, 0.5, 0.01),
    "ankle": (0.1, 0.08, 0),
    "spine": (0, 1.16, 0),
    "thorax": (0, 1.40, 0),
    "nose": (0, 1.58, 0.12),
    "head": (0, 1.72, 0),
    "shoulder": (0.18, 1.40, 0),
    "elbow": (0.2, 1.12, 0),
    "wrist": (0.2, 0.87, 0.05),
    "eye": (0.03, 1.61, 0.09),
    "ear": (0.07, 1.6, 0),
}


def standing() -> np.ndarray:
    """(21, 3) a person on the floor, y up, facing +z, left towards +x."""
    rows = []
    for joint in BODY21.joints:
        x, y, z = STANDING[joint.removeprefix("left_").removeprefix("right_")]
        rows.append((-x if joint.startswith("right_") else x, y, z))
    return np.array(rows, dtype=np.float32)


def swinging(frames: int, phase: float) -> np.ndarray:
    """(F, 21, 3) the standing person moving arms, legs and place."""
    body = np.repeat(standing()[None], frames, axis=0)
    time = np.arange(frames) / 60 * 2 * np.pi + phase
    for number, joint in enumerate(BODY21.joints):
        reach = {"wrist": 0.3, "elbow": 0.15, "ankle": 0.25, "knee": 0.1}
        size = reach.get(joint.removeprefix("left_").removeprefix("right_"), 0.0)
        side = -1 if joint.startswith("right_") else 1
        body[:, number, 2] += side * size * np.sin(time)
    body[..., 0] += (np.arange(frames) / 60 * 0.5)[:, None]
    return body


def write_store(path: Path, bodies: Iterable[np.ndarray]) -> None:
    """A store of three people, each (F, 21, 3), at 60 frames per second."""
    with StoreWriter(path) as writer:
        for subject, body in zip(("ann", "bob", "eve"), bodies, strict=True):
            writer.add(
                body,
                name=f"{subject}/1",
                subject=subject,
                source=f"{subject}.bvh",
                fps=60.0,
            )


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three people, 2 seconds each."""
    path = tmp_path_factory.mktemp("clips") / "store"
    write_store(path, (swinging(120, float(number)) for number in range(3)))
    return path


Tree = dict[str, dict[str, Any]]


def small_config(store: Path | str, out: Path | str) -> Tree:
    """A training of four steps."""
    return {
        "data": {"store": str(store), "holdout": ["eve"]},
        "run": {
            "out": str(out),
            "steps": 4,
            "batch": 4,
            "accelerator": "cpu",
            "log_every": 2,
            "validate_every": 2,
            "save_every": 2,
            "validation_clips": 4,
            "ema": 0.9,
        },
        "model": {
            "dim_feat": 16,
            "dim_rep": 16,
            "depth": 1,
            "num_heads": 2,
            "mlp_ratio": 2,
            "maxlen": 9,
        },
        "clips": {"frames": 9},
        "optimiser": {"learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": 1},
    }


@pytest.fixture
def make_config(tmp_path: Path, store: Path) -> Callable[..., Path]:
    """Writes a small configuration; keyword arguments update its sections."""

    def make(name: str = "run", **sections: dict[str, Any]) -> Path:
        tree = small_config(store, tmp_path / name)
        for section, values in sections.items():
            tree.setdefault(section, {}).update(values)
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return make
