"""People cut by an edge of the picture, or who are only partly in it, in their first frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mbcli.pose2d.movenet import MoveNet
from mbcli.types import Frame, FramePoses
from mbcli.video import VideoReader

# Pixels x1 y1 x2 y2 of the example's first frame: of the person on the roof, and of the walker.
CUT = {
    "roof, half of them at the right edge": (214, 0, 457, 381),
    "roof, from shoulders down": (214, 62, 700, 364),
    "roof, legs": (214, 138, 700, 381),
    "walker, half of them at the left edge": (1048, 322, 1241, 720),
    "walker, half of them at the right edge": (854, 322, 1048, 720),
    "walker, right two thirds": (1033, 322, 1241, 720),
    "walker, head to chest": (854, 322, 1241, 484),
    "walker, without the head": (854, 434, 1241, 720),
    "walker, filling the picture": (1010, 385, 1085, 697),
    "walker, head to hips": (854, 322, 1241, 535),
}
NOBODY = [(560, 0, 980, 720), (1110, 0, 1280, 720), (0, 0, 350, 720), (600, 0, 1280, 360)]


@pytest.fixture(scope="module")
def movenet() -> Iterator[MoveNet]:
    model = MoveNet(threads=1)
    yield model
    model.close()


@pytest.fixture(scope="module")
def picture(walk: Path) -> np.ndarray:
    with VideoReader(walk) as reader:
        return next(iter(reader)).image


def first(movenet: MoveNet, picture: np.ndarray, box: tuple[int, ...]) -> FramePoses:
    x1, y1, x2, y2 = box
    return movenet(Frame(0, 0.0, np.ascontiguousarray(picture[y1:y2, x1:x2]), cut=True))


@pytest.mark.parametrize("name", list(CUT))
def test_a_cut_off_person_is_found_in_the_first_frame(
    name: str, movenet: MoveNet, picture: np.ndarray
) -> None:
    poses = first(movenet, picture, CUT[name])
    assert len(poses) == 1
    whole = first(movenet, picture, (0, 0, 1280, 720)).keypoints
    person = whole[(np.argmin if name.startswith("roof") else np.argmax)(whole[:, 0, 1])]
    x1, y1, x2, y2 = CUT[name]
    here = person[:, :2] - (x1, y1)
    inside = np.all((here > 0) & (here < (x2 - x1, y2 - y1)), axis=1)
    sure = inside & (person[:, 2] > 0.5) & (poses.keypoints[0, :, 2] > 0.4)
    off = np.linalg.norm(poses.keypoints[0, sure, :2] - here[sure], axis=1)
    assert sure.sum() >= 3
    assert np.median(off) < 15  # a body is 310 pixels tall


@pytest.mark.parametrize("box", NOBODY)
def test_nobody_is_seen_in_the_background(
    box: tuple[int, ...], movenet: MoveNet, picture: np.ndarray
) -> None:
    assert len(first(movenet, picture, box)) == 0


def test_no_third_person_in_the_whole_picture(movenet: MoveNet, picture: np.ndarray) -> None:
    assert len(first(movenet, picture, (0, 0, 1280, 720))) == 2
