from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mbcli.drawing.pictures import Source, noted_video, pictures_of, video_of
from mbcli.errors import InputError
from mbcli.motion import Motion3D
from mbcli.video import Planar, write_video

Make = Callable[..., Motion3D]
FRAMES, STEP = 50, 4


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose n-th frame has brightness 20 + 4 n."""
    path = tmp_path_factory.mktemp("video") / "steps.mp4"
    frames = (np.full((240, 320, 3), 20 + STEP * n, dtype=np.uint8) for n in range(FRAMES))
    write_video(path, frames, fps=10, crf=10)
    return path


def motion_at(make_motion: Make, *numbers: int, **more: object) -> Motion3D:
    path = np.tile([0.0, 0.0, 4.0], (len(numbers), 1))
    return make_motion(path, frame_index=np.array(numbers), **more)


def numbers_seen(video: Path, motion: Motion3D, rows: list[int]) -> list[int | None]:
    pictures = pictures_of(Source.of(video, motion), motion, rows)
    return [None if p is None else round((float(p.mean()) - 20) / STEP) for p in pictures]


def test_pictures_are_matched_by_frame_number(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 7, 9, 11, 45, 48)
    assert numbers_seen(video, motion, [0, 1, 2, 3, 4]) == [7, 9, 11, 45, 48]
    assert numbers_seen(video, motion, [2, 4]) == [11, 48]


def test_pictures_that_are_not_there(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 47, 49, 50, 51, 900)
    assert numbers_seen(video, motion, [0, 1, 2, 3, 4]) == [47, 49, None, None, None]


def test_planar_pictures_are_scaled(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 10, 11)
    for picture in pictures_of(Source.of(video, motion), motion, [0, 1], (160, 120)):
        assert isinstance(picture, Planar)
        assert picture.size == (160, 120)
        assert [plane.shape for plane in picture.planes] == [(120, 160), (60, 80), (60, 80)]


def test_video_of_another_size_is_refused(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 0, size=(640, 480))
    with pytest.raises(InputError, match=r"640x480, but .*steps\.mp4 has 320x240"):
        Source.of(video, motion)


def test_video_of_another_rate_is_refused(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, *range(40), fps=25.0)
    assert numbers_seen(video, motion, [0, 5]) == [0, 5]  # not yet apart
    with pytest.raises(InputError, match=r"frame 9 is shown at 0\.90 s in .* but at 0\.36 s"):
        numbers_seen(video, motion, list(range(40)))


@pytest.mark.parametrize("fps", [5.0, 30.0, 100.0])
def test_folders_of_pictures_have_the_rate_of_the_motion(
    tmp_path: Path, make_motion: Make, fps: float
) -> None:
    for number in range(55):
        shade = np.full((240, 320, 3), 20 + STEP * number, dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), shade)
    motion = motion_at(make_motion, 0, 1, 40, 54, fps=fps)
    assert numbers_seen(tmp_path, motion, [0, 1, 2, 3]) == [0, 1, 40, 54]
    assert numbers_seen(tmp_path, motion, [2]) == [40]


def test_the_noted_video(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 0)
    assert noted_video(motion) is None
    with pytest.raises(InputError, match="does not say which video"):
        video_of(motion)
    gone = replace(motion, meta={"source": "gone/away.mp4"})
    with pytest.raises(InputError, match=r"no longer at gone/away\.mp4"):
        video_of(gone)
    there = replace(motion, meta={"source": str(video)})
    assert video_of(there) == noted_video(there) == video
