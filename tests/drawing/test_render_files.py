from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mbcli.drawing.compose import RenderOptions
from mbcli.drawing.files import evenly_spaced, render_picture, render_video
from mbcli.drawing.pictures import pictures_of
from mbcli.errors import InputError, OutputError
from mbcli.motion import Motion3D
from mbcli.video import VideoReader, write_video

Make = Callable[..., Motion3D]
FRAMES, STEP = 50, 4


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose n-th frame has brightness 20 + 4 n."""
    path = tmp_path_factory.mktemp("video") / "steps.mp4"
    frames = (np.full((240, 320, 3), 20 + STEP * n, dtype=np.uint8) for n in range(FRAMES))
    write_video(path, frames, fps=10, crf=10)
    return path


def motion_at(make_motion: Make, *numbers: int, size: tuple[int, int] = (320, 240)) -> Motion3D:
    path = np.tile([0.0, 0.0, 4.0], (len(numbers), 1))
    return make_motion(path, frame_index=np.array(numbers), size=size)


def numbers_seen(video: Path, motion: Motion3D, rows: list[int]) -> list[int | None]:
    pictures = pictures_of(video, motion, rows)
    return [None if p is None else round((float(p.mean()) - 20) / STEP) for p in pictures]


def test_pictures_are_matched_by_frame_number(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 7, 9, 11, 45, 48)
    assert numbers_seen(video, motion, [0, 1, 2, 3, 4]) == [7, 9, 11, 45, 48]
    assert numbers_seen(video, motion, [2, 4]) == [11, 48]


def test_pictures_that_are_not_there(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 47, 49, 50, 51, 900)
    assert numbers_seen(video, motion, [0, 1, 2, 3, 4]) == [47, 49, None, None, None]


def test_video_of_another_size_is_refused(video: Path, make_motion: Make) -> None:
    motion = motion_at(make_motion, 0, size=(640, 480))
    with pytest.raises(InputError, match=r"640x480, but .*steps\.mp4 has 320x240"):
        list(pictures_of(video, motion, [0]))


def test_video_is_as_long_as_the_motion(video: Path, make_motion: Make, tmp_path: Path) -> None:
    motion = motion_at(make_motion, *range(20, 26))
    out = tmp_path / "out.mp4"
    seen = []
    report = render_video(motion, out, video=video, observer=lambda *args: seen.append(args))
    assert (report.frames, report.size, report.missing) == (6, (1120, 480), 0)
    assert seen == [("drawing", n, 6) for n in range(1, 7)]
    with VideoReader(out) as reader:
        assert reader.info.size == (1120, 480)
        assert reader.fps == pytest.approx(motion.fps)
        brightness = [frame.image[100:400, 20:60].mean() for frame in reader]
    np.testing.assert_allclose(brightness, 20 + STEP * np.arange(20, 26), atol=3)


def test_layout_3d_needs_no_video(make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    options = RenderOptions(layout="3d")
    report = render_video(motion_at(make_motion, 0, 1), out, video=None, options=options)
    assert (report.frames, report.size, report.missing) == (2, (640, 480), 0)
    assert out.stat().st_size > 0


def test_missing_pictures_are_counted(video: Path, make_motion: Make, tmp_path: Path) -> None:
    report = render_video(motion_at(make_motion, 48, 49, 50), tmp_path / "out.mp4", video=video)
    assert (report.frames, report.missing) == (3, 1)


def test_another_video_leaves_nothing_behind(
    video: Path, make_motion: Make, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="none of the frames 100 to 101 is in"):
        render_video(motion_at(make_motion, 100, 101), tmp_path / "out.mp4", video=video)
    assert not list(tmp_path.iterdir())


def test_contact_sheet(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    motion = motion_at(make_motion, *range(0, 50, 10))
    options = RenderOptions(layout="overlay")
    report = render_picture(
        motion, out, video=video, rows=[0, 1, 2, 3, 4], columns=2, options=options
    )
    image = cv2.imread(str(out))
    assert report.size == (image.shape[1], image.shape[0]) == (2 * 1440 + 8, 3 * 1080 + 2 * 8)
    corners = [(row * 1088 + 500, column * 1448 + 30) for row in range(3) for column in range(2)]
    shades = [int(image[corner][0]) for corner in corners]
    np.testing.assert_allclose(shades[:5], 20 + STEP * np.arange(0, 50, 10), atol=3)
    assert shades[5] == 12


def test_one_frame_keeps_its_size_and_colours(
    video: Path, make_motion: Make, tmp_path: Path
) -> None:
    out = tmp_path / "frame.png"
    motion = motion_at(make_motion, 3, 4)
    report = render_picture(
        motion, out, video=video, rows=[1], options=RenderOptions(layout="overlay")
    )
    assert report.size == (640, 480)
    rgb = cv2.imread(str(out))[..., ::-1]
    for colour in ((255, 166, 43), (52, 132, 255)):
        assert (rgb[:440] == colour).all(axis=-1).any()


def test_pictures_end_in_png(make_motion: Make, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"written as \.png, got out\.jpg"):
        render_picture(motion_at(make_motion, 0), tmp_path / "out.jpg", video=None, rows=[0])


def test_evenly_spaced() -> None:
    assert evenly_spaced(100, 4) == [0, 33, 66, 99]
    assert evenly_spaced(3, 12) == [0, 1, 2]
    assert evenly_spaced(5, 1) == [0]
