"""Videos and pictures: cut off, damaged, streamed, and what is none."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Command, Subject
from .people import TINY

SIZE = (96, 64)
_FRAMES = 8
_VIDEOS = {
    "mp4": ("mp4", "mpeg4", "yuv420p"),
    "mkv": ("matroska", "mpeg4", "yuv420p"),
    "avi": ("avi", "mjpeg", "yuvj420p"),
    "webm": ("webm", "libvpx", "yuv420p"),
    "y4m": ("yuv4mpegpipe", "wrapped_avframe", "yuv420p"),
    "ts": ("mpegts", "mpeg4", "yuv420p"),
    "gif": ("gif", "gif", "rgb8"),
}
_PICTURES = ("png", "jpg", "bmp", "ppm", "pgm", "tif", "webp")


def _reads(name: str) -> tuple[Command, ...]:
    keypoints = "../../one.json" if name.endswith(_PICTURES) else "../../walk.json"
    # By a keypoint file no network looks at the pictures, which are read all the same.
    return (
        ("keypoints", name, "--keypoints", keypoints, "--out", "out.npz"),
        ("infer", name, "--keypoints", keypoints, "--weights", TINY, "--out", "out.npz"),
    )


def _shades(number: int) -> np.ndarray:
    height, width = SIZE[1], SIZE[0]
    rows, columns = np.mgrid[:height, :width]
    return np.stack([(rows * 3 + 5 * number) % 256, columns * 2, rows + columns], -1).astype(
        np.uint8
    )


@cache
def _video(suffix: str) -> bytes:
    import av

    container, codec, pixels = _VIDEOS[suffix]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixels
        for number in range(_FRAMES):
            frame = av.VideoFrame.from_ndarray(_shades(number), "rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return out.getvalue()


@cache
def _picture(suffix: str) -> bytes:
    import cv2

    picture = _shades(1)
    if suffix == "pgm":
        picture = picture[..., 0]
    _, out = cv2.imencode(f".{suffix}", picture)
    return out.tobytes()


def _subject(suffix: str, content: Callable[[], bytes]) -> Subject:
    name = f"v.{suffix}"

    def build(folder: Path) -> None:
        (folder / name).write_bytes(content())

    return Subject("videos, pictures", suffix, _reads(name), name, build)


def subjects() -> list[Subject]:
    """All of them."""
    videos = [_subject(suffix, lambda s=suffix: _video(s)) for suffix in _VIDEOS]  # type: ignore[misc]
    pictures = [_subject(suffix, lambda s=suffix: _picture(s)) for suffix in _PICTURES]  # type: ignore[misc]
    return [*videos, *pictures]


def write_keypoints_of(folder: Path) -> None:
    """A keypoint file of one person in every frame of these videos and pictures."""
    import json

    rng = np.random.default_rng(2)
    points = np.concatenate([rng.uniform(10, 50, (17, 2)), np.full((17, 1), 0.9)], 1)
    record = {"category_id": 1, "keypoints": points.ravel().tolist(), "score": 0.9, "track_id": 1}
    records = [{"image_id": number, **record} for number in range(_FRAMES)]
    (folder / "walk.json").write_text(json.dumps(records))
    (folder / "one.json").write_text(json.dumps(records[:1]))
