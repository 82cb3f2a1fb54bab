from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from motions import walking

from mbcli.errors import InputError
from mbcli.motion import Motion3D
from mbcli.report import unobserved
from mbcli.show.page import video
from mbcli.show.page.page import write_page
from mbcli.video import write_video

SHADES = 12 * np.arange(20) + 10


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 20 frames, each with its own grey."""
    path = tmp_path_factory.mktemp("steps") / "steps.mp4"
    write_video(path, (np.full((90, 160, 3), shade, np.uint8) for shade in SHADES), fps=10)
    return path


def motion_of(numbers: np.ndarray, times: np.ndarray) -> Motion3D:
    motion = walking(frames=len(numbers), fps=10)
    keypoints = replace(
        motion.keypoints, frame_index=numbers, timestamps=times, size=(160, 90), fps=10
    )
    return replace(motion, keypoints=keypoints)


def decoded(data: bytes) -> tuple[list[float], list[float]]:
    """Seconds and mean grey of every frame."""
    with av.open(io.BytesIO(data), "r") as container:
        assert not container.streams.audio
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [
            (float(f.time or 0), f.to_ndarray(format="rgb24").mean())
            for f in container.decode(stream)
        ]
    return [time for time, _ in frames], [grey for _, grey in frames]


def test_one_picture_a_frame_at_its_own_time(steps: Path) -> None:
    numbers = np.array([3, 4, 6, 7, 11])
    stamps = np.array([0.3, 0.42, 0.6, 0.75, 1.1])
    reports: list[tuple[str, int, int | None]] = []
    made = video.page_video(steps, motion_of(numbers, stamps), lambda *words: reports.append(words))
    times, greys = decoded(made.data)
    np.testing.assert_allclose(times, stamps - stamps[0], atol=1e-4)
    np.testing.assert_allclose(greys, SHADES[numbers], atol=3)
    assert made.missing == 0
    assert reports == [("video", n, 5) for n in range(1, 6)]


def test_frames_missing_from_the_video_are_grey(steps: Path) -> None:
    numbers = np.arange(17, 24)
    made = video.page_video(steps, motion_of(numbers, numbers / 10), unobserved)
    _, greys = decoded(made.data)
    np.testing.assert_allclose(greys, [*SHADES[17:], *[48] * 4], atol=3)
    assert made.missing == 4


def test_one_frame(steps: Path) -> None:
    made = video.page_video(steps, motion_of(np.array([5]), np.array([0.5])), unobserved)
    assert decoded(made.data)[0] == [0.0]


def test_a_folder_of_images_at_another_rate(tmp_path: Path) -> None:
    for number, shade in enumerate(SHADES):
        picture = np.full((90, 160, 3), shade, np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    numbers = np.arange(14, 18)
    made = video.page_video(tmp_path, motion_of(numbers, numbers / 10), unobserved)
    times, greys = decoded(made.data)
    np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.3], atol=1e-4)
    np.testing.assert_allclose(greys, SHADES[numbers], atol=3)


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    write_video(path, [np.zeros((1080, 1920, 3), np.uint8)], fps=30)
    motion = walking(frames=1)
    motion = replace(motion, keypoints=replace(motion.keypoints, size=(1920, 1080)))
    with av.open(io.BytesIO(video.page_video(path, motion, unobserved).data)) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height) == (1280, 720)


def test_another_video_is_refused(steps: Path, walk: Path) -> None:
    numbers = np.arange(3)
    with pytest.raises(InputError, match=r"of 160x90, but .*walk\.mp4 has 1280x720"):
        video.page_video(walk, motion_of(numbers, numbers / 10), unobserved)
    with pytest.raises(InputError, match=r"none of the frames 50 to 52 is in .*steps\.mp4"):
        video.page_video(steps, motion_of(numbers + 50, numbers / 10 + 5), unobserved)


def test_too_long_a_video_is_refused(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "MAX_BYTES", 30_000)
    page = tmp_path / "page.html"
    with pytest.raises(InputError, match=r"takes more after \d+ of 60 frames: leave out"):
        write_page(walking(frames=60), page, video=walk)
    assert not list(tmp_path.iterdir())


def test_the_page_carries_the_example(walk: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    report = write_page(walking(frames=10), page, video=walk)
    assert page.read_text(encoding="utf-8").count('id="video-data"') == 1
    assert report.missing == 0
    assert report.size > 4 / 3 * report.video_size > 10_000
