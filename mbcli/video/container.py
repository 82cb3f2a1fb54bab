"""Containers opened with FFmpeg's libraries (PyAV): stream, metadata, packets and frames."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mbcli.errors import InputError
from mbcli.video.presentation import Orientation

if TYPE_CHECKING:
    from av.buffer import Buffer
    from av.packet import Packet

    VideoPacket = Packet[VideoStream]

# FFmpeg chooses these formats by suffix alone, and renders the bytes of the file as text.
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
_PLAYLIST = b"#EXTM3U"
_GIF_TAIL = 4096  # bytes at the end of a GIF in which its trailer is searched, for its padding
_BEGINNING = 512  # bytes that are tested for being text; a character has at most four
RATE_PACKETS = 240  # Enough to tell 29.97 from 30 when time stamps are in milliseconds.
_RATE_TOLERANCE = 0.03  # relative; a measured rate this close confirms the declared one
# In these, each packet is one visible frame with a time stamp, so packets give frame numbers.
_COUNTABLE_FORMATS = frozenset({"mov", "matroska"})
_COUNTABLE_CODECS = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "prores"})
_DEFAULT_FPS = 30.0  # of a single frame without a declared rate
_MAX_FPS = 10_000.0  # above, a declared rate is a time base


@dataclass
class Pass:
    """Errors during one pass over the packets.

    Attributes:
        broken: whether the container breaks off.
        lost: packets that could not be decoded.
        damaged: decoded frames that the decoder calls corrupt.
        discarded: packets that are not to be shown.
        held: ticks that no packet covers. In AVI a tick is a frame, and counts as one.
        suspect: whether the frame just decoded is damaged, or may be predicted from one that is:
            since the last packet with an error there was no sound keyframe.
    """

    broken: bool = False
    lost: int = 0
    damaged: int = 0
    discarded: int = 0
    held: int = 0
    suspect: bool = False


class FrameNumbering:
    """Numbers the frames of one pass so that frames lost to damage keep their numbers.

    If packets can be counted (see ``countable``), a frame's number is the number of packets shown
    before it, decoded or not. Otherwise decoded frames are counted. In a truncated file, the last
    few frames may follow frames whose packets are lost; the lost frames are not counted.
    """

    def __init__(self, *, by_packets: bool, index: int = 0, first: int | None = None) -> None:
        """Start at frame ``index``, whose time stamp is ``first``, or at the very first frame."""
        self._by_packets = by_packets
        self._next = index
        self._first = first
        self._pending: list[int] = []

    def watch(self, packets: Iterable[VideoPacket]) -> Iterator[VideoPacket]:
        """Record packets on their way to the decoder and pass them on."""
        for packet in packets:
            if packet.pts is None:
                self._by_packets = False
            elif not packet.is_discard and (self._first is None or packet.pts >= self._first):
                heapq.heappush(self._pending, packet.pts)
            yield packet

    def number(self, frame: VideoFrame) -> int:
        """The number of the next decoded frame."""
        if self._by_packets and frame.pts is not None:
            while self._pending and self._pending[0] < frame.pts:
                heapq.heappop(self._pending)
                self._next += 1
            if self._pending and self._pending[0] == frame.pts:
                heapq.heappop(self._pending)
        number = self._next
        self._next += 1
        return number


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file and choose its video stream."""
    try:
        with path.open("rb") as file:
            # FFmpeg would wait minutes for the next segments of such a broadcast.
            if file.read(len(_PLAYLIST)) == _PLAYLIST:
                raise InputError(f"the input must be a video, got the playlist {path}")
        # "file:" prevents a colon in the name from being taken as a protocol; the whitelist
        # prevents a playlist from accessing the network.
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        if _is_text(path):
            raise _text_instead(path) from error
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"{path} is not a video that can be read ({reason})") from error
    with container:
        yield container, _video_stream(container, path)


def _is_text(path: Path) -> bool:
    """Whether a file begins with text, such as a page that was saved instead of a video."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
        text = beginning.decode("utf-8", "ignore" if len(beginning) == _BEGINNING else "strict")
        return len(text) > len(beginning) // 2 and all(c.isprintable() or c.isspace() for c in text)
    except (OSError, UnicodeDecodeError):
        return False


def _text_instead(path: Path) -> InputError:
    return InputError(f"{path} is text: not a video that can be read, nor a keypoint file")


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if container.format.name in _TEXT_FORMATS:
        raise _text_instead(path)
    # FFmpeg treats a sound file's cover picture as a video stream, too.
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    moving = [s for s in container.streams.video if not s.disposition & covers]
    if not moving:
        if container.streams.audio:
            raise InputError(f"{path} holds sound only, no moving picture")
        raise InputError(f"{path} holds no video stream")
    best = container.streams.best("video")
    stream = next((s for s in moving if best is not None and s.index == best.index), moving[0])
    if stream.codec_context is None:
        raise InputError(f"{path} is in a video format that FFmpeg cannot decode")
    stream.thread_type = "AUTO"
    return stream


def until_error(packets: Iterator[VideoPacket], noted: Pass) -> Iterator[VideoPacket]:
    """Non-empty packets, up to the end or to where the container is damaged."""
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            noted.broken = True
            return
        # An empty packet would make the decoder drain, after which it accepts no more packets.
        if packet.size:
            yield packet


def decoded(
    packets: Iterable[VideoPacket], stream: VideoStream, noted: Pass
) -> Generator[VideoFrame, None, None]:
    """All frames that can be decoded, in display order."""
    doubtful: VideoPacket | None = None
    until: int | None = None
    for packet in packets:
        noted.discarded += packet.is_discard
        if packet.dts is not None:
            noted.held += max(0, packet.dts - (packet.dts if until is None else until))
            until = packet.dts + max(1, packet.duration or 0)
        if doubtful is not None:
            yield from _decode(doubtful, stream, noted)
        doubtful = packet if packet.is_corrupt else None
        if doubtful is None:
            yield from _decode(packet, stream, noted)
    # A truncated last packet is skipped: its error would occur while the decoder is drained, and
    # PyAV would then drop the intact frames that are still inside.
    noted.broken |= doubtful is not None
    yield from _decode(None, stream, noted)


def _decode(packet: VideoPacket | None, stream: VideoStream, noted: Pass) -> Iterator[VideoFrame]:
    try:
        frames = stream.decode(packet)
    except av.FFmpegError:
        noted.lost += 1
        noted.suspect = True
        return
    for frame in frames:
        noted.damaged += frame.is_corrupt
        noted.suspect = frame.is_corrupt or (noted.suspect and not frame.key_frame)
        yield frame


def has_gif_trailer(path: Path) -> bool:
    """Whether a GIF is whole: its last byte is its trailer (GIF89a, 27), give or take padding.

    FFmpeg takes one that was cut off as one that is shorter.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _GIF_TAIL))
        return file.read().rstrip(b"\0\r\n").endswith(b";")


def codec_name(stream: VideoStream) -> str:
    """The codec of the stream, not the library that decodes it: "av1", not "libdav1d"."""
    return stream.codec_context.codec.canonical_name


def countable(container: InputContainer, stream: VideoStream) -> bool:
    """Whether each packet of the stream is one visible frame with a time stamp."""
    known = _COUNTABLE_FORMATS & set(container.format.name.split(","))
    return bool(known) and codec_name(stream) in _COUNTABLE_CODECS


def starts_afresh(packet: VideoPacket, stream: VideoStream) -> bool:
    """Whether decoding can start at this keyframe with complete pictures.

    A keyframe of H.264 may also be the start of a gradual refresh, in which the first pictures are
    incomplete; only an IDR picture (ITU-T H.264, 7.4.1, NAL unit type 5) rules that out.
    """
    if codec_name(stream) != "h264":
        return True
    extradata = stream.codec_context.extradata
    if extradata is None or len(extradata) < 5 or extradata[0] != 1:
        return False
    # In mp4 and mkv each unit is preceded by its length, whose size in bytes is stored as defined
    # in ISO/IEC 14496-15.
    length_size = (extradata[4] & 3) + 1
    data, at = bytes(packet), 0
    while at + length_size < len(data):
        if data[at + length_size] & 31 == 5:
            return True
        at += length_size + int.from_bytes(data[at : at + length_size], "big")
    return False


def _unnamed(kind: type[SideDataType], value: int) -> Any:
    """A name for side data for which PyAV has none, so that it can be ignored."""
    member: Any = object.__new__(kind)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    return member


# FFmpeg adds kinds of side data with each release. If a frame has one unknown to PyAV, PyAV returns
# none of them and raises ValueError; the enumeration calls this hook first.
SideDataType._missing_ = classmethod(_unnamed)  # type: ignore[assignment]


def orientation_of(frame: VideoFrame) -> Orientation:
    """Orientation from the container's display matrix, which FFmpeg attaches to each frame."""
    side_data = cast("Mapping[SideDataType, Buffer]", frame.side_data)
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return Orientation()
    return Orientation.from_matrix(np.frombuffer(bytes(data), dtype=np.int32).tolist())


def stamps_noted(packets: Iterable[VideoPacket], stamps: list[int]) -> Iterator[VideoPacket]:
    """Pass packets on and append their time stamps to ``stamps``."""
    for packet in packets:
        if packet.pts is not None and len(stamps) < RATE_PACKETS:
            stamps.append(packet.pts)
        yield packet


def mean_rate(stream: VideoStream, noted: list[int]) -> float:
    """Frames per second: as declared, unless the first packets contradict it."""
    stamps = sorted(set(noted))
    # Without stamps, the average is FFmpeg's default of 25, and the guess is the codec's value.
    rates = [stream.average_rate, stream.guessed_rate, stream.base_rate]
    rates = rates if stamps else rates[1:] + rates[:1]
    claims = [float(rate) for rate in rates if rate]
    claimed = next((rate for rate in claims if 0 < rate <= _MAX_FPS), None)
    if claimed is not None and (stream.frames or len(stamps) < 2):
        return claimed
    if len(stamps) < 2 or not stream.time_base:
        return _DEFAULT_FPS
    measured = (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * float(stream.time_base))
    if claimed is not None and abs(measured - claimed) <= _RATE_TOLERANCE * claimed:
        return claimed
    return measured


def claimed_duration(container: InputContainer, stream: VideoStream, zero: float) -> float | None:
    """Seconds from the first picture to the end, if the container states the end.

    It is that of the video stream, or else of the whole file.

    Args:
        container: the file.
        stream: its video.
        zero: seconds of the first picture on the container's clock, which may start with sound.
    """
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        if not container.duration:
            return None
        end = ((container.start_time or 0) + container.duration) / av.time_base
    return max(0.0, end - zero)
