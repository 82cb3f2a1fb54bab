from __future__ import annotations

import gc
import re
import struct
import sys
import wave
import weakref
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

import mbcli
from mbcli.errors import ConfigError, InputError
from mbcli.keypoints import is_keypoint_file, read_keypoints
from mbcli.types import Frame
from mbcli.video import VideoReader, probe

Image = npt.NDArray[np.uint8]
Encode = Callable[..., Path]
Moving = Callable[[int], list[Image]]

WALK = Path(__file__).parents[2] / "examples" / "walk.mp4"


def read(path: Path, **options: float | int) -> tuple[list[Frame], list[str]]:
    with VideoReader(path, **options) as reader:  # type: ignore[arg-type]
        frames = list(reader)
        return frames, reader.warnings


def check_numbered(frames: list[Frame], count: int) -> None:
    assert [f.index for f in frames] == list(range(count))
    assert frames[0].time == 0
    assert np.all(np.diff([f.time for f in frames]) > 0)


def test_the_example() -> None:
    info = probe(WALK)
    assert (info.kind, info.size, info.frame_count, info.rotation) == ("video", (1280, 720), 134, 0)
    assert info.fps == 30
    assert info.duration == pytest.approx(134 / 30)
    frames, warnings = read(WALK, start=1.0, end=1.5, every=5)
    assert [f.index for f in frames] == [30, 35, 40]
    assert [f.time for f in frames] == pytest.approx([1.0, 35 / 30, 40 / 30])
    assert {f.size for f in frames} == {(1280, 720)}
    assert not warnings
    assert WALK.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("matrix", "rotation", "red"),
    [
        ((1, 0, 0, 1), 0, "top left"),
        ((0, 1, -1, 0), 90, "top right"),
        ((-1, 0, 0, -1), 180, "bottom right"),
        ((0, -1, 1, 0), 270, "bottom left"),
        ((-1, 0, 0, 1), 0, "top right"),
    ],
    ids=["upright", "90", "180", "270", "mirrored"],
)
def test_the_display_matrix_is_applied(
    encode: Encode,
    cornered: Image,
    set_matrix: Callable[[Path, tuple[int, ...]], None],
    matrix: tuple[int, ...],
    rotation: int,
    red: str,
) -> None:
    path = encode("turned.mp4", [cornered] * 3)
    set_matrix(path, matrix)
    size = (48, 64) if rotation in (90, 270) else (64, 48)
    with VideoReader(path) as reader:
        frame = next(iter(reader))
        assert (reader.info.rotation, reader.info.size, frame.size) == (rotation, size, size)
    height, width = frame.image.shape[:2]
    for place in ("top left", "top right", "bottom left", "bottom right"):
        y = height // 4 if "top" in place else height * 3 // 4
        x = width // 4 if "left" in place else width * 3 // 4
        colour = (255, 0, 0) if place == red else (0, 0, 255)
        assert np.abs(frame.image[y, x].astype(int) - colour).max() < 25, place


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_time_stamps_of_a_variable_rate(encode: Encode, moving: Moving, suffix: str) -> None:
    pts = np.cumsum([0, *[20, 50, 35, 100] * 5]).tolist()
    path = encode(f"vfr.{suffix}", moving(21), pts=pts)
    frames, warnings = read(path)
    check_numbered(frames, 21)
    assert [f.time for f in frames] == pytest.approx(np.array(pts) / 1000, abs=1e-3)
    assert probe(path).fps == pytest.approx(20 / (pts[-1] / 1000), rel=0.1)
    late, _ = read(path, start=pts[9] / 1000)
    assert [f.index for f in late] == list(range(9, 21))
    assert not warnings


def test_fps_stays_a_fraction(encode: Encode, moving: Moving) -> None:
    path = encode("ntsc.mkv", moving(30), fps=Fraction(30000, 1001))
    with VideoReader(path, every=2) as reader:
        assert reader.info.fps == pytest.approx(30000 / 1001)
        assert reader.fps == pytest.approx(15000 / 1001)
        assert reader.expected_frames == len(list(reader)) == 15


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b.mp4", "libx264", {"g": "8", "bf": "3"}),
        ("b.mkv", "libx264", {"g": "8", "bf": "3"}),
        ("open.mp4", "libx264", {"x264-params": "open-gop=1:keyint=8:bframes=3:scenecut=0"}),
        ("refresh.mp4", "libx264", {"x264-params": "intra-refresh=1:keyint=8:bframes=0"}),
        ("b.ts", "libx264", {"g": "8", "bf": "3"}),
        ("b.avi", "libx264", {"g": "8", "bf": "3"}),
        ("vp8.webm", "libvpx", {"auto-alt-ref": "1", "g": "8"}),
    ],
)
def test_a_start_gives_the_very_same_frames(
    encode: Encode, moving: Moving, name: str, codec: str, options: dict[str, str]
) -> None:
    path = encode(name, moving(30), codec=codec, options=options)
    whole, warnings = read(path)
    check_numbered(whole, 30)
    assert not warnings
    for start in (1, 7, 8, 9, 20, 29):
        frames, warnings = read(path, start=start / 30)
        assert [(f.index, f.time) for f in frames] == [(f.index, f.time) for f in whole[start:]]
        assert all(
            np.array_equal(f.image, w.image) for f, w in zip(frames, whole[start:], strict=True)
        )
        assert not warnings


def test_stretches_side_by_side_share_no_frame(encode: Encode, moving: Moving) -> None:
    path = encode("clip.mkv", moving(20), fps=30)
    parts = [read(path, end=0.2)[0], read(path, start=0.2, end=0.4)[0], read(path, start=0.4)[0]]
    assert [f.index for part in parts for f in part] == list(range(20))
    with VideoReader(path, start=0.2, end=0.4, every=4) as reader:
        assert reader.expected_frames == len(list(reader)) == 2


@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "bgr0"]
)
def test_pixel_formats_become_rgb(encode: Encode, cornered: Image, pix_fmt: str) -> None:
    image = np.ascontiguousarray(cornered[:47, :63])
    frames, _ = read(encode("odd.mkv", [image] * 2, codec="ffv1", pix_fmt=pix_fmt))
    assert frames[0].size == (63, 47)
    for y, x in ((3, 3), (3, 60), (44, 60)):
        assert np.abs(frames[1].image[y, x].astype(int) - image[y, x]).max() < 10


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gray16le"])
def test_grey_becomes_rgb(encode: Encode, pix_fmt: str) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 3, axis=2)
    image = np.ascontiguousarray(np.repeat(ramp, 48, axis=0))
    frames, _ = read(encode("grey.mkv", [image], codec="ffv1", pix_fmt=pix_fmt))
    assert np.abs(frames[0].image.astype(int) - image).max() < 8


def test_pixels_become_square(encode: Encode, cornered: Image) -> None:
    path = encode("wide.mkv", [cornered] * 2, aspect=Fraction(4, 3))
    frames, _ = read(path)
    assert probe(path).size == frames[0].size == (85, 48)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_file_that_breaks_off_gives_what_is_there(
    encode: Encode, moving: Moving, suffix: str
) -> None:
    flags = {"movflags": "+faststart"} if suffix == "mp4" else {}
    path = encode(f"cut.{suffix}", moving(60), options={"g": "12"}, container_options=flags)
    whole, _ = read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    frames, warnings = read(path)
    assert 20 < len(frames) < 50
    indices = [f.index for f in frames]
    # Of the last ones, some may be shown after frames whose packets never came.
    assert indices[:-8] == list(range(len(frames) - 8))
    assert [f.time for f in frames[:-8]] == pytest.approx([k / 30 for k in indices[:-8]], abs=1e-3)
    assert np.all(np.diff(indices) > 0)
    # Not a picture more or less than decoding without threads gives.
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        kept = 0
        for packet in container.demux(video=0):
            if not packet.is_corrupt:
                kept += len(packet.decode())
    assert len(frames) == kept
    assert all(np.array_equal(f.image, whole[round(f.time * 30)].image) for f in frames)
    assert len(warnings) == 1
    assert path.name in warnings[0]
    late, late_warnings = read(path, start=0.5)
    assert [f.index for f in late] == [k for k in indices if k >= 15]
    assert late_warnings == warnings
    _, early_warnings = read(path, end=0.5)
    assert not early_warnings


def test_damage_in_the_middle_keeps_the_other_frames_numbers(
    encode: Encode, moving: Moving
) -> None:
    path = encode("hurt.mp4", moving(60), options={"g": "10", "bf": "0"})
    whole, _ = read(path)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        first, last = packets[20].pos, packets[23].pos
    assert first is not None
    assert last is not None
    data = bytearray(path.read_bytes())
    data[first:last] = bytes(last - first)
    path.write_bytes(data)
    frames, warnings = read(path)
    indices = [f.index for f in frames]
    assert indices[:20] == list(range(20))
    assert indices[-30:] == list(range(30, 60))
    assert len(frames) < 60
    assert all(f.time == pytest.approx(f.index / 30) for f in frames)
    assert np.array_equal(frames[-1].image, whole[-1].image)
    assert any("damaged" in line for line in warnings)
    assert [f.index for f in read(path, start=1.2)[0]] == list(range(36, 60))


def test_a_container_that_claims_too_much(encode: Encode, moving: Moving) -> None:
    path = encode("liar.avi", moving(20), codec="mpeg4")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, 500)
    path.write_bytes(data)
    assert probe(path).frame_count == 500
    frames, warnings = read(path)
    check_numbered(frames, 20)
    assert warnings == ["liar.avi claims 500 frames, but 20 could be decoded; these are used"]


def test_a_stream_without_time_stamps(encode: Encode, moving: Moving) -> None:
    path = encode("raw.h264", moving(20), fps=50, container_format="h264")
    frames, warnings = read(path)
    check_numbered(frames, 20)
    assert np.diff([f.time for f in frames]) == pytest.approx(1 / 50)
    assert warnings == ["raw.h264 has no time stamps: 50 frames per second assumed"]


def test_joined_recordings_go_on_in_time(encode: Encode, moving: Moving, tmp_path: Path) -> None:
    part = encode("part.ts", moving(45)).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part + part)
    frames, warnings = read(path)
    check_numbered(frames, 90)
    assert np.diff([f.time for f in frames]) == pytest.approx(1 / 30)
    assert len(warnings) == 1


def test_frames_stream(encode: Encode, moving: Moving) -> None:
    path = encode("long.mp4", moving(60))
    alive: list[weakref.ref[Image]] = []
    with VideoReader(path) as reader:
        for frame in reader:
            alive.append(weakref.ref(frame.image))
            del frame
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1
    assert len(alive) == 60


def test_a_reader_is_one_pass(encode: Encode, moving: Moving) -> None:
    with VideoReader(encode("once.mp4", moving(5))) as reader:
        assert next(iter(reader)).index == 0
        assert [f.index for f in reader] == [1, 2, 3, 4]
        assert list(reader) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_leaving_early_closes_the_file(encode: Encode, moving: Moving) -> None:
    path = encode("early.mp4", moving(5))

    def opened() -> bool:
        links = Path("/proc/self/fd").iterdir()
        return any(link.readlink() == path for link in links if link.is_symlink())

    with VideoReader(path, start=0.05) as reader:
        next(iter(reader))
        assert opened()
    assert not opened()


def test_a_name_with_a_colon(encode: Encode, moving: Moving, tmp_path: Path) -> None:
    path = encode("plain.mp4", moving(3)).rename(tmp_path / "http:take%03d.mp4")
    assert len(read(path)[0]) == 3


def _sound(path: Path) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(8000))


def _sound_in_mp4(path: Path) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n"


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("none.mp4", lambda p: None, "no such file"),
        ("empty.mp4", lambda p: p.write_bytes(b""), "is empty"),
        ("text.mp4", lambda p: p.write_text("not a video\n" * 99), "not a video"),
        ("text.txt", lambda p: p.write_text("not a video\n" * 99), "not a video"),
        ("list.m3u8", lambda p: p.write_text(PLAYLIST), "playlist"),
        ("subs.srt", lambda p: p.write_text("1\n00:00:01,0 --> 00:00:02,0\nHi\n"), "no video"),
        ("sound.wav", _sound, "sound only"),
        ("sound.mp4", _sound_in_mp4, "sound only"),
        ("folder", lambda p: p.mkdir(), "no images or videos"),
        ("text.png", lambda p: p.write_text("not an image"), "not an image"),
    ],
)
def test_inputs_that_cannot_be_used(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        VideoReader(path)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_video_without_one_decodable_frame(encode: Encode, moving: Moving) -> None:
    path = encode("zero.mp4", moving(10))
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 4
    size = struct.unpack(">I", data[at - 8 : at - 4])[0] - 8
    data[at : at + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"no frame .* could be decoded \(codec h264\)"):
        VideoReader(path)


def test_a_codec_that_nobody_knows(encode: Encode, moving: Moving) -> None:
    path = encode("odd.mp4", moving(3))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    with pytest.raises(InputError, match="cannot decode"):
        VideoReader(path)


def test_a_video_cut_before_its_index(encode: Encode, moving: Moving) -> None:
    path = encode("noindex.mp4", moving(10))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(InputError, match="not a video that can be read"):
        VideoReader(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_start_past_the_end(encode: Encode, moving: Moving, name: str) -> None:
    path = encode(name, moving(30))
    with VideoReader(path, start=1.5) as reader, pytest.raises(InputError) as caught:
        next(iter(reader))
    assert "start must be before the end" in str(caught.value)
    assert "0.967 s, got 1.5 s" in str(caught.value)
    assert reader.expected_frames == 0


def test_a_stretch_between_two_frames(encode: Encode, moving: Moving) -> None:
    path = encode("gap.mkv", moving(3), pts=[0, 2000, 4000])
    with VideoReader(path, start=0.5, end=1.5) as reader, pytest.raises(InputError, match="no fra"):
        next(iter(reader))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1.0}, "start must be 0 or more seconds, got -1"),
        ({"start": float("nan")}, "start must be 0 or more seconds, got nan"),
        ({"start": 2.0, "end": 2.0}, "--end must be later than --start"),
        ({"end": 0.0}, "--end must be later than --start"),
        ({"every": 0}, "every must be 1"),
        ({"image_fps": 0.0}, "must be a positive number, got 0"),
    ],
)
def test_options_outside_their_rules(options: dict[str, float], message: str) -> None:
    with pytest.raises((ConfigError, InputError), match=message):
        VideoReader(WALK, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("https://example.org/walk.mp4", "the address https://example.org/walk.mp4: download"),
        ("rtsp://camera/1", "got the address rtsp://camera/1: download or record it"),
        ("file:///tmp/walk.mp4", "without file://"),
        ("0", "got the camera 0: record what it shows"),
        ("/dev/video99", "got the camera /dev/video99"),
        ("/dev/null", "is a device or pipe"),
        ("nowhere.mp4", "no such file or folder: nowhere.mp4"),
    ],
)
def test_what_is_no_file_gets_a_sentence(source: str, says: str) -> None:
    for read in (probe, read_keypoints, is_keypoint_file, mbcli.infer, mbcli.load):
        with pytest.raises(InputError, match=re.escape(says)):
            read(source)


@pytest.mark.parametrize("name", ["walk.mp4", "walk.csv"])
@pytest.mark.parametrize(
    "text",
    ["<!DOCTYPE html>\n<title>Größe</title>" + "ä" * 600, "hello\n", "\v\f\x1c", "\f" * 9],
)
def test_text_is_reported_as_text(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    for read in (probe, mbcli.infer):
        with pytest.raises(InputError, match=rf"{name} is text.* (no|nor a) keypoint file"):
            read(path)


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_pictures_turned_on_demand(tmp_path: Path, rotate: int) -> None:
    with VideoReader(WALK, end=0.05) as reader:
        plain = next(iter(reader)).image
    with VideoReader(WALK, end=0.05, rotate=rotate) as reader:
        turned = next(iter(reader)).image
        assert reader.info.size == (turned.shape[1], turned.shape[0])
        assert reader.info.rotation == rotate
    assert np.array_equal(turned, np.rot90(plain, -rotate // 90))
    picture = tmp_path / "p.png"
    assert cv2.imwrite(str(picture), plain[..., ::-1])
    with VideoReader(picture, rotate=rotate) as reader:
        assert np.array_equal(next(iter(reader)).image, turned)
        assert reader.info.size == (turned.shape[1], turned.shape[0])
