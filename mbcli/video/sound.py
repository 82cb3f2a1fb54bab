"""The sound of a section of a video, with sample accuracy."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from mbcli.video.container import opened
from mbcli.video.video_file import VideoFile

Samples = npt.NDArray[np.float32]  # (channels, N), -1..1

# Sample rates supported by AAC, ISO/IEC 14496-3 table 1.18, and by players.
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_USUAL_RATE = 48000
_BLOCK = 1024  # samples, as AAC codes them
# Stamps may be rounded to milliseconds: shorter gaps and overlaps are ignored.
_SLACK = 0.02  # seconds


class Sound:
    """The sound of a video file, with silence in gaps.

    Attributes:
        rate: samples per second.
        channels: 1 or 2; more are mixed down to two.
    """

    def __init__(self, path: Path, start: float, end: float, *, zero: float) -> None:
        """Find the sound; see :func:`sound_of`."""
        self._path = path
        self._zero = zero + start
        with opened(path) as (container, _):
            stream = _audio_stream(container)
            if stream is None:
                raise ValueError(f"{path} has no sound")
            rate = stream.codec_context.sample_rate
            self.rate = rate if rate in _RATES else _USUAL_RATE
            self.channels = min(2, stream.codec_context.channels)
        self._length = max(0, round((end - start) * self.rate))

    def blocks(self) -> Iterator[Samples]:
        """Consecutive blocks of (channels, 1024) samples from start to end; the last is shorter."""
        waiting: list[Samples] = []
        held = 0
        for samples in self._stretch():
            waiting.append(samples)
            held += samples.shape[1]
            if held < _BLOCK:
                continue
            joined = np.concatenate(waiting, axis=1)
            whole = held - held % _BLOCK
            for at in range(0, whole, _BLOCK):
                yield joined[:, at : at + _BLOCK]
            waiting, held = [joined[:, whole:]], held - whole
        if held:
            yield np.concatenate(waiting, axis=1)

    def _stretch(self) -> Iterator[Samples]:
        """Samples from start to end without a gap, in pieces of at most a second."""
        written = 0
        for at, samples in self._decoded():
            if at > written:
                yield from self._silence(min(at, self._length) - written)
                written = min(at, self._length)
            fresh = samples[:, max(0, written - at) : max(0, self._length - at)]
            if fresh.shape[1]:
                yield fresh
                written += fresh.shape[1]
            if written >= self._length:
                return
        yield from self._silence(self._length - written)

    def _silence(self, length: int) -> Iterator[Samples]:
        for begin in range(0, length, self.rate):
            size = min(self.rate, length - begin)
            yield np.zeros((self.channels, size), dtype=np.float32)

    def _decoded(self) -> Generator[tuple[int, Samples], None, None]:
        """Decoded pieces, each with its position in samples from the start."""
        layout = "stereo" if self.channels == 2 else "mono"
        resampler = AudioResampler(format="fltp", layout=layout, rate=self.rate)
        with opened(self._path) as (container, _):
            stream = _audio_stream(container)
            assert stream is not None
            base = float(stream.time_base or 1 / self.rate)
            if self._zero > 0:
                # Slightly earlier, since decoders need a packet or two to settle.
                container.seek(int((self._zero - 0.2) / base), stream=stream, backward=True)
            at: int | None = None
            for frame in _frames(container, stream):
                if frame.pts is not None:
                    stamped = round((frame.pts * base - self._zero) * self.rate)
                    if at is None or abs(stamped - at) > _SLACK * self.rate:
                        at = stamped
                frame.pts = None
                at = 0 if at is None else at
                for piece in resampler.resample(frame):
                    samples = np.asarray(piece.to_ndarray(), dtype=np.float32)
                    yield at, samples
                    at += samples.shape[1]


def sound_of(path: Path, start: float, end: float) -> Sound | None:
    """The sound of a video from ``start`` to ``end``; None if there is none or it is undecodable.

    Args:
        path: a video file; anything else has no sound.
        start: seconds from the first frame, as ``Frame.time`` counts them.
        end: seconds, likewise.

    Raises:
        InputError: the video cannot be read.
    """
    if not path.is_file():
        return None
    video = VideoFile(path)
    try:
        sound = Sound(path, start, end, zero=video.zero)
        next(sound.blocks(), None)
    except (av.FFmpegError, ValueError):
        return None
    return sound


def _audio_stream(container: InputContainer) -> AudioStream | None:
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream) or best.codec_context is None:
        return None
    return best


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """The frames that can be decoded; undecodable packets become silence."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        try:
            yield from stream.decode(packet)
        except av.FFmpegError:
            continue
