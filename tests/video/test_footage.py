from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from motions import walking

from mbcli.errors import InputError
from mbcli.motion import Motion3D, noted_source
from mbcli.video import Planar, write_video
from mbcli.video.footage import Footage, noted_video, pictures_of

FRAMES, STEP = 50, 4


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose n-th frame has brightness 20 + 4 n."""
    path = tmp_path_factory.mktemp("video") / "steps.mp4"
    frames = (np.full((240, 320, 3), 20 + STEP * n, dtype=np.uint8) for n in range(FRAMES))
    write_video(path, frames, fps=10, crf=10)
    return path


def motion_at(*numbers: int, fps: float = 10.0, size: tuple[int, int] = (320, 240)) -> Motion3D:
    motion, index = walking(frames=len(numbers), fps=fps), np.array(numbers)
    keypoints = replace(motion.keypoints, frame_index=index, timestamps=index / fps, size=size)
    return replace(motion, keypoints=keypoints)


def numbers_seen(video: Path, motion: Motion3D, rows: list[int]) -> list[int | None]:
    pictures = pictures_of(Footage.of(video, motion), motion, rows)
    return [None if p is None else round((float(p.mean()) - 20) / STEP) for p in pictures]


def test_pictures_are_matched_by_frame_number(video: Path) -> None:
    motion = motion_at(7, 9, 11, 45, 48)
    assert numbers_seen(video, motion, [0, 1, 2, 3, 4]) == [7, 9, 11, 45, 48]
    assert numbers_seen(video, motion, [2, 4]) == [11, 48]


def test_pictures_that_are_not_there(video: Path) -> None:
    motion = motion_at(47, 49, 50, 51, 900)
    assert numbers_seen(video, motion, [0, 1, 2, 3, 4]) == [47, 49, None, None, None]


def test_planar_pictures_are_scaled(video: Path) -> None:
    motion = motion_at(10, 11)
    for picture in pictures_of(Footage.of(video, motion), motion, [0, 1], (160, 120)):
        assert isinstance(picture, Planar)
        assert picture.size == (160, 120)
        assert [plane.shape for plane in picture.planes] == [(120, 160), (60, 80), (60, 80)]


def test_video_of_another_size_is_refused(video: Path) -> None:
    motion = motion_at(0, size=(640, 480))
    with pytest.raises(InputError, match=r"640x480, but .*steps\.mp4 has 320x240"):
        Footage.of(video, motion)


def test_video_of_another_rate_is_refused(video: Path) -> None:
    motion = motion_at(*range(40), fps=25.0)
    assert numbers_seen(video, motion, [0, 5]) == [0, 5]  # not yet apart
    with pytest.raises(InputError, match=r"frame 9 is shown at 0\.90 s in .* but at 0\.36 s"):
        numbers_seen(video, motion, list(range(40)))


@pytest.mark.parametrize("fps", [5.0, 30.0, 100.0])
def test_folders_of_pictures_have_the_rate_of_the_motion(tmp_path: Path, fps: float) -> None:
    for number in range(55):
        shade = np.full((240, 320, 3), 20 + STEP * number, dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), shade)
    motion = motion_at(0, 1, 40, 54, fps=fps)
    assert numbers_seen(tmp_path, motion, [0, 1, 2, 3]) == [0, 1, 40, 54]
    assert numbers_seen(tmp_path, motion, [2]) == [40]


def test_one_picture_of_a_folder_of_which_not_every_one_was_taken(tmp_path: Path) -> None:
    for number in range(12):
        shade = np.full((240, 320, 3), 20 + STEP * number, dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), shade)
    motion = motion_at(10, fps=30.0)
    motion = replace(motion, keypoints=replace(motion.keypoints, fps=6.0))
    assert numbers_seen(tmp_path, motion, [0]) == [10]


def test_the_noted_video(video: Path, tmp_path: Path) -> None:
    motion = motion_at(0)

    def noted(source: Path | str) -> Motion3D:
        return replace(motion, meta={"source": str(source)})

    for nowhere in (replace(motion, meta={}), noted(""), noted("gone/away.mp4")):
        assert noted_source(nowhere) is noted_video(nowhere) is None
    for there in (video, tmp_path):
        assert noted_source(noted(there)) == noted_video(noted(there)) == there
    keypoints = tmp_path / "keypoints.json"
    keypoints.write_text("{}")
    assert noted_source(noted(keypoints)) == keypoints
    assert noted_video(noted(keypoints)) is None
