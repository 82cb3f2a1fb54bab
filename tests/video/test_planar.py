from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from mbcli.video import Planar, VideoReader, write_video
from mbcli.video.planar import planar_of_rgb, yuv_of

Image = npt.NDArray[np.uint8]
Encode = Callable[..., Path]


def first_planar(path: Path, size: tuple[int, int]) -> tuple[Planar, Image]:
    """The first picture in planes and as RGB."""
    with VideoReader(path) as reader:
        planar = next(reader.pictures())[2].planar(size)
        image = next(iter(reader)).image
    assert planar is not None
    return planar, image


def test_colours_are_those_that_ffmpeg_makes() -> None:
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 166, 43), (30, 32, 37)):
        image = np.full((16, 16, 3), colour, dtype=np.uint8)
        for matrix in ("bt709", "bt601"):
            planar = planar_of_rgb(image, (16, 16), matrix)
            found = [int(plane[4, 4]) for plane in planar.planes]
            assert np.abs(np.array(found) - yuv_of(colour, matrix)).max() <= 2


def test_untouched_video_goes_through_without_a_change(encode: Encode, cornered: Image) -> None:
    path = encode("a.mp4", [cornered] * 3)
    planar, _ = first_planar(path, (64, 48))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        expected = Planar.of(frame, "bt601")
    for found, plane in zip(planar.planes, expected.planes, strict=True):
        np.testing.assert_array_equal(found, plane)


@pytest.mark.parametrize(
    ("pix_fmt", "codec"), [("yuv420p", "libx264"), ("yuv444p", "libx264"), ("yuvj420p", "mjpeg")]
)
def test_pixel_formats(encode: Encode, cornered: Image, pix_fmt: str, codec: str) -> None:
    suffix = "mp4" if codec == "libx264" else "mkv"
    path = encode(f"a.{suffix}", [cornered] * 3, pix_fmt=pix_fmt, codec=codec)
    planar, image = first_planar(path, (64, 48))
    back = planar.frame.to_ndarray(format="rgb24", src_colorspace="ITU601")
    assert np.abs(back.astype(int) - image)[4:-4, 4:20].mean() < 8


def test_scaled_and_turned(
    encode: Encode, cornered: Image, set_matrix: Callable[[Path, tuple[int, int, int, int]], None]
) -> None:
    path = encode("a.mp4", [cornered] * 3)
    set_matrix(path, (0, 1, -1, 0))  # stored lying, shown standing
    planar, image = first_planar(path, (24, 32))
    assert image.shape == (64, 48, 3)
    assert planar.size == (24, 32)
    small = cv2.resize(image, (24, 32), interpolation=cv2.INTER_AREA)
    red, other = small[:, :, 0] > 200, small[:, :, 2] > 200
    assert planar.planes[0][red].mean() > planar.planes[0][other].mean() + 20
    assert planar.planes[2][red[::2, ::2]].mean() > planar.planes[2][other[::2, ::2]].mean() + 60


def test_pictures_are_planar_too(tmp_path: Path, cornered: Image) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), cornered[..., ::-1])
    planar, _ = first_planar(tmp_path / "a.png", (32, 24))
    assert (
        np.abs(np.array([p[2, 2] for p in planar.planes]) - yuv_of((255, 0, 0), "bt709")).max() < 4
    )
    (tmp_path / "b.png").write_bytes(b"no picture")
    with VideoReader(tmp_path) as reader:
        both = [shown.planar((32, 24)) for _, _, shown in reader.pictures()]
    assert both[0] is not None
    assert both[1] is None


def test_sides_must_be_even() -> None:
    with pytest.raises(ValueError, match="even sides, got 63x48"):
        Planar.empty((63, 48), "bt709")


def test_planar_pictures_are_written_as_they_are(tmp_path: Path) -> None:
    picture = Planar.empty((64, 48), "bt601")
    for plane, value in zip(picture.planes, yuv_of((255, 0, 0), "bt601"), strict=True):
        plane[:] = value
    path = tmp_path / "a.mp4"
    write_video(path, [picture] * 3, fps=30, crf=1)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.colorspace == 6
    with VideoReader(path) as reader:
        assert np.abs(next(iter(reader)).image[20, 20].astype(int) - (255, 0, 0)).max() < 8
    mixed = [picture, Planar.empty((64, 48), "bt709")]
    with pytest.raises(ValueError, match="frame 1 must be"):
        write_video(tmp_path / "b.mp4", mixed, fps=30)
