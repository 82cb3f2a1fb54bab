from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.video import Sound, sound_of, write_video

RATE, SECONDS = 22050, 4


class Made(Sound):
    """Noise, of which no part is like another."""

    def __init__(self, channels: int, rate: int = RATE) -> None:
        self.rate, self.channels = rate, channels
        noise = np.random.default_rng(3).normal(size=(channels, SECONDS * rate))
        smooth = np.apply_along_axis(np.convolve, 1, noise, np.hanning(9), "same")
        self.samples = (smooth / np.abs(smooth).max()).astype(np.float32)

    def blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        for at in range(0, self.samples.shape[1], 5000):
            yield self.samples[:, at : at + 5000]


def video_with(path: Path, sound: Sound | None) -> Path:
    image = np.zeros((48, 64, 3), np.uint8)
    write_video(path, [image] * (SECONDS * 20), fps=20, sound=sound)
    return path


def samples_of(path: Path, start: float, end: float) -> npt.NDArray[np.float32]:
    sound = sound_of(path, start, end)
    assert sound is not None
    blocks = list(sound.blocks())
    assert {block.shape[1] for block in blocks[:-1]} <= {1024}
    return np.concatenate(blocks, axis=1)


def alike(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("start", "end"), [(0.0, 4.0), (1.23, 3.21), (3.0, 3.01)])
def test_the_right_stretch_to_the_sample(
    tmp_path: Path, channels: int, start: float, end: float
) -> None:
    made = Made(channels)
    path = video_with(tmp_path / "a.mp4", made)
    found = samples_of(path, start, end)
    begin = round(start * RATE)
    expected = made.samples[:, begin : begin + found.shape[1]]
    assert found.shape == (channels, round((end - start) * RATE))
    assert alike(found, expected) > 0.9
    for shift in (-3, 3):
        assert alike(found, np.roll(expected, shift, axis=1)) < 0.8


def test_silence_where_there_is_no_sound(tmp_path: Path) -> None:
    path = video_with(tmp_path / "a.mp4", Made(1))
    found = samples_of(path, 3.0, 6.0)
    assert found.shape == (1, 3 * RATE)
    assert np.abs(found[:, : RATE - 2000]).max() > 0.1
    assert not found[:, RATE + 3000 :].any()


def test_rates_that_aac_has_not_are_converted(tmp_path: Path) -> None:
    path = video_with(tmp_path / "a.mp4", Made(1, 48000))
    sound = sound_of(path, 0.0, 1.0)
    assert sound is not None
    assert sound.rate == 48000


def test_sources_without_sound(tmp_path: Path) -> None:
    assert sound_of(video_with(tmp_path / "a.mp4", None), 0.0, 1.0) is None
    assert sound_of(tmp_path, 0.0, 1.0) is None
