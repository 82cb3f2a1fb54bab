"""Writing pictures, optionally with sound, as an H.264 video."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from mbcli.errors import ConfigError, OutputError
from mbcli.storage.output import written_whole
from mbcli.video.planar import Planar, code_of, planar_of_rgb
from mbcli.video.presentation import RgbImage
from mbcli.video.sound import Sound

# The largest denominator in television frame rates, as in 30000/1001.
_RATE_DENOMINATOR = 1001
# x264 preset, with the option of slower presets that reduces file size: on annotated 720p pictures
# it takes two thirds of the time of "veryfast", at 0.7 dB less and a sixth larger files.
_X264 = {"preset": "superfast", "x264-params": "mbtree=1:rc-lookahead=10"}
_MIN_FPS = 0.01
_CLOCK = 90_000  # ticks per second, if the frame rate varies
_EVEN = 0.25  # of a frame: tolerance for a constant rate
_SOUND_BITS = 96_000  # per second and channel


def write_video(
    path: str | Path,
    frames: Iterable[RgbImage | Planar],
    *,
    fps: float,
    times: Sequence[float] | None = None,
    sound: Sound | None = None,
    crf: int = 20,
    overwrite: bool = True,
) -> int:
    """Write pictures as an mp4 with H.264 (yuv420p) and AAC, which plays everywhere.

    The video is written under a temporary name in the same folder, and renamed when complete; if
    anything fails, also in ``frames``, nothing is left behind. H.264 needs even sizes: an odd width
    or height is padded by repeating the last column or row. The index comes first in the file, so
    that a browser can play it while loading.

    Args:
        path: the file, ending in .mp4.
        frames: all of one size, consumed one at a time: (H, W, 3) uint8 RGB, which becomes BT.709,
            or planar pictures, which are written unchanged.
        fps: frames per second.
        times: ascending seconds at which each frame is shown, relative to the first; if they do
            not match ``fps``, they are written to the file. None means a constant rate.
        sound: sound for the video, from the time of the first picture on.
        crf: x264's constant rate factor, 0 (lossless) to 51 (worst).
        overwrite: replace an existing file.

    Returns:
        Number of frames written.

    Raises:
        OutputError: the path does not end in .mp4 or cannot be written, the file exists and
            ``overwrite`` is off, or there are no frames.
        ConfigError: ``fps`` or ``crf`` are outside their range.
        ValueError: a picture of another size or type.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise OutputError(f"the name of a video must end in .mp4, got {path.name}")
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
            # "faststart" puts the index at the beginning.
            options = {"movflags": "+faststart"}
            with av.open(f"file:{temporary}", "w", format="mp4", options=options) as out:
                return _encode(out, first, pictures, _Timing(fps, times), sound, crf)
        except av.FFmpegError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error


class _Timing:
    """Display times of frames, in ticks."""

    def __init__(self, fps: float, times: Sequence[float] | None) -> None:
        self.rate = Fraction(fps).limit_denominator(_RATE_DENOMINATOR)
        self.base = 1 / self.rate
        self._ticks: Sequence[int] | None = None
        if times is None or not len(times):
            return
        moments = np.asarray(times, dtype=np.float64) - times[0]
        if np.abs(moments * float(self.rate) - np.arange(len(moments))).max() > _EVEN:
            self.base = Fraction(1, _CLOCK)
            self._ticks = np.round(moments * _CLOCK).astype(np.int64).tolist()

    def tick(self, number: int) -> int:
        return number if self._ticks is None else self._ticks[number]


def _encode(
    out: OutputContainer,
    first: RgbImage | Planar,
    rest: Iterable[RgbImage | Planar],
    timing: _Timing,
    sound: Sound | None,
    crf: int,
) -> int:
    stream = out.add_stream("libx264", rate=timing.rate, options={"crf": str(crf), **_X264})
    voice = None if sound is None else _Voice(out, sound)
    _describe(stream, _planar(first), timing)
    count = 0
    for image in itertools.chain([first], rest):
        if type(image) is not type(first) or _shape(image) != _shape(first):
            raise ValueError(
                f"frame {count} must be {_shape(first)} like the first, got {_shape(image)}"
            )
        frame = _planar(image).frame
        frame.pts, frame.time_base = timing.tick(count), timing.base
        if voice is not None:
            voice.up_to(float(frame.pts * timing.base))
        out.mux(stream.encode(frame))
        count += 1
    out.mux(stream.encode(None))
    if voice is not None:
        voice.finish()
    return count


class _Voice:
    """The sound of a video, written in step with the pictures."""

    def __init__(self, out: OutputContainer, sound: Sound) -> None:
        self._out, self._sound = out, sound
        self._stream = out.add_stream("aac", rate=sound.rate)
        self._layout = "stereo" if sound.channels == 2 else "mono"
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.bit_rate = _SOUND_BITS * sound.channels
        self._blocks = sound.blocks()
        self._written = 0

    def up_to(self, seconds: float) -> None:
        while self._written <= seconds * self._sound.rate:
            block = next(self._blocks, None)
            if block is None:
                return
            samples = np.ascontiguousarray(block)
            frame = AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
            frame.sample_rate = self._sound.rate
            frame.pts, frame.time_base = self._written, Fraction(1, self._sound.rate)
            self._out.mux(self._stream.encode(frame))
            self._written += block.shape[1]

    def finish(self) -> None:
        self.up_to(math.inf)
        self._out.mux(self._stream.encode(None))


def _describe(stream: VideoStream, first: Planar, timing: _Timing) -> None:
    """Set size, pixel format and colours; without the colours, players guess them by the size."""
    context = stream.codec_context
    context.width, context.height = first.size
    context.pix_fmt = "yuv420p"
    context.time_base = timing.base
    code = code_of(first.matrix)
    context.colorspace = context.color_primaries = context.color_trc = code
    context.color_range = ColorRange.MPEG


def _shape(image: RgbImage | Planar) -> str:
    if isinstance(image, Planar):
        return f"{image.matrix} {image.size}"
    return f"{image.dtype} {image.shape}"


def _planar(image: RgbImage | Planar) -> Planar:
    if isinstance(image, Planar):
        return image
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        image = np.asarray(padded, dtype=np.uint8)
    return planar_of_rgb(image, (image.shape[1], image.shape[0]), "bt709")
