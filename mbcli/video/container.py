"""A container opened with FFmpeg's libraries (PyAV): its stream, claims, packets and frames."""

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

# FFmpeg takes a file for one of these by its suffix alone, and shows its bytes as text.
_TEXT_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf"})
_PLAYLIST = b"#EXTM3U"
_BEGINNING = 512  # bytes that are looked at for text; a character has four at most
RATE_PACKETS = 240  # Enough to tell 29.97 from 30 when time stamps are in milliseconds.
_RATE_TOLERANCE = 0.03
# Here one packet is one shown frame and has a time stamp, so that packets tell frame numbers.
_COUNTABLE_FORMATS = frozenset({"mov", "matroska"})
_COUNTABLE_CODECS = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "prores"})
_DEFAULT_FPS = 30.0
_MAX_FPS = 10_000.0


@dataclass
class Pass:
    """What went wrong during one pass over the packets."""

    broken: bool = False
    lost: int = 0
    damaged: int = 0
    discarded: int = 0


class Numbering:
    """Numbers the frames of one pass so that frames lost to damage keep their numbers.

    Where packets tell (see ``countable``), a frame's number is that of the packets shown before
    it, decoded or not. Elsewhere the frames that come out are counted. Where a file breaks off,
    the last few frames may stand after some whose packets never came; these are not numbered.
    """

    def __init__(self, *, by_packets: bool, index: int = 0, first: int | None = None) -> None:
        """Begin at frame ``index``, whose time stamp is ``first``, or at the very first one."""
        self._by_packets = by_packets
        self._next = index
        self._first = first
        self._pending: list[int] = []

    def watch(self, packets: Iterable[VideoPacket]) -> Iterator[VideoPacket]:
        """The same packets, noted on their way to the decoder."""
        for packet in packets:
            if packet.pts is None:
                self._by_packets = False
            elif not packet.is_discard and (self._first is None or packet.pts >= self._first):
                heapq.heappush(self._pending, packet.pts)
            yield packet

    def number(self, frame: VideoFrame) -> int:
        """The number of the next frame that came out of the decoder."""
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
            # FFmpeg would wait minutes for the next parts of such a broadcast.
            if file.read(len(_PLAYLIST)) == _PLAYLIST:
                raise InputError(f"{path} is a playlist: name the video itself")
        # "file:" keeps a colon in the name from being taken for a protocol; the whitelist keeps
        # a playlist from reaching out to the network.
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        reason = "it is text" if _is_text(path) else reason
        raise InputError(f"{path} is not a video that can be read ({reason})") from error
    with container:
        yield container, _video_stream(container, path)


def _is_text(path: Path) -> bool:
    """Whether a file begins with text, such as a page that was saved in place of a video."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
        text = beginning.decode("utf-8", "ignore" if len(beginning) == _BEGINNING else "strict")
        return len(text) > len(beginning) // 2 and all(c.isprintable() or c.isspace() for c in text)
    except (OSError, UnicodeDecodeError):
        return False


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if container.format.name in _TEXT_FORMATS:
        raise InputError(f"{path} is not a video that can be read (it looks like text)")
    # A sound file's cover picture is a video stream too, by FFmpeg's book.
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
    """Packets that hold something, up to the end or to where the container breaks off."""
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            noted.broken = True
            return
        # An empty packet would put the decoder into draining, after which it takes no more.
        if packet.size:
            yield packet


def decoded(
    packets: Iterable[VideoPacket], stream: VideoStream, noted: Pass
) -> Generator[VideoFrame, None, None]:
    """All frames that can be decoded, in the order in which they are shown."""
    doubtful: VideoPacket | None = None
    for packet in packets:
        noted.discarded += packet.is_discard
        if doubtful is not None:
            yield from _decode(doubtful, stream, noted)
        doubtful = packet if packet.is_corrupt else None
        if doubtful is None:
            yield from _decode(packet, stream, noted)
    # A cut-off last packet is left out: its error would come up while the decoder is drained,
    # and PyAV then drops the good frames that were still inside.
    noted.broken |= doubtful is not None
    yield from _decode(None, stream, noted)


def _decode(packet: VideoPacket | None, stream: VideoStream, noted: Pass) -> Iterator[VideoFrame]:
    try:
        frames = stream.decode(packet)
    except av.FFmpegError:
        noted.lost += 1
        return
    for frame in frames:
        noted.damaged += frame.is_corrupt
        yield frame


def codec_name(stream: VideoStream) -> str:
    """What the stream is coded in, whichever library decodes it: "av1", not "libdav1d"."""
    return stream.codec_context.codec.canonical_name


def countable(container: InputContainer, stream: VideoStream) -> bool:
    """Whether each packet of the stream is one shown frame and says when it is shown."""
    known = _COUNTABLE_FORMATS & set(container.format.name.split(","))
    return bool(known) and codec_name(stream) in _COUNTABLE_CODECS


def starts_afresh(packet: VideoPacket, stream: VideoStream) -> bool:
    """Whether whole pictures come out from this keyframe on.

    A keyframe of H.264 may also be the start of a gradual refresh, after which some pictures are
    patched together; only an IDR picture (ITU-T H.264, 7.4.1, NAL unit type 5) rules that out.
    """
    if codec_name(stream) != "h264":
        return True
    extradata = stream.codec_context.extradata
    if extradata is None or len(extradata) < 5 or extradata[0] != 1:
        return False
    # In mp4 and mkv each unit follows its length, in as many bytes as ISO/IEC 14496-15 says here.
    length_size = (extradata[4] & 3) + 1
    data, at = bytes(packet), 0
    while at + length_size < len(data):
        if data[at + length_size] & 31 == 5:
            return True
        at += length_size + int.from_bytes(data[at : at + length_size], "big")
    return False


def _unnamed(kind: type[SideDataType], value: int) -> Any:
    """A name for side data for which PyAV has none, so that it can be left aside."""
    member: Any = object.__new__(kind)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    return member


# FFmpeg gains kinds of side data with each release. Where PyAV does not know one of a frame's, it
# gives none of them and raises ValueError; an enumeration asks here before it does.
SideDataType._missing_ = classmethod(_unnamed)  # type: ignore[assignment]


def orientation_of(frame: VideoFrame) -> Orientation:
    """What the container's display matrix, which FFmpeg hands on with each frame, asks for."""
    side_data = cast("Mapping[SideDataType, Buffer]", frame.side_data)
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return Orientation()
    return Orientation.from_matrix(np.frombuffer(bytes(data), dtype=np.int32).tolist())


def stamps_noted(packets: Iterable[VideoPacket], stamps: list[int]) -> Iterator[VideoPacket]:
    """The same packets; on the way, their time stamps are added to ``stamps``."""
    for packet in packets:
        if packet.pts is not None and len(stamps) < RATE_PACKETS:
            stamps.append(packet.pts)
        yield packet


def mean_rate(stream: VideoStream, noted: list[int]) -> float:
    """Frames per second: claimed, unless the first packets tell another story."""
    stamps = sorted(set(noted))
    # Without stamps, the average is FFmpeg's default of 25, and the guess is the codec's word.
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


def claimed_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds of the video stream, else of the whole file, as far as the container says."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return container.duration / av.time_base if container.duration else None
