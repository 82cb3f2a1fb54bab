"""Pictures that begin after their sound, or before it: number, time and count in each container."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mbcli.video import VideoReader

FRAMES, FPS = 40, 25
LATE = Fraction(6, 5)  # seconds
BITS, SIDE = 6, 24  # a frame shows its number in binary, as white and black bars
SOUND = {"webm": "libopus", "avi": "mp2", "mpg": "mp2"}
STREAMS = [
    *((name, "libx264", bf) for name in ("mp4", "mkv", "avi", "ts") for bf in (0, 3)),
    ("mov", "libx264", 3),
    ("flv", "libx264", 3),
    ("avi", "mpeg4", 2),
    ("mpg", "mpeg2video", 2),
    ("webm", "libvpx-vp9", 0),
]


def barred(number: int) -> np.ndarray:
    image = np.zeros((48, BITS * SIDE, 3), np.uint8)
    for bit in range(BITS):
        image[:, bit * SIDE : (bit + 1) * SIDE] = 255 * (number >> bit & 1)
    return image


def number_in(image: np.ndarray) -> int:
    bars = image.reshape(48, BITS, SIDE, 3)[:, :, 6:-6].mean(axis=(0, 2, 3))
    return sum(int(light > 127) << bit for bit, light in enumerate(bars))


def written(path: Path, codec: str, b_frames: int, video_at: Fraction, sound_at: Fraction) -> None:
    """A clip with sound to the end of its pictures."""
    options = {"bf": str(b_frames)}
    if codec == "libx264":
        options |= {"x264-params": "b-adapt=0"}
    packets: list[Any] = []
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream(codec, rate=FPS, options=options)
        video.width, video.height, video.pix_fmt, video.gop_size = BITS * SIDE, 48, "yuv420p", 12
        sound: Any = out.add_stream(SOUND.get(path.suffix[1:], "aac"), rate=48_000)
        sound.layout = "mono"
        for number in range(FRAMES):
            picture = av.VideoFrame.from_ndarray(barred(number), format="rgb24")
            picture.time_base, picture.pts = Fraction(1, FPS), number + int(video_at * FPS)
            packets += video.encode(picture)
        packets += video.encode(None)
        step = sound.codec_context.frame_size or 960
        kind = {"mp2": "s16", "libopus": "s16"}.get(sound.codec_context.name, "fltp")
        silence = np.zeros((1, step), np.int16 if kind == "s16" else np.float32)
        length = Fraction(FRAMES, FPS) + video_at - sound_at
        for place in range(0, int(length * 48_000), step):
            block = av.AudioFrame.from_ndarray(silence, format=kind, layout="mono")
            block.sample_rate, block.time_base = 48_000, Fraction(1, 48_000)
            block.pts = place + int(sound_at * 48_000)
            packets += sound.encode(block)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)


@pytest.mark.parametrize("late", ["neither", "pictures", "sound"])
@pytest.mark.parametrize(("container", "codec", "b_frames"), STREAMS)
def test_number_time_and_count(
    container: str, codec: str, b_frames: int, late: str, tmp_path: Path
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"no encoder {codec}")
    path = tmp_path / f"clip.{container}"
    video_at, sound_at = (LATE if late == which else Fraction(0) for which in ("pictures", "sound"))
    written(path, codec, b_frames, video_at, sound_at)
    times = np.arange(FRAMES) / FPS
    if container == "avi" and late == "pictures" and not b_frames:
        # AVI has no time stamps. Its writer holds the first picture instead: it begins with sound.
        times[1:] += float(LATE)
    for start, end in ((None, None), (0.8, 1.2), (0.5 / FPS, 2.5 / FPS)):
        wanted = (times >= (start or 0) - 1e-6) & (times < (end or np.inf) - 1e-6)
        if not wanted.any():
            continue
        with VideoReader(path, start=start, end=end) as reader:
            frames = list(reader)
        truth = np.flatnonzero(wanted)
        assert [number_in(frame.image) for frame in frames] == truth.tolist(), (start, end)
        assert [frame.index for frame in frames] == truth.tolist()
        np.testing.assert_allclose([frame.time for frame in frames], times[wanted], atol=6e-4)
        assert reader.info.fps == FPS
        assert not reader.warnings
        if container in ("mp4", "mov", "mkv", "webm"):
            assert reader.expected_frames == len(truth)
