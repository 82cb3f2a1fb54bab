"""Pictures to an H.264 video."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from mbcli.errors import ConfigError, OutputError
from mbcli.output import written_whole
from mbcli.video.presentation import RgbImage

# The largest denominator that television rates need, as in 30000/1001.
_RATE_DENOMINATOR = 1001
_PRESET = "veryfast"  # Of x264: about 2.5 times as fast as its default, and files no larger.
_MIN_FPS = 0.01
_BT709 = 1  # In the code points of ITU-T H.273: primaries, transfer and matrix alike.


def write_video(
    path: str | Path,
    frames: Iterable[RgbImage],
    *,
    fps: float,
    crf: int = 20,
    overwrite: bool = True,
) -> int:
    """Write pictures as an mp4 with H.264 (yuv420p, BT.709), which plays everywhere.

    The video is written under a temporary name in the same folder, and renamed when it is whole;
    if anything fails, also in ``frames``, nothing is left behind. H.264 needs even sizes: an odd
    width or height grows by one pixel, a repetition of the last column or row.

    Args:
        path: the file, ending in .mp4.
        frames: (H, W, 3) uint8 RGB, all of the same size; taken one at a time.
        fps: frames per second.
        crf: x264's constant rate factor, 0 (lossless) to 51 (worst).
        overwrite: replace a file that exists.

    Returns:
        How many frames were written.

    Raises:
        OutputError: the path does not end in .mp4 or cannot be written, the file exists and
            ``overwrite`` is off, or there are no frames.
        ConfigError: ``fps`` or ``crf`` are outside their range.
        ValueError: a picture of another size or type.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise OutputError(f"a video is written as .mp4, got {path.name}")
    if not (math.isfinite(fps) and fps >= _MIN_FPS):
        raise ConfigError(f"the frame rate of a video must be at least {_MIN_FPS:g}, got {fps:g}")
    if not 0 <= crf <= 51:
        raise ConfigError(f"crf must be within 0..51, got {crf}")
    pictures = iter(frames)
    with written_whole(path, overwrite=overwrite) as temporary:
        first = next(pictures, None)
        if first is None:
            raise OutputError(f"{path} cannot be written: there are no frames")
        try:
            return _encode(temporary, first, pictures, fps=fps, crf=crf)
        except av.FFmpegError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _encode(path: Path, first: RgbImage, rest: Iterable[RgbImage], *, fps: float, crf: int) -> int:
    rate = Fraction(fps).limit_denominator(_RATE_DENOMINATOR)
    count = 0
    # "faststart" puts the index first, so that a browser can play while it loads.
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": _PRESET})
        _describe(stream, first)
        for image in itertools.chain([first], rest):
            if image.shape != first.shape or image.dtype != np.uint8:
                raise ValueError(
                    f"frame {count} must be uint8 {first.shape}, got {image.dtype} {image.shape}"
                )
            out.mux(stream.encode(_frame(image)))
            count += 1
        out.mux(stream.encode(None))
    return count


def _describe(stream: VideoStream, first: RgbImage) -> None:
    """Size, pixel format and colours; without the latter, players guess by the size."""
    height, width = first.shape[:2]
    context = stream.codec_context
    context.width, context.height = width + width % 2, height + height % 2
    context.pix_fmt = "yuv420p"
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG


def _frame(image: RgbImage) -> VideoFrame:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        image = np.asarray(padded, dtype=np.uint8)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
