from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.recordings.hierarchy import moving_axes_rotation
from mbcli.data.stores.duplicates import find_duplicates
from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.skeleton import BODY21

Body = npt.NDArray[np.float32]
J = BODY21.index


def waving(standing: Body, seconds: float, fps: float, start: float, seed: int) -> Body:
    """Arms and legs swinging irregularly about the shoulders and hips."""
    rng = np.random.default_rng(seed)
    time = start + np.arange(round(seconds * fps)) / fps
    body = np.repeat(standing[None].astype(np.float64), len(time), axis=0)
    for pivot, joints in (
        ("left_shoulder", ("left_elbow", "left_wrist")),
        ("right_shoulder", ("right_elbow", "right_wrist")),
        ("left_elbow", ("left_wrist",)),
        ("right_elbow", ("right_wrist",)),
        ("left_knee", ("left_ankle",)),
        ("right_knee", ("right_ankle",)),
    ):
        waves = rng.uniform([0.2, 0, 0.1], [1.5, 7, 0.4], (4, 3))
        angle = sum(a * np.sin(2 * np.pi * f * time + p) for f, p, a in waves)
        turn = moving_axes_rotation("x", np.asarray(angle)[:, None])
        for joint in joints:
            around = body[:, J(joint)] - body[:, J(pivot)]
            body[:, J(joint)] = body[:, J(pivot)] + np.einsum("fij,fj->fi", turn, around)
    return body.astype(np.float32)


@pytest.fixture
def stores(tmp_path: Path, standing: Body) -> list[ClipStore]:
    def write(name: str, clips: dict[str, tuple[Body, float]]) -> ClipStore:
        with StoreWriter(tmp_path / name) as writer:
            for clip, (body, fps) in clips.items():
                writer.add(body, name=clip, subject="s", source="", fps=fps)
        return ClipStore.open(tmp_path / name)

    other_bones = standing * np.float32(0.93)
    turned = waving(standing, 8, 60, 0, seed=1) @ moving_axes_rotation("y", [[1.0]])[0].T
    return [
        write(
            "first",
            {
                "long": (waving(standing, 12, 60, 0, seed=0), 60.0),
                "one": (waving(standing, 8, 60, 0, seed=1), 60.0),
                "stands": (np.repeat(standing[None], 300, axis=0), 60.0),
            },
        ),
        write(
            "second",
            {
                "excerpt": (waving(other_bones, 6, 50, 3.21, seed=0), 50.0),
                "turned": (turned.astype(np.float32), 60.0),
                "another": (waving(standing, 6, 60, 0, seed=2), 60.0),
                "stands too": (np.repeat(standing[None], 240, axis=0), 60.0),
                "overhangs": (waving(standing, 6, 60, 9, seed=0), 60.0),
            },
        ),
    ]


def test_twins_are_found_whatever_their_place_size_and_rate(stores: list[ClipStore]) -> None:
    clips = [(store, clip) for store in stores for clip in store.clips]
    names = [clip.name for _, clip in clips]
    found = {names[d.clip]: d for d in find_duplicates(clips)}
    assert {name: names[d.of] for name, d in found.items()} == {"excerpt": "long", "turned": "one"}
    assert found["turned"].difference < 0.01
    assert found["excerpt"].difference < 1.6
