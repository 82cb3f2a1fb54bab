from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from mbcli.errors import ConfigError, InputError, OutputError
from mbcli.video import VideoReader, write_video

Image = npt.NDArray[np.uint8]


def test_what_is_written_can_be_read_back(
    tmp_path: Path, moving: Callable[[int], list[Image]]
) -> None:
    path, images = tmp_path / "out.mp4", moving(12)
    assert write_video(path, iter(images), fps=29.97, crf=1) == 12
    assert list(tmp_path.iterdir()) == [path]
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert container.streams.video[0].average_rate == Fraction(2997, 100)
        assert context.colorspace == 1
    with VideoReader(path) as reader:
        frames = list(reader)
    assert len(frames) == 12
    assert np.abs(frames[7].image.astype(int) - images[7]).mean() < 6


def test_colours_come_back(tmp_path: Path, cornered: Image) -> None:
    path = tmp_path / "colours.mp4"
    write_video(path, [cornered] * 3, fps=30, crf=1)
    with VideoReader(path) as reader:
        image = next(iter(reader)).image
    assert np.abs(image[5, 5].astype(int) - (255, 0, 0)).max() < 8
    assert np.abs(image[40, 40].astype(int) - (0, 0, 255)).max() < 8


def test_odd_sizes_grow_by_a_pixel(tmp_path: Path, cornered: Image) -> None:
    path = tmp_path / "odd.mp4"
    write_video(path, [cornered[:47, :63]] * 2, fps=30)
    with VideoReader(path) as reader:
        assert reader.info.size == (64, 48)
        assert next(iter(reader)).image[47, 63, 2] > 200


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(30, Fraction(30)), (30000 / 1001, Fraction(30000, 1001)), (12.5, Fraction(25, 2))],
)
def test_rates(tmp_path: Path, cornered: Image, fps: float, rate: Fraction) -> None:
    write_video(tmp_path / "r.mp4", [cornered] * 4, fps=fps)
    with av.open(str(tmp_path / "r.mp4")) as container:
        assert container.streams.video[0].average_rate == rate


def _failing(image: Image) -> Iterator[Image]:
    yield from [image] * 5
    raise InputError("the source broke")


def test_a_failure_leaves_nothing_behind(tmp_path: Path, cornered: Image) -> None:
    with pytest.raises(InputError, match="the source broke"):
        write_video(tmp_path / "out.mp4", _failing(cornered), fps=30)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="frame 1 must be uint8"):
        write_video(tmp_path / "out.mp4", [cornered, cornered[:10]], fps=30)
    with pytest.raises(OutputError, match="no frames"):
        write_video(tmp_path / "out.mp4", [], fps=30)
    assert not list(tmp_path.iterdir())


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path, cornered: Image) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(InputError):
        write_video(path, _failing(cornered), fps=30)
    with pytest.raises(OutputError, match="exists"):
        write_video(path, [cornered], fps=30, overwrite=False)
    assert path.read_bytes() == b"precious"
    write_video(path, [cornered], fps=30)
    assert path.read_bytes() != b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written(tmp_path: Path, cornered: Image) -> None:
    for path, message in (
        (Path(__file__) / "out.mp4", "is not a folder"),
        (tmp_path / "out.webm", "must end in .mp4"),
    ):
        with pytest.raises(OutputError, match=message):
            write_video(path, [cornered], fps=30)


@pytest.mark.parametrize(("fps", "crf"), [(0, 20), (float("nan"), 20), (30, 52)])
def test_options_outside_their_rules(tmp_path: Path, cornered: Image, fps: float, crf: int) -> None:
    with pytest.raises(ConfigError):
        write_video(tmp_path / "out.mp4", [cornered], fps=fps, crf=crf)
