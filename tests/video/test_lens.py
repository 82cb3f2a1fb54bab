"""The focal length that cameras note, in files written by Pillow and FFmpeg."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from mbcli.video import VideoReader
from mbcli.video.lens import NotedLens, of_video
from mbcli.video.reader import probe

KEY = "com.apple.quicktime.camera."
DIAGONAL = np.hypot(36, 24)


def picture(path: Path, size: tuple[int, int], tags: dict[int, Any], turn: int = 1) -> Path:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif.get_ifd(0x8769).update(tags)
    Image.new("RGB", size, (90, 120, 90)).save(path, exif=exif)
    return path


def movie(path: Path, tags: dict[str, str], size: tuple[int, int] = (160, 90)) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(tags)
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for shade in range(0, 150, 30):
            image = np.full((size[1], size[0], 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def in_the_track(path: Path) -> Path:
    """The movie with its metadata in the track instead, in QuickTime's form, as an iPhone has."""
    parts = []
    for kind, content in boxes(path.read_bytes()):
        if kind == b"moov":
            inner = boxes(content)
            (udta,) = (data for name, data in inner if name == b"udta")
            meta = box(b"meta", dict(boxes(udta))[b"meta"][4:])
            content = b"".join(
                box(name, data + (meta if name == b"trak" else b""))
                for name, data in inner
                if name != b"udta"
            )
        parts.append(box(kind, content))
    path.write_bytes(b"".join(parts))
    return path


def lens(path: Path) -> NotedLens:
    found = probe(path).lens
    assert found is not None
    return found


def test_the_equivalent_of_a_photograph(tmp_path: Path) -> None:
    size = (400, 300)
    tags = {0xA405: 26, 0xA002: 4000, 0xA003: 3000, 0x920A: 4.25}
    noted = lens(picture(tmp_path / "phone.jpg", size, tags))
    assert noted.focal == pytest.approx(26 / DIAGONAL * np.hypot(*size))
    assert noted.words == "26 mm (35 mm equivalent) in its Exif"
    assert noted.doubt == 0.03
    # On its side, 3:2, and without a word on how large it was.
    turned = lens(picture(tmp_path / "side.jpg", size, tags, turn=6))
    assert turned.focal == pytest.approx(noted.focal)
    camera = lens(picture(tmp_path / "camera.jpg", (600, 400), {0xA405: 50}))
    assert camera.focal == pytest.approx(50 / 36 * 600)


def test_what_is_cut_out_of_a_photograph(tmp_path: Path) -> None:
    tags = {0xA405: 28, 0xA002: 400, 0xA003: 300}
    rows = lens(picture(tmp_path / "rows.jpg", (400, 225), tags))
    assert rows.focal == pytest.approx(28 / DIAGONAL * 500)  # of the whole
    columns = lens(picture(tmp_path / "columns.jpg", (200, 300), tags))
    assert columns.focal == pytest.approx(28 / DIAGONAL * 500)
    both = picture(tmp_path / "both.jpg", (200, 220), tags)
    assert probe(both).lens is None  # smaller or cut: nobody knows
    wide = lens(picture(tmp_path / "wide.jpg", (1600, 900), {0xA405: 26}))
    assert wide.focal == pytest.approx(26 / 36 * 1600)
    assert wide.doubt == 0.05


def test_the_sensor_where_only_millimetres_are_there(tmp_path: Path) -> None:
    # A Canon of 5184 pixels on 22.3 mm, in inches.
    tags = {0x920A: 35.0, 0xA20E: 5184 / 22.3 * 25.4, 0xA210: 2, 0xA002: 5184, 0xA003: 3456}
    noted = lens(picture(tmp_path / "canon.jpg", (648, 432), tags))
    assert noted.focal == pytest.approx(35 / 22.3 * 648, rel=1e-4)
    alone = picture(tmp_path / "alone.jpg", (648, 432), {0x920A: 35.0})
    assert probe(alone).lens is None
    silly = picture(tmp_path / "silly.jpg", (648, 432), {0x920A: 35.0, 0xA20E: 72.0, 0xA210: 2})
    assert probe(silly).lens is None  # the density of a printer


@pytest.mark.parametrize("value", [0, 65535, 1])
def test_equivalents_that_no_lens_has(value: int, tmp_path: Path) -> None:
    assert probe(picture(tmp_path / "none.jpg", (400, 300), {0xA405: value})).lens is None


def test_pictures_without_exif_note_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "plain.png")
    assert probe(tmp_path / "plain.png").lens is None


def test_an_iphones_video(tmp_path: Path) -> None:
    path = movie(tmp_path / "phone.mov", {f"{KEY}focal_length.35mm_equivalent": "27"})
    assert lens(path).focal == pytest.approx(27 / 36 * 160)
    assert lens(path).doubt == 0.05
    assert lens(in_the_track(path)) == lens(path)
    with VideoReader(path, rotate=90) as reader:
        assert reader.info.size == (90, 160)
        assert reader.info.lens == lens(path)


def test_an_iphones_lens_by_its_millimetres(tmp_path: Path) -> None:
    words = "iPhone 12 Pro back triple camera 4.2mm f/1.6"
    path = in_the_track(movie(tmp_path / "phone.mov", {f"{KEY}lens_model": words}))
    assert lens(path).focal == pytest.approx(26 / 36 * 160)
    assert words in lens(path).words
    for other in ("iPhone 12 Pro front camera 2.71mm f/2.2", "iPhone back camera 3.33mm f/2"):
        unknown = movie(tmp_path / "other.mov", {f"{KEY}lens_model": other})
        assert probe(unknown).lens is None


def test_numbers_in_any_type_of_quicktime(tmp_path: Path) -> None:
    path = movie(tmp_path / "phone.mov", {f"{KEY}focal_length.35mm_equivalent": "0027"})
    data = path.read_bytes()
    text = struct.pack(">II", 1, 0) + b"0027"
    assert data.count(text) == 1
    for kind, raw in ((21, struct.pack(">i", 28)), (22, struct.pack(">I", 28)), (23, None)):
        number = struct.pack(">f", 28.0) if raw is None else raw
        path.write_bytes(data.replace(text, struct.pack(">II", kind, 0) + number))
        assert lens(path).focal == pytest.approx(28 / 36 * 160)


def test_damaged_metadata_are_no_lens(tmp_path: Path) -> None:
    path = movie(tmp_path / "phone.mov", {f"{KEY}focal_length.35mm_equivalent": "27"})
    data = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        start = int(rng.integers(len(data)))
        broken = bytearray(data[: int(rng.integers(start, len(data)))])
        broken[start : start + 4] = rng.bytes(4)
        path.write_bytes(bytes(broken))
        found = of_video(path, (160, 90))
        assert found is None or found.focal > 0
    assert of_video(tmp_path / "missing.mov", (160, 90)) is None
