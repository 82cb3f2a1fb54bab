from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from mbcli.errors import ConfigError, InputError, OutputError
from mbcli.motion import Motion3D
from mbcli.show.drawing.files import render
from mbcli.show.drawing.options import RenderOptions
from mbcli.video import Sound, VideoReader, sound_of, write_video

Make = Callable[..., Motion3D]
FRAMES, STEP, RATE = 50, 4, 16000


class Chirp(Sound):
    """Five seconds in which no moment sounds like another."""

    def __init__(self) -> None:
        self.rate, self.channels = RATE, 1
        time = np.arange(5 * RATE) / RATE
        self.samples = (0.5 * np.sin(2 * np.pi * (200 + 150 * time) * time)).astype(np.float32)

    def blocks(self) -> Any:
        yield self.samples[None]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with sound, whose n-th frame has brightness 20 + 4 n."""
    path = tmp_path_factory.mktemp("video") / "steps.mp4"
    frames = (np.full((240, 320, 3), 20 + STEP * n, dtype=np.uint8) for n in range(FRAMES))
    write_video(path, frames, fps=10, crf=10, sound=Chirp())
    return path


def motion_at(make_motion: Make, *numbers: int, fps: float = 10.0, every: int = 1) -> Motion3D:
    path = np.tile([0.0, 0.0, 4.0], (len(numbers), 1))
    motion = make_motion(path, frame_index=np.array(numbers), fps=fps)
    return replace(motion, keypoints=replace(motion.keypoints, fps=fps / every))


def heard(path: Path, seconds: float) -> np.ndarray:
    sound = sound_of(path, 0.0, seconds)
    assert sound is not None
    return np.concatenate(list(sound.blocks()), axis=1)[0]


def lag(sound: np.ndarray, expected: np.ndarray) -> int:
    """By how many samples a sound is late."""
    size = 2 * len(expected)
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(expected, size))
    at = int(np.argmax(np.fft.irfft(spectrum)))
    return at if at < len(expected) else at - size


def test_video_is_as_long_as_the_motion(video: Path, make_motion: Make, tmp_path: Path) -> None:
    motion = motion_at(make_motion, *range(20, 26))
    out = tmp_path / "out.mp4"
    seen: list[tuple[object, ...]] = []
    report = render(motion, out, video=video, observer=lambda *args: seen.append(args))
    assert (report.frames, report.size, report.missing) == (6, (1120, 480), 0)
    assert (report.fps, report.sound) == (10, True)
    assert seen == [("drawing", n, 6) for n in range(1, 7)]
    with VideoReader(out) as reader:
        assert reader.info.size == (1120, 480)
        assert reader.fps == pytest.approx(motion.fps)
        brightness = [frame.image[100:400, 20:60].mean() for frame in reader]
    np.testing.assert_allclose(brightness, 20 + STEP * np.arange(20, 26), atol=4)


def test_what_players_need(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    render(motion_at(make_motion, *range(6)), out, video=video)
    with av.open(str(out)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        context = picture.codec_context
        assert (context.name, context.pix_fmt, context.profile) == ("h264", "yuv420p", "High")
        assert (context.colorspace, context.color_range) == (1, ColorRange.MPEG)
        assert (sound.codec_context.name, sound.codec_context.sample_rate) == ("aac", RATE)
        assert picture.start_time == sound.start_time == 0
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_sound_is_that_of_the_stretch(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    render(motion_at(make_motion, *range(13, 38)), out, video=video)
    sound = heard(out, 2.5)
    expected = Chirp().samples[int(1.3 * RATE) : int(3.8 * RATE)]
    assert len(sound) == len(expected)
    assert abs(lag(sound, expected)) < 0.002 * RATE
    assert np.corrcoef(sound, expected)[0, 1] > 0.9


def test_every_other_frame_keeps_the_time(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    report = render(motion_at(make_motion, *range(0, 50, 5), every=5), out, video=video)
    assert (report.frames, report.fps) == (10, 2)
    with VideoReader(out) as reader:
        times = [frame.time for frame in reader]
    np.testing.assert_allclose(times, np.arange(10) / 2, atol=1e-3)
    assert abs(lag(heard(out, 5.0), Chirp().samples)) < 0.002 * RATE


def test_gaps_in_time_stay_gaps(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    numbers = [0, 1, 2, 20, 21, 40]
    render(motion_at(make_motion, *numbers), out, video=video)
    with VideoReader(out) as reader:
        found = [(frame.time, frame.image[200, 30, 0]) for frame in reader]
    np.testing.assert_allclose([t for t, _ in found], np.array(numbers) / 10, atol=1e-3)
    np.testing.assert_allclose([b for _, b in found], 20 + STEP * np.array(numbers), atol=5)


def test_without_sound(video: Path, make_motion: Make, tmp_path: Path) -> None:
    motion = motion_at(make_motion, *range(6))
    silent = tmp_path / "silent.mp4"
    write_video(silent, (np.zeros((240, 320, 3), np.uint8) for _ in range(10)), fps=10)
    for name, source, options in (
        ("a", video, RenderOptions(sound=False)),
        ("b", silent, RenderOptions()),
        ("c", None, RenderOptions(layout="3d")),
    ):
        out = tmp_path / f"{name}.mp4"
        assert not render(motion, out, video=source, options=options).sound
        with av.open(str(out)) as container:
            assert not container.streams.audio


def test_view_alone_has_the_sound_of_the_noted_video(
    video: Path, make_motion: Make, tmp_path: Path
) -> None:
    motion = motion_at(make_motion, 0, 1)
    options = RenderOptions(layout="3d")
    noted = replace(motion, meta={"source": str(video)})
    report = render(noted, tmp_path / "a.mp4", options=options)
    assert (report.frames, report.size, report.missing, report.sound) == (2, (640, 480), 0, True)
    # A file that is another one by now is nobody's fault.
    other = make_motion(np.array([[0.0, 0.0, 4.0]]), size=(640, 480))
    other = replace(other, meta={"source": str(video)})
    assert not render(other, tmp_path / "b.mp4", options=options).sound
    with pytest.raises(InputError, match="another video"):
        render(other, tmp_path / "c.mp4", options=options, video=video)


def test_a_video_that_is_nowhere(make_motion: Make, tmp_path: Path) -> None:
    motion = motion_at(make_motion, 0)
    for source, message in (
        (None, "does not record which video"),
        ("", "does not record which video"),
        ("gone/away.mp4", r"no longer at gone/away\.mp4"),
    ):
        with pytest.raises(InputError, match=f"{message}.*: name it with --video"):
            render(replace(motion, meta={"source": source}), tmp_path / "a.mp4")


@pytest.mark.parametrize("layout", ["side", "overlay", "3d", "grid"])
@pytest.mark.parametrize("camera", ["fixed", "orbit", "follow"])
def test_every_mode_makes_a_video(
    video: Path, make_motion: Make, tmp_path: Path, layout: Any, camera: Any
) -> None:
    options = RenderOptions(layout=layout, camera=camera, width=200, style="light")
    out = tmp_path / "out.mp4"
    report = render(motion_at(make_motion, 3, 4, 5), out, video=video, options=options)
    assert report.size[0] == 200
    with VideoReader(out) as reader:
        assert sum(1 for _ in reader) == 3


def test_one_frame(video: Path, make_motion: Make, tmp_path: Path) -> None:
    for suffix in (".mp4", ".gif", ".png", ".jpg"):
        out = tmp_path / f"out{suffix}"
        assert render(motion_at(make_motion, 7), out, video=video).frames == 1
        assert out.stat().st_size > 0


def test_a_turned_video_is_drawn_upright(make_motion: Make, tmp_path: Path, walk: Path) -> None:
    """A phone's recording: stored lying, shown standing."""
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, :40] = 250  # the left edge of what is stored becomes the top
    path = tmp_path / "phone.mp4"
    write_video(path, [image] * 4, fps=10)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    data[at : at + 36] = np.array(matrix, ">i4").tobytes()
    path.write_bytes(data)
    motion = motion_at(make_motion, 0, 1, 2, 3)
    tall = replace(motion, keypoints=replace(motion.keypoints, size=(240, 320)))
    out = tmp_path / "out.mp4"
    render(tall, out, video=path, options=RenderOptions(layout="overlay"))
    with VideoReader(out) as reader:
        shown = next(iter(reader)).image
    assert shown.shape == (640, 480, 3)
    assert shown[60, 440].min() > 200
    assert shown[300, 440].max() < 60


def test_missing_pictures_are_counted(video: Path, make_motion: Make, tmp_path: Path) -> None:
    for suffix in (".mp4", ".gif"):
        out = tmp_path / f"out{suffix}"
        report = render(motion_at(make_motion, 48, 49, 50), out, video=video)
        assert report.missing == 1


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".png"])
def test_another_video_leaves_nothing_behind(
    video: Path, make_motion: Make, tmp_path: Path, suffix: str
) -> None:
    threads = threading.active_count()
    with pytest.raises(InputError, match="none of the frames 100 to 101 is in"):
        render(motion_at(make_motion, 100, 101), tmp_path / f"out{suffix}", video=video)
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == threads


def test_gif_is_small_slow_and_endless(video: Path, make_motion: Make, tmp_path: Path) -> None:
    out = tmp_path / "out.gif"
    report = render(motion_at(make_motion, *range(0, 50), fps=50.0), out, options=VIEW)
    assert (report.frames, report.fps, report.size[0]) == (13, 12.5, 640)
    with VideoReader(out) as reader:
        frames = list(reader)
    assert len(frames) == 13
    np.testing.assert_allclose([f.time for f in frames], np.arange(13) * 0.08, atol=0.011)
    assert b"NETSCAPE2.0" in out.read_bytes()[:1000]
    view = np.array((30, 32, 37))
    assert np.abs(frames[5].image[200, 30].astype(int) - view).max() < 6
    faster = RenderOptions(layout="3d", max_fps=500.0, width=100)
    report = render(
        motion_at(make_motion, *range(6), fps=120.0), tmp_path / "b.gif", options=faster
    )
    assert report.fps == 40  # of 120, every third: no more than 50 can be shown


VIEW = RenderOptions(layout="3d")


def test_max_fps_thins_out(make_motion: Make, tmp_path: Path) -> None:
    options = RenderOptions(layout="3d", max_fps=30.0, width=100)
    for fps, frames, kept in ((59.94, 60, 29.97), (30.0, 30, 30.0), (100.0, 100, 25.0)):
        motion = motion_at(make_motion, *range(frames), fps=fps)
        report = render(motion, tmp_path / f"{fps}.mp4", options=options)
        assert report.fps == pytest.approx(kept)
        assert report.frames == -(-frames // round(fps / kept))


def test_suffixes_and_rates_that_cannot_be(make_motion: Make, tmp_path: Path) -> None:
    motion = motion_at(make_motion, 0, 1)
    with pytest.raises(OutputError, match=r"must end in \.mp4, \.gif, \.png, \.jpg or \.jpeg, got"):
        render(motion, tmp_path / "out.avi", options=VIEW)
    slow = motion_at(make_motion, 0, 1, fps=0.001)
    with pytest.raises(ConfigError, match=r"at least 0\.01, got 0\.001"):
        render(slow, tmp_path / "out.mp4", options=VIEW)
    assert not list(tmp_path.iterdir())


def test_no_frames(make_motion: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no frames"):
        render(motion_at(make_motion), tmp_path / "out.mp4", options=VIEW)


LONG = """
import re, sys
from pathlib import Path
import numpy as np
from mbcli.show.drawing.files import render
from mbcli.show.drawing.options import RenderOptions
from mbcli.video import write_video
from motions import walking

folder, frames = Path(sys.argv[1]), 100
image = np.zeros((720, 1280, 3), np.uint8)
video = folder / "video.mp4"
write_video(video, (image for _ in range(frames)), fps=30, crf=40)
options = RenderOptions(width=300)
for length in (25, frames):
    render(walking(length), folder / "out.mp4", video=video, options=options, overwrite=True)
    # Not the resource module: it would report the peak of the parent process.
    print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's count of memory")
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    here = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", LONG, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(here)},
    )
    short, long = (int(line) / 1024 for line in done.stdout.split())
    # 75 more pictures of 720p would be 99 MiB as they come out of the decoder.
    assert long - short < 30
