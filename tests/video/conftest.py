"""Small real videos, made by PyAV when a test asks for them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

Image = npt.NDArray[np.uint8]
Encode = Callable[..., Path]

WIDTH, HEIGHT = 64, 48


def _encode(
    path: Path,
    images: Iterable[Image],
    *,
    fps: int = 30,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    container_format: str | None = None,
) -> Path:
    """Write a video; ``pts`` are milliseconds."""
    with av.open(str(path), "w", format=container_format, options=container_options or {}) as out:
        stream: Any = out.add_stream(codec, rate=fps, options=options or {})
        stream.pix_fmt = pix_fmt
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[number], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture
def encode(tmp_path: Path) -> Encode:
    """encode(name, images, ...) -> path of the video."""

    def call(name: str, images: Iterable[Image], **settings: Any) -> Path:
        return _encode(tmp_path / name, images, **settings)

    return call


def _texture(width: int, height: int) -> Image:
    noise = np.random.default_rng(7).normal(size=(height, width)).astype(np.float32)
    grey = np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 500 + 128, 0, 255).astype(np.uint8)
    return np.dstack([grey, grey, grey // 2])


@pytest.fixture
def moving() -> Callable[[int], list[Image]]:
    """moving(n) -> n pictures of a texture that drifts one pixel per frame: all differ."""

    def call(count: int) -> list[Image]:
        wide = _texture(WIDTH + count, HEIGHT)
        return [np.ascontiguousarray(wide[:, k : k + WIDTH]) for k in range(count)]

    return call


@pytest.fixture
def cornered() -> Image:
    """A blue picture whose top left quarter is red."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = (0, 0, 255)
    image[: HEIGHT // 2, : WIDTH // 2] = (255, 0, 0)
    return image


@pytest.fixture
def set_matrix() -> Callable[[Path, tuple[int, int, int, int]], None]:
    """set_matrix(mp4, (a, b, c, d)) writes the display matrix into the track header."""

    def call(path: Path, matrix: tuple[int, int, int, int]) -> None:
        data = bytearray(path.read_bytes())
        a, b, c, d = (value << 16 for value in matrix)
        # ISO/IEC 14496-12, track header version 0: 40 bytes stand before the matrix.
        at = data.index(b"tkhd") + 4 + 40
        struct.pack_into(">9i", data, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
        path.write_bytes(data)

    return call
