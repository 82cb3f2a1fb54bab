from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.motion import Motion3D
from mbcli.show.drawing.files import render
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.stills import evenly_spaced
from mbcli.video import write_video

Make = Callable[..., Motion3D]
STEP = 4


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose n-th frame has brightness 20 + 4 n."""
    path = tmp_path_factory.mktemp("video") / "steps.mp4"
    frames = (np.full((240, 320, 3), 20 + STEP * n, dtype=np.uint8) for n in range(50))
    write_video(path, frames, fps=10, crf=10)
    return path


def motion_at(make_motion: Make, *numbers: int) -> Motion3D:
    path = np.tile([0.0, 0.0, 4.0], (len(numbers), 1))
    return make_motion(path, frame_index=np.array(numbers))


def picture_in(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None
    return image


def test_contact_sheet(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    motion = motion_at(make_motion, *range(0, 50, 10))
    options = RenderOptions(layout="overlay", columns=2)
    report = render(motion, out, video=video, options=options)
    image = picture_in(out)
    assert report.size == (image.shape[1], image.shape[0]) == (2 * 1436 + 8, 3 * 1076 + 2 * 8)
    corners = [(row * 1084 + 500, column * 1444 + 30) for row in range(3) for column in range(2)]
    shades = [int(image[corner][0]) for corner in corners]
    np.testing.assert_allclose(shades[:5], 20 + STEP * np.arange(0, 50, 10), atol=3)
    assert tuple(image[corners[5]]) == (84, 74, 70)  # no picture here


def test_count_columns_and_width(make_motion: Make, tmp_path: Path) -> None:
    options = RenderOptions(layout="3d", columns=3, count=4, width=900)
    report = render(motion_at(make_motion, *range(9)), tmp_path / "sheet.png", options=options)
    assert (report.frames, report.missing) == (4, 0)
    assert 894 <= report.size[0] <= 900


def test_one_frame_keeps_its_size_and_colours(
    video: Path, make_motion: Make, tmp_path: Path
) -> None:
    out = tmp_path / "frame.png"
    options = RenderOptions(layout="overlay", frame=4)
    report = render(motion_at(make_motion, 3, 4), out, video=video, options=options)
    assert report.size == (640, 480)
    rgb = picture_in(out)[..., ::-1]
    for colour in ((255, 166, 43), (52, 132, 255)):
        assert (rgb[:440] == colour).all(axis=-1).any()
    assert abs(int(rgb[240, 30, 0]) - (20 + 4 * STEP)) < 3


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_jpeg(make_motion: Make, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"frame{suffix}"
    render(motion_at(make_motion, 3), out, options=RenderOptions(layout="3d"))
    assert out.read_bytes().startswith(b"\xff\xd8\xff")
    assert picture_in(out).shape == (480, 640, 3)


def test_frame_that_is_not_there(make_motion: Make, tmp_path: Path) -> None:
    options = RenderOptions(layout="3d", frame=35)
    with pytest.raises(ConfigError, match="30 to 34, got 35; the nearest is 34"):
        render(motion_at(make_motion, *range(30, 35)), tmp_path / "x.png", options=options)


def test_evenly_spaced() -> None:
    assert evenly_spaced(100, 4) == [0, 33, 66, 99]
    assert evenly_spaced(3, 12) == [0, 1, 2]
    assert evenly_spaced(5, 1) == [0]
