"""The decodable frames of one video file: numbered, timed and upright.

Container metadata is not trusted: the declared number of frames and duration are only compared
with the decoded ones, and time stamps are made strictly increasing.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange

from mbcli.errors import InputError
from mbcli.excerpt import SLACK
from mbcli.timeline import runs
from mbcli.video.container import (
    RATE_PACKETS,
    FrameNumbering,
    Pass,
    claimed_duration,
    codec_name,
    countable,
    decoded,
    has_gif_trailer,
    mean_rate,
    opened,
    orientation_of,
    stamps_noted,
    starts_afresh,
    until_error,
)
from mbcli.video.hdr import TRANSFERS, standard_range
from mbcli.video.images import Picture
from mbcli.video.lens import of_video
from mbcli.video.planar import Planar, as_planar, matrix_of, planar_of_rgb, stored_as
from mbcli.video.presentation import FrameClock, RgbImage


@dataclass(frozen=True)
class _Entry:
    """Where to begin decoding for a start in the middle of a file.

    Attributes:
        keyframe: time stamp to seek to.
        first: time stamp of the first wanted frame.
        index: number of that frame in the source.
        discarded: whether packets before it are decoded but never shown.
    """

    keyframe: int
    first: int
    index: int
    discarded: bool


_REORDERED = 16  # most frames decoded after one that is shown later: ITU-T H.264, E.2.1
_MOST_RUNS = 8  # of damaged frames that a warning names; the metadata of a result names all


class VideoFile:
    """A video file whose first frame could be decoded; each call of ``pictures`` is a new pass.

    Pictures are made upright by the display matrix of the first frame. Non-square pixels are made
    square by scaling the width. If the size changes within the stream, later pictures are scaled to
    the size of the first.

    Attributes:
        size: (width, height) of the upright picture.
        fps: mean frame rate.
        frame_count: number of frames declared by the container, or None.
        duration: seconds declared by the container, or None.
        orientation: transformation that makes the stored picture upright.
        zero: time of the first frame on the container's clock, in seconds.
        matrix: colour matrix of planar pictures.
        lens: the lens that the file notes, if any.
        warnings: problems so far, one line each; complete after a pass to the end.
        damaged: numbers of the frames so far that are damaged or may show what damage left.
        intact: whether nothing was wrong with the frames so far. Then a pass that begins later
            gives the same frames, times and warnings.
    """

    def __init__(self, path: Path, turns: int = 0) -> None:
        """Open the file and decode its first frame.

        Args:
            path: the file.
            turns: quarter turns clockwise by which upright pictures are rotated further.

        Raises:
            InputError: not a video, sound only, or no frame can be decoded.
        """
        self.path = path
        self.warnings: list[str] = []
        self.damaged: set[int] = set()
        self.intact = True
        with opened(path) as (container, stream):
            packets = until_error(container.demux(stream), Pass())
            stamps: list[int] = []
            frame = next(decoded(stamps_noted(packets, stamps), stream, Pass()), None)
            if frame is None:
                raise InputError(
                    f"no frame of {path} could be decoded (codec {codec_name(stream)})"
                )
            # AVI has no presentation stamps; FFmpeg's guesses are wrong with B-frames.
            self._has_pts = container.format.name != "avi"
            self._time_base = stream.time_base or Fraction(1, 90_000)
            self._zero = self._stamp(frame)
            self._countable = countable(container, stream)
            self._alone = len(container.streams) == 1
            self._decoded_size = (frame.width, frame.height)
            self._tick = float(self._time_base)
            self.zero = (self._zero or 0) * self._tick
            self.matrix = matrix_of(frame)
            self.frame_count = stream.frames or None
            self.duration = claimed_duration(container, stream, self.zero)
            self.orientation = orientation_of(frame).turned(turns)
            aspect = stream.sample_aspect_ratio or Fraction(1)
            self._square_size = (max(1, round(frame.width * aspect)), frame.height)
            self.size = self.orientation.upright_size(self._square_size)
            self.lens = of_video(path, self.size)
            for _ in itertools.islice(stamps_noted(packets, stamps), RATE_PACKETS):
                pass
            self.fps = mean_rate(stream, stamps)

    def pictures(self, start: float) -> Iterator[Picture]:
        """Every frame from ``start`` seconds on, and earlier frames if seeking was not safe.

        Frames are numbered in display order. In mp4, mov, mkv and webm with common codecs, the
        number is that of the packets shown before the frame: it is known after a seek without
        decoding, and frames lost to damage keep their numbers. In other files, if time stamps are
        missing or repeated, or if a keyframe does not lead to the wanted frame, decoding begins at
        the first frame and decoded frames are counted.

        Raises:
            InputError: ``start`` is past the end.
        """
        entry = self._find_entry(start) if start > 0 else None
        if entry is not None:
            noted = Pass()
            numbers = FrameNumbering(by_packets=True, index=entry.index, first=entry.first)
            frames = self._frames(noted, numbers, entry.keyframe)
            found = next((f for f in frames if f.pts is None or f.pts >= entry.first), None)
            if found is not None and found.pts == entry.first:
                # Frames between the keyframe and the start may lack their reference frames.
                noted.lost = noted.damaged = 0
                noted.suspect = False
                claim = None if entry.discarded else self.frame_count
                yield from self._shown(itertools.chain([found], frames), noted, numbers, claim)
                return
            frames.close()
        noted, numbers = Pass(), FrameNumbering(by_packets=self._countable)
        frames = self._frames(noted, numbers)
        yield from self._shown(frames, noted, numbers, self.frame_count)

    def _frames(
        self, noted: Pass, numbers: FrameNumbering, seek_to: int | None = None
    ) -> Generator[VideoFrame, None, None]:
        with opened(self.path) as (container, stream):
            if seek_to is not None:
                container.seek(seek_to, stream=stream, backward=True)
            packets = numbers.watch(until_error(container.demux(stream), noted))
            yield from decoded(packets, stream, noted)
            noted.broken |= container.format.name == "gif" and not has_gif_trailer(self.path)

    def _find_entry(self, start: float) -> _Entry | None:
        """Read packets, without decoding, until the first frame at ``start`` is certain."""
        if not self._countable or self._zero is None:
            return None
        stamps: list[int] = []
        keyframes: list[int] = []
        first: int | None = None
        discarded = False
        with opened(self.path) as (container, stream):
            for packet in until_error(container.demux(stream), Pass()):
                if packet.is_discard:
                    discarded = True
                    continue
                if packet.pts is None:
                    return None
                if first is not None and packet.dts is not None and packet.dts > first:
                    break  # No later packet is displayed before this one is decoded.
                stamps.append(packet.pts)
                if packet.is_keyframe and starts_afresh(packet, stream):
                    keyframes.append(packet.pts)
                seconds = (packet.pts - self._zero) * self._tick
                if seconds >= start - SLACK:
                    first = packet.pts if first is None else min(first, packet.pts)
        if not stamps or min(stamps) != self._zero or len(set(stamps)) < len(stamps):
            return None
        if first is None:
            raise past_end(self.path, start, (max(stamps) - self._zero) * self._tick)
        keyframe = max((k for k in keyframes if k <= first), default=None)
        if keyframe is None:
            return None
        return _Entry(keyframe, first, sum(s < first for s in stamps), discarded)

    def _shown(
        self, frames: Iterable[VideoFrame], noted: Pass, numbers: FrameNumbering, claim: int | None
    ) -> Iterator[Picture]:
        clock = FrameClock(zero=self._zero, time_base=self._time_base, fps=self.fps)
        shown, number, until = 0, -1, 0.0
        between: list[int] = []  # the B-frames since the last other frame
        self.intact = True
        for frame in frames:
            number, time = numbers.number(frame), clock.tick(self._stamp(frame))
            self.intact &= not (noted.lost or noted.damaged or noted.discarded or clock.mended)
            until = time + max(1 / self.fps, (frame.duration or 0) * self._tick)
            shown += 1
            if noted.suspect:
                # B-frames shown before it are decoded later, and may be predicted from it.
                self.damaged.update(between, [number])
            is_b = frame.pict_type == PictureType.B
            between = [*between, number][-_REORDERED:] if is_b else []
            yield number, time, _Decoded(self, frame)
        self._report(noted, number + 1, until, claim)
        if not self._has_pts or not clock.mended:
            return
        if clock.mended == shown:
            line = f"has no time stamps: {self.fps:g} frames per second assumed"
        else:
            line = f"has {clock.mended} time stamps missing, repeated or out of order: estimated"
        self.warnings.append(f"{self.path.name} {line}")

    def _report(self, noted: Pass, count: int, shown_until: float, claim: int | None) -> None:
        """Add warnings about problems found in a complete pass over the file."""
        name = self.path.name
        # AVI holds a picture by frames without content, which its header counts.
        held = 0 if self._has_pts else noted.held
        expected = None if claim is None else claim - noted.discarded - held
        if noted.broken:
            of = "" if expected is None or expected == count else f" of {expected}"
            self.warnings.append(
                f"{name} breaks off after {count}{of} frames ({shown_until:.2f} s); "
                "the frames before are used"
            )
        elif expected is not None and count != expected:
            self.warnings.append(
                f"{name} claims {expected} frames, but {count} could be decoded; these are used"
            )
        elif claim is None and self.frame_count is None and self.duration is not None:
            # In a file with sound, pictures may end slightly before the file.
            slack = 3 / self.fps if self._alone else max(0.5, 3 / self.fps)
            if shown_until < self.duration - slack:
                self.warnings.append(
                    f"{name} claims {self.duration:.2f} s, but its last frame ends at "
                    f"{shown_until:.2f} s; the existing frames are used"
                )
        if noted.lost or noted.damaged:
            self.warnings.append(
                f"{name} is damaged: {noted.lost} packets could not be decoded, "
                f"{noted.damaged} decoded frames have faults{_numbers(self.damaged)}"
            )

    def _stamp(self, frame: VideoFrame) -> int | None:
        return frame.pts if self._has_pts else frame.dts

    def note_size(self, frame: VideoFrame) -> None:
        """Warn once if a frame differs in size from the first."""
        if (frame.width, frame.height) != self._decoded_size:
            line = f"{self.path.name} changes its picture size; all are scaled to the first"
            if line not in self.warnings:
                self.warnings.append(line)

    @property
    def square_size(self) -> tuple[int, int]:
        """(width, height) of the stored picture with square pixels."""
        return self._square_size


@dataclass(frozen=True)
class _Decoded:
    """One decoded frame."""

    file: VideoFile
    frame: VideoFrame

    def rgb(self) -> RgbImage:
        file, frame = self.file, self.frame
        file.note_size(frame)
        width, height = file.square_size
        transfer = TRANSFERS.get(frame.color_trc)
        try:
            # The range is set because PyAV before 17 would keep the video's, 16 to 235.
            image = frame.to_ndarray(
                format="rgb24" if transfer is None else "rgb48le",
                width=width,
                height=height,
                dst_color_range=ColorRange.JPEG,
                **stored_as(frame, file.matrix),
            )
        except (av.FFmpegError, ValueError) as error:
            raise self._inconvertible("RGB") from error
        if transfer is not None:
            image = standard_range(np.asarray(image, dtype=np.uint16), transfer)
        return file.orientation.upright(np.asarray(image, dtype=np.uint8))

    def planar(self, size: tuple[int, int]) -> Planar:
        file = self.file
        if self.frame.color_trc in TRANSFERS:
            return planar_of_rgb(self.rgb(), size, file.matrix)
        file.note_size(self.frame)
        try:
            picture = as_planar(self.frame, file.orientation.upright_size(size), file.matrix)
        except (av.FFmpegError, ValueError) as error:
            raise self._inconvertible("YUV") from error
        return picture.upright(file.orientation)

    def _inconvertible(self, target: str) -> InputError:
        name = self.frame.format.name
        return InputError(
            f"the pixel format {name} of {self.file.path} cannot be converted to {target}"
        )


def _numbers(frames: set[int]) -> str:
    """The frames that may show the damage, in runs: "; frames 9 to 19, 40 may show it"."""
    if not frames:
        return ""
    shown = np.zeros(max(frames) + 1, dtype=np.bool_)
    shown[list(frames)] = True
    parts = [f"{a} to {b - 1}" if b - a > 1 else str(a) for a, b in runs(shown)]
    most = parts if len(parts) <= _MOST_RUNS else [*parts[:_MOST_RUNS], "..."]
    return f"; frames {', '.join(most)} may show it"


def past_end(path: Path, start: float, last: float) -> InputError:
    """The error for a start after the last frame, which is shown at ``last``."""
    return InputError(
        f"start must be before the end of {path}, whose last frame is at {last:.3f} s, "
        f"got {start:g} s"
    )
