"""The source video as embedded in the page: small, and synchronised by time stamps."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from mbcli.errors import InputError
from mbcli.motion import Motion3D
from mbcli.report import Observer
from mbcli.video.footage import Footage, check_any, pictures_of

MAX_BYTES = 50_000_000
"""Maximum size of a page's video; base64 adds a third."""

_STAGE = "video"
_LONGEST_SIDE = 1280  # pixels
_TICKS = 90_000  # per second, as in MPEG
_CRF = "25"
_KEY_SECONDS = 0.5  # between key frames: scrubbing decodes from the last one
_BT709 = 1  # Code point of ITU-T H.273 for primaries, transfer and matrix.
_GREY = 48  # of 255: a missing picture


@dataclass(frozen=True)
class PageVideo:
    """A video for a page.

    Attributes:
        data: an mp4 with H.264 (yuv420p) and without sound: one picture per frame of the motion,
            at the motion's time stamps, starting from 0.
        missing: number of frames of the motion without a picture in the video; they are grey.
    """

    data: bytes
    missing: int


def page_video(video: Path, motion: Motion3D, observer: Observer) -> PageVideo:
    """Encode the pictures of a motion's frames.

    Args:
        video: the source of the motion.
        motion: a motion of at least one frame; frames are matched by their number in the source.
        observer: receives progress.

    Raises:
        InputError: the video cannot be read, does not belong to the motion, or takes more than
            ``MAX_BYTES``.
    """
    source = Footage.of(video, motion)
    missing, frames = 0, len(motion.timestamps)
    rows = range(frames)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = _stream(
            container.add_stream("libx264", rate=_rate(motion.fps)), source.size, motion.fps
        )
        for row, picture in enumerate(pictures_of(source, motion, rows)):
            missing += picture is None
            image = np.full((2, 2, 3), _GREY, dtype=np.uint8) if picture is None else picture
            frame = _reduced(image, stream)
            seconds = float(motion.timestamps[row] - motion.timestamps[0])
            frame.pts, frame.time_base = round(seconds * _TICKS), Fraction(1, _TICKS)
            container.mux(stream.encode(frame))
            if out.tell() > MAX_BYTES:
                raise InputError(
                    f"a page may embed {MAX_BYTES // 1_000_000} MB of video, but {video} takes "
                    f"more after {row + 1} of {frames} frames: leave out --embed-video, or infer "
                    "a shorter part (--start, --end)"
                )
            observer(_STAGE, row + 1, frames)
        container.mux(stream.encode(None))
    check_any(source, motion, rows, missing)
    return PageVideo(out.getvalue(), missing)


def _rate(fps: float) -> Fraction:
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 100))


def _stream(stream: VideoStream, size: tuple[int, int], fps: float) -> VideoStream:
    """Configure the encoder: even sizes, standard colours, and frequent key frames."""
    scale = min(1.0, _LONGEST_SIDE / max(size))
    context = stream.codec_context
    context.width, context.height = (max(2, 2 * round(side * scale / 2)) for side in size)
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, _TICKS)
    context.gop_size = max(1, math.ceil(_KEY_SECONDS * fps))
    context.max_b_frames = 0
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG
    context.options = {"crf": _CRF, "preset": "veryfast"}
    return stream


def _reduced(image: npt.NDArray[np.uint8], stream: VideoStream) -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
