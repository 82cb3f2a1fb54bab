from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.data.stores.sequences import SequenceWriter
from mbcli.errors import ConfigError, DataError
from mbcli.train.sequence_clips import SequenceClips


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """Lengths 20, 6 and 3; the first lacks its target in frame 12; one more for testing."""
    path = tmp_path / "store"
    with SequenceWriter(path, arrays=("target",)) as writer:
        for number, (length, split) in enumerate(
            ((20, "train"), (6, ""), (3, "train"), (20, "test"))
        ):
            keypoints = np.ones((length, 1, 17, 3), np.float32)
            keypoints[..., 0] = np.arange(length)[:, None, None] + 100 * number
            target = np.zeros((length, 17, 3), np.float32)
            target[..., 0] = np.arange(length)[:, None] + 100 * number
            if number == 0:
                target[12] = np.nan
            writer.add(
                keypoints,
                name=f"s{number}",
                subject=f"p{number}",
                source="made up",
                fps=30.0,
                size=(640, 480),
                split=split,
                target=target,
            )
    return path


def clips(path: Path, **changes: Any) -> SequenceClips:
    return SequenceClips([path], **{"frames": 8, "stride": 4, **changes})


def places(found: SequenceClips) -> list[list[float]]:
    return found.array("keypoints", found.clips)[:, :, 0, 0, 0].tolist()


def test_long_sequences_are_cut_and_shorter_ones_stretched(sequences: Path):
    got = places(clips(sequences))
    assert [row[0] for row in got] == [0, 4, 8, 12, 100]
    assert got[0] == list(range(8))
    assert got[4] == [100, 101, 101, 102, 103, 104, 104, 105]


def test_clips_without_what_is_needed_are_left_out(sequences: Path):
    assert [row[0] for row in places(clips(sequences, needs=("target",)))] == [0, 4, 100]


def test_splits_keep_to_themselves(sequences: Path):
    assert {row[0] // 100 for row in places(clips(sequences, splits=("test",)))} == {3}


def test_every_epoch_sees_every_clip_once(sequences: Path):
    found = clips(sequences)
    assert found.steps(2) == 3
    for epoch in range(3):
        seen = [c for step in range(3) for c in found.at(0, 3 * epoch + step, 2, range(2))]
        assert len(seen) == 6, "the last batch is filled up"
        assert {id(c) for c in seen} == {id(c) for c in found.clips}
    assert found.shuffled(0, 0).tolist() != found.shuffled(0, 1).tolist()
    assert found.sizes(found.clips[:1]).tolist() == [[640, 480]]


def test_processes_share_a_batch(sequences: Path):
    found = clips(sequences)
    both = found.at(3, 1, 4, range(4))
    assert [*found.at(3, 1, 4, range(2)), *found.at(3, 1, 4, range(2, 4))] == both


def test_nothing_to_train_on_is_reported(sequences: Path):
    with pytest.raises(ConfigError, match="no clip of 50 frames is in"):
        clips(sequences, frames=50)
    with pytest.raises(DataError, match=r"must hold factor\.npy for this training"):
        clips(sequences, needs=("factor",))
