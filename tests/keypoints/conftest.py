from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest

from mbcli.errors import InputError
from mbcli.skeleton import COCO17
from mbcli.types import Keypoints2D

Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def refused() -> Refused:
    """``with refused("words", ...)``: the body must end in an InputError of one line with them."""

    @contextmanager
    def check(*words: str) -> Iterator[None]:
        with pytest.raises(InputError) as caught:
            yield
        said = str(caught.value)
        assert "\n" not in said
        assert len(said) < 500
        for word in words:
            assert word in said

    return check


@pytest.fixture
def tracks() -> Keypoints2D:
    """Two people over seven frames, some keypoints missing; nobody is in frames 3 and 6."""
    rng = np.random.default_rng(5)
    data = rng.uniform(10, 300, (7, 2, 17, 3)).astype(np.float32)
    data[..., 2] = rng.uniform(0.1, 1, (7, 2, 17))
    data[0, 0, 4] = data[5, 1, 15:] = np.nan, np.nan, 0
    absent = np.zeros((7, 2), dtype=bool)
    absent[[3, 6]] = absent[0, 1] = absent[5, 0] = True
    data[absent] = np.nan, np.nan, 0
    with np.errstate(all="ignore"):
        low = np.nan_to_num(data[..., :2], nan=np.inf).min(axis=2) - 5
        high = np.nan_to_num(data[..., :2], nan=-np.inf).max(axis=2) + 5
    boxes = np.concatenate([low, high], axis=-1)
    boxes[absent] = np.nan
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=29.97,
        timestamps=np.arange(7) / 29.97 + 0.01,
        size=(640, 360),
        track_ids=np.array([3, 8]),
        boxes=boxes,
        frame_index=np.arange(7),
    )
