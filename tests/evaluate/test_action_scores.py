from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mbcli.data.datasets.labelled import Labelled
from mbcli.data.datasets.ntu import ACTIONS
from mbcli.data.stores.sequence import Sequence
from mbcli.errors import ConfigError, OutputError
from mbcli.evaluate.actions import one_shot_sides, score, similarities
from mbcli.evaluate.confusion import draw_confusion


def test_top_1_top_5_and_confusion() -> None:
    predictions = np.zeros((4, 7))
    predictions[0, 2] = 5  # right
    predictions[1] = [7, 6, 5, 4, 3, 2, 1]  # the fifth is right
    predictions[2] = [7, 6, 5, 4, 3, 2, 1]  # the sixth would be
    predictions[3, 2] = 1
    scores = score(predictions, np.array([2, 4, 5, 3]), tuple("abcdefg"))
    assert (scores.top1, scores.top5, scores.clips) == (25.0, 75.0, 4)
    assert scores.counts[2, 2] == scores.counts[4, 0] == scores.counts[5, 0] == 1
    assert scores.counts[3, 2] == 1
    assert scores.counts.sum() == 4


def test_the_nearest_exemplar_is_the_one_of_the_largest_cosine() -> None:
    exemplars = np.array([[10.0, 0], [0, 0.1]])
    queries = np.array([[1.0, 2.0], [3.0, 1.0], [0, 0]])
    cosines = similarities(queries, exemplars)
    assert cosines.argmax(axis=1).tolist()[:2] == [1, 0]
    assert cosines[0] == pytest.approx([1 / 5**0.5, 2 / 5**0.5])
    assert (cosines[2] == 0).all()


def test_one_shot_sides_of_ntu() -> None:
    """Liu et al. 2019: every sixth action is new; its exemplar is camera 3, person 8."""

    def item(name: str) -> Labelled:
        return Labelled(0, Sequence(name, "", "", 30.0, 0, 1), int(name[-3:]) - 1)

    names = ["S001C003P008R001A001", "S001C001P008R001A001", "S018C003P008R001A061",
             "S018C002P001R001A061", "S001C003P008R001A002", "S002C001P001R002A003"]  # fmt: skip
    train, exemplars, test = one_shot_sides([item(name) for name in names], None)
    assert [i.sequence.name for i in train] == names[4:]
    assert [i.sequence.name for i in exemplars] == [names[0], names[2]]
    assert [i.sequence.name for i in test] == [names[1], names[3]]
    with pytest.raises(ConfigError, match="0 exemplars of 0 classes"):
        one_shot_sides([item(name) for name in names[4:]], None)


def test_the_picture_shows_the_diagonal(tmp_path: Path) -> None:
    counts = np.diag(np.arange(1, 61))
    counts[7, 7], counts[7, 3] = 0, 9
    draw_confusion(counts, ACTIONS[:60], tmp_path / "c.png", title="all of NTU")
    picture = cv2.imread(str(tmp_path / "c.png"))
    assert picture is not None
    blue = picture[..., 0].astype(int) - picture[..., 2] > 60  # (H, W) cells that are full
    ys, xs = np.nonzero(blue[:, : int(picture.shape[1] * 0.92)])
    # Dark cells go from the upper left to the lower right, but for one.
    assert np.corrcoef(xs, ys)[0, 1] > 0.95
    assert [p.name for p in tmp_path.iterdir()] == ["c.png"]


def test_classes_that_nobody_showed_are_left_out(tmp_path: Path) -> None:
    small, large = np.zeros((60, 60), dtype=np.int64), np.eye(60, dtype=np.int64)
    small[3, 3], small[4, 5] = 5, 1
    draw_confusion(small, ACTIONS[:60], tmp_path / "s.png")
    draw_confusion(large, ACTIONS[:60], tmp_path / "l.png")
    low, high = cv2.imread(str(tmp_path / "s.png")), cv2.imread(str(tmp_path / "l.png"))
    assert low is not None
    assert high is not None
    assert low.shape[0] < high.shape[0]


def test_pictures_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.eye(3, dtype=np.int64)
    with pytest.raises(ConfigError, match="got none"):
        draw_confusion(0 * counts, "abc", tmp_path / "c.png")
    draw_confusion(counts, "abc", tmp_path / "made" / "c.png")
    assert (tmp_path / "made" / "c.png").stat().st_size > 1000
    draw_confusion(counts, "abc", tmp_path / "c.png")
    with pytest.raises(OutputError, match="exists"):
        draw_confusion(counts, "abc", tmp_path / "c.png", overwrite=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="pip install"):
        draw_confusion(counts, "abc", tmp_path / "c.png")
