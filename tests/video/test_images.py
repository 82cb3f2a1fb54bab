from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from mbcli.errors import InputError
from mbcli.video import VideoReader, list_videos, probe

PICTURES = Path(__file__).parents[1] / "fixtures" / "pictures"

Image = npt.NDArray[np.uint8]


def save(path: Path, rgb: npt.NDArray[Any]) -> Path:
    image = rgb if rgb.ndim == 2 else rgb[..., [2, 1, 0, *range(3, rgb.shape[2])]]
    assert cv2.imwrite(str(path), image)
    return path


def flat(level: int, size: tuple[int, int] = (64, 48)) -> Image:
    return np.full((size[1], size[0], 3), level, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures; the grey level is ten times the number in the name."""
    path = tmp_path / "shots"
    path.mkdir()
    for number in range(12):
        save(path / f"shot{number}.png", flat(10 * number))
    (path / "notes.txt").write_text("no picture")
    (path / "._shot0.png").write_bytes(b"hidden")
    (path / "more.png").mkdir()
    return path


def test_a_folder_is_read_in_natural_order(folder: Path) -> None:
    with VideoReader(folder, image_fps=10) as reader:
        assert reader.expected_frames == 12
        frames = list(reader)
    assert [int(f.image[0, 0, 0]) for f in frames] == [10 * k for k in range(12)]
    assert [f.time for f in frames] == pytest.approx([k / 10 for k in range(12)])
    info = probe(folder, image_fps=10)
    assert (info.kind, info.size, info.fps, info.frame_count) == ("folder", (64, 48), 10, 12)
    assert info.duration == pytest.approx(1.2)
    assert not reader.warnings


def test_a_stretch_of_a_folder(folder: Path) -> None:
    with VideoReader(folder, start=0.3, end=1.0, every=3, image_fps=10) as reader:
        assert reader.expected_frames == 3
        assert reader.fps == pytest.approx(10 / 3)
        assert [f.index for f in reader] == [3, 6, 9]
    late = VideoReader(folder, start=1.2, image_fps=10)
    with pytest.raises(InputError, match=r"last frame is at 1.100 s, got 1.2 s"):
        list(late)


def test_a_single_image(tmp_path: Path) -> None:
    image = flat(0)
    image[:24] = (255, 0, 0)
    path = save(tmp_path / "one.PNG", image)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert (reader.info.kind, reader.expected_frames, len(frames)) == ("image", 1, 1)
    assert np.array_equal(frames[0].image, image)


def test_the_first_picture_of_another_size_is_named(folder: Path) -> None:
    save(folder / "shot5.png", flat(1, (48, 64)))
    save(folder / "shot7.png", flat(1, (10, 10)))
    with VideoReader(folder) as reader:
        given = [next(iter(reader)).index for _ in range(5)]
        with pytest.raises(InputError) as caught:
            next(iter(reader))
    assert given == [0, 1, 2, 3, 4]
    assert "shot0.png is 64x48" in str(caught.value)
    assert "shot5.png is 48x64" in str(caught.value)


def test_an_unreadable_picture_is_left_out(folder: Path) -> None:
    (folder / "shot0.png").write_bytes(b"broken")
    (folder / "shot3.png").write_bytes(b"")
    with VideoReader(folder) as reader:
        frames = list(reader)
    assert [f.index for f in frames] == [1, 2, *range(4, 12)]
    assert [line.split()[-1] for line in reader.warnings] == ["read", "bytes)"]
    assert "shot0.png" in reader.warnings[0]


def test_a_folder_without_one_readable_picture(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(InputError, match="none of the 2 images"):
        probe(tmp_path)


@pytest.mark.parametrize(
    "stored",
    [
        np.full((48, 64), 200, np.uint8),
        np.full((48, 64), 200 * 257, np.uint16),
        np.full((48, 64, 3), 200 * 257, np.uint16),
        np.dstack([np.full((48, 64, 3), 200, np.uint8), np.zeros((48, 64), np.uint8)]),
    ],
    ids=["grey", "grey16", "rgb16", "transparent"],
)
def test_other_kinds_of_pixels(tmp_path: Path, stored: npt.NDArray[np.generic]) -> None:
    with VideoReader(save(tmp_path / "p.png", stored)) as reader:
        frame = next(iter(reader))
    assert frame.image.shape == (48, 64, 3)
    assert np.abs(frame.image.astype(int) - 200).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "red"),
    [(1, "top left"), (3, "bottom right"), (6, "top right"), (8, "bottom left"), (2, "top right")],
)
def test_exif_orientation(tmp_path: Path, cornered: Image, orientation: int, red: str) -> None:
    path = save(tmp_path / "phone.jpg", cornered)
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    with VideoReader(path) as reader:
        image = next(iter(reader)).image
    height, width = image.shape[:2]
    assert reader.info.size == (width, height) == ((48, 64) if orientation > 4 else (64, 48))
    y = height // 4 if "top" in red else height * 3 // 4
    x = width // 4 if "left" in red else width * 3 // 4
    reds = image[..., 0] > 128
    assert reds[y, x]
    assert reds.mean() == pytest.approx(0.25, abs=0.03)


def test_folders_with_videos(folder: Path, tmp_path: Path) -> None:
    videos = tmp_path / "takes"
    videos.mkdir()
    for name in ("take10.mp4", "take2.MOV", "readme.txt"):
        (videos / name).write_bytes(b"x")
    assert [p.name for p in list_videos(videos)] == ["take2.MOV", "take10.mp4"]
    with pytest.raises(InputError, match=r"contains 2 videos \(take2.MOV\)"):
        probe(videos)
    (folder / "take.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match="contains both"):
        probe(folder)


def moments(count: int, size: tuple[int, int] = (64, 48)) -> list[PIL.Image.Image]:
    """Grey pictures, each 20 levels brighter than the one before."""
    return [PIL.Image.fromarray(flat(40 + 20 * k, size)) for k in range(count)]


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.avif"])
def test_an_animation_is_a_video(tmp_path: Path, name: str) -> None:
    first, *rest = moments(5)
    path = tmp_path / name
    lossless: dict[str, Any] = {"lossless": True} if name.endswith("webp") else {}
    first.save(path, save_all=True, append_images=rest, duration=[40, 40, 80, 40, 40], **lossless)
    with VideoReader(path) as reader:
        assert (reader.info.kind, reader.expected_frames) == ("video", 5)
        assert reader.info.duration == pytest.approx(0.24)
        frames = list(reader)
    assert [f.time for f in frames] == pytest.approx([0, 0.04, 0.08, 0.16, 0.2])
    levels = [int(f.image[24, 32, 0]) for f in frames]
    assert levels == pytest.approx([40, 60, 80, 100, 120], abs=2)


def test_the_pages_of_a_tiff_are_frames(tmp_path: Path) -> None:
    first, *rest = moments(4)
    preview = moments(1, (16, 12))
    path = tmp_path / "scan.tif"
    first.save(path, save_all=True, append_images=[*rest, *preview])
    with VideoReader(path, image_fps=10) as reader:
        assert (reader.info.kind, reader.fps) == ("image", 10)
        assert [int(f.image[0, 0, 0]) for f in reader] == [40, 60, 80, 100]


@pytest.mark.parametrize(
    ("name", "size"),
    [("grid512.heic", (1280, 768)), ("exif.heic", (640, 384)), ("exif6.jfif", (640, 384))],
)
def test_a_phones_pictures_are_whole_and_upright(name: str, size: tuple[int, int]) -> None:
    with VideoReader(PICTURES / name) as reader:
        image = next(iter(reader)).image
    assert reader.info.size == (image.shape[1], image.shape[0]) == size
    # The houses at the top are brighter than the meadow at the bottom, and no tile is empty.
    assert image[: size[1] // 4].mean() > image[-size[1] // 4 :].mean() + 10
    tiles = image[:, :, 1].reshape(4, size[1] // 4, 4, size[0] // 4)
    assert tiles.std(axis=(1, 3)).min() > 5


def test_side_data_without_a_name_is_left_aside() -> None:
    with VideoReader(PICTURES / "mjpeg_exif.avi") as reader:
        frames = list(reader)
    assert len(frames) == 6
    assert reader.info.size == (320, 192)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["p.png", "p.tif"])
def test_pictures_of_more_than_8_bits_by_their_real_range(
    tmp_path: Path, bits: int, channels: int, name: str
) -> None:
    full = (1 << bits) - 1
    levels = np.linspace(0, full, 64).astype(np.uint16)
    stored = np.repeat(levels[None], 48, axis=0)
    stored = stored if channels == 1 else np.repeat(stored[..., None], 3, axis=-1)
    with VideoReader(save(tmp_path / name, stored)) as reader:
        image = next(iter(reader)).image
    assert np.abs(image[0, :, 0].astype(int) - np.linspace(0, 255, 64)).max() <= 1


@pytest.mark.parametrize("most", [1.0, 255.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_in_floating_point(tmp_path: Path, most: float, channels: int) -> None:
    stored = np.repeat(np.linspace(0, most, 64, dtype=np.float32)[None], 48, axis=0)
    stored[0, 0] = np.nan
    stored = stored if channels == 1 else np.repeat(stored[..., None], 3, axis=-1)
    with VideoReader(save(tmp_path / "p.tiff", stored)) as reader:
        image = next(iter(reader)).image
    assert np.abs(image[5, :, 0].astype(int) - np.linspace(0, 255, 64)).max() <= 1
    assert not image[0, 0].any()


def test_a_dark_picture_of_a_folder_is_shown_as_its_neighbours(tmp_path: Path) -> None:
    for k, level in enumerate((4000, 400)):  # 12 bits
        save(tmp_path / f"{k}.png", np.full((48, 64), level, np.uint16))
    with VideoReader(tmp_path) as reader:
        levels = [int(f.image[0, 0, 0]) for f in reader]
    assert levels == pytest.approx([4000 / 4095 * 255, 400 / 4095 * 255], abs=1)


@pytest.mark.parametrize("mode", ["CMYK", "P", "LA", "1"])
def test_other_colour_models(tmp_path: Path, mode: str) -> None:
    picture = PIL.Image.new("RGB", (64, 48), (255, 255, 255)).convert(mode)
    path = tmp_path / ("p.tif" if mode == "CMYK" else "p.png")
    picture.save(path)
    with VideoReader(path) as reader:
        image = next(iter(reader)).image
    assert image.shape == (48, 64, 3)
    assert image.min() > 250
