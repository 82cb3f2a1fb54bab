from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.errors import InputError, OutputError
from mbcli.video import VideoReader, write_gif

Image = npt.NDArray[np.uint8]


def pictures(count: int) -> list[Image]:
    """A red square that moves over blue."""
    images = []
    for number in range(count):
        image = np.zeros((48, 64, 3), np.uint8)
        image[:] = (20, 40, 200)
        image[10:30, 4 * number : 4 * number + 12] = (230, 30, 10)
        images.append(image)
    return images


def test_pictures_and_times_come_back(tmp_path: Path) -> None:
    path, images = tmp_path / "a.gif", pictures(9)
    times = [2.0, 2.05, 2.1, 2.3, 2.34, 2.4, 2.5, 2.6, 2.7]
    assert write_gif(path, iter(images), samples=images[::3], times=times) == 9
    with VideoReader(path) as reader:
        frames = list(reader)
        assert reader.info.duration == pytest.approx(0.8)
    np.testing.assert_allclose([f.time for f in frames], np.array(times) - 2, atol=1e-6)
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(frame.image.astype(int) - image).mean() < 6


def test_one_picture(tmp_path: Path) -> None:
    images = pictures(1)
    assert write_gif(tmp_path / "a.gif", images, samples=images, times=[7.0]) == 1
    with VideoReader(tmp_path / "a.gif") as reader:
        assert len(list(reader)) == 1


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    images = pictures(3)

    def failing() -> Iterator[Image]:
        yield images[0]
        raise InputError("the source broke")

    with pytest.raises(InputError, match="the source broke"):
        write_gif(tmp_path / "a.gif", failing(), samples=images, times=[0, 1, 2])
    with pytest.raises(OutputError, match=r"must end in \.gif"):
        write_gif(tmp_path / "a.png", images, samples=images, times=[0, 1, 2])
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.gif").write_text("precious")
    with pytest.raises(OutputError, match="exists"):
        write_gif(tmp_path / "a.gif", images, samples=images, times=[0, 1, 2], overwrite=False)


def test_a_gif_that_breaks_off_is_reported(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.gif", tmp_path / "cut.gif"
    images, times = pictures(10), [0.04 * number for number in range(10)]
    write_gif(whole, images, samples=images, times=times)
    content = whole.read_bytes()
    for part, size in ((0, len(content)), (1, len(content) // 2), (1, len(content) * 4 // 5)):
        cut.write_bytes(content[:size])
        with VideoReader(cut) as reader:
            frames = list(reader)
        assert len(frames) == 10 if not part else 0 < len(frames) < 10
        said = f"cut.gif breaks off after {len(frames)} frames ("  # it does not say of how many
        assert [said in line for line in reader.warnings] == [True] * part
    whole.write_bytes(content + b"\0" * 9)
    with VideoReader(whole) as reader:
        assert len(list(reader)) == 10
    assert reader.warnings == []
