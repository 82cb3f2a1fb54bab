"""The video that a motion was inferred from, and the pictures of the motion's frames in it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

from mbcli.errors import InputError
from mbcli.motion import Motion3D, noted_source
from mbcli.video import Planar, VideoReader
from mbcli.video.images import IMAGE_SUFFIXES, Picture
from mbcli.video.planar import Matrix
from mbcli.video.presentation import RgbImage
from mbcli.video.reader import VIDEO_SUFFIXES

# Gap between two wanted frames above which seeking is faster than decoding.
_WORTH_SEEKING = 32
# After a seek, the time stamp of a frame may differ slightly.
_SAME_TIME = 0.5  # seconds


@dataclass(frozen=True)
class Footage:
    """A video, an image or a folder of images that matches a motion.

    Attributes:
        path: the file or folder.
        kind: its kind.
        size: (width, height) of its pictures in pixels, upright.
        matrix: colour matrix of its planar pictures.
        duration: seconds; for a video as declared by the container, or None.
        image_fps: frame rate assumed for images.
        rotate: degrees clockwise by which its pictures are rotated.
    """

    path: Path
    kind: Literal["video", "image", "folder"]
    size: tuple[int, int]
    matrix: Matrix
    duration: float | None
    image_fps: float
    rotate: int = 0

    @classmethod
    def of(cls, path: Path, motion: Motion3D) -> Footage:
        """Open a source and compare it with a motion.

        Raises:
            InputError: it cannot be read, or its pictures have another size.
        """
        rate = _source_rate(motion)
        rotate = _rotation(motion)
        with VideoReader(path, image_fps=rate, rotate=rotate) as reader:
            info = reader.info
            expected = motion.keypoints.size
            if info.size != expected:
                raise InputError(
                    f"the motion was inferred from pictures of {expected[0]}x{expected[1]}, but "
                    f"{path} has {info.size[0]}x{info.size[1]}: it is another video"
                )
            return cls(path, info.kind, info.size, reader.matrix, info.duration, rate, rotate)

    def reader(self, start: float) -> VideoReader:
        """A reader that starts at ``start`` seconds."""
        return VideoReader(self.path, start=start, image_fps=self.image_fps, rotate=self.rotate)


def noted_video(motion: Motion3D) -> Path | None:
    """The result of `noted_source`, unless its name is that of a file without pictures."""
    path = noted_source(motion)
    if path is None or path.is_dir():
        return path
    shows = path.suffix.lower() in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
    return path if shows and path.is_file() else None


@overload
def pictures_of(
    source: Footage, motion: Motion3D, rows: Sequence[int], size: None = None
) -> Generator[RgbImage | None, None, None]: ...


@overload
def pictures_of(
    source: Footage, motion: Motion3D, rows: Sequence[int], size: tuple[int, int] | None
) -> Generator[RgbImage | Planar | None, None, None]: ...


def pictures_of(
    source: Footage, motion: Motion3D, rows: Sequence[int], size: tuple[int, int] | None = None
) -> Generator[RgbImage | Planar | None, None, None]:
    """The picture of each of ``rows``, one at a time; None if the video has no such frame.

    Frames are matched by their number in the source, whichever excerpt the motion covers.

    Args:
        source: what the motion was inferred from.
        motion: whose ``keypoints.frame_index`` counts the source's frames.
        rows: ascending indices of the motion's T frames.
        size: for planar pictures of this (width, height), both even; None for RGB.

    Raises:
        InputError: the source cannot be read, or a frame has another time than in the motion.
    """
    pictures: Generator[Picture, None, None] | None = None
    picture: Picture | None = None
    before: int | None = None
    try:
        for row in rows:
            number, time = int(motion.keypoints.frame_index[row]), float(motion.timestamps[row])
            if pictures is None or before is None or number - before > _WORTH_SEEKING:
                # A repaired time stamp may differ after a seek; the frame number does not.
                start = max(0.0, time - 2 / motion.fps)
                if source.duration is not None and start >= source.duration:
                    yield None
                    continue
                if pictures is not None:
                    pictures.close()
                pictures = source.reader(start).pictures()
                picture = next(pictures, None)
            before = number
            picture = _forward(picture, pictures, number)
            if picture is None or picture[0] != number:
                yield None
                continue
            _check_time(source, picture, time)
            yield picture[2].rgb() if size is None else picture[2].planar(size)
    finally:
        if pictures is not None:
            pictures.close()


def check_any(source: Footage | None, motion: Motion3D, rows: Sequence[int], missing: int) -> None:
    """Refuse a source that has none of the wanted frames.

    Args:
        source: None if none was needed.
        motion: the motion whose frames are wanted.
        rows: ascending indices of the wanted frames.
        missing: how many of them the source lacks.

    Raises:
        InputError: the source lacks all of them.
    """
    if source is None or missing < len(rows):
        return
    first, last = (int(motion.keypoints.frame_index[row]) for row in (rows[0], rows[-1]))
    raise InputError(
        f"none of the frames {first} to {last} is in {source.path}: it is another video than the "
        "one inferred from"
    )


def _forward(picture: Picture | None, pictures: Iterator[Picture], number: int) -> Picture | None:
    while picture is not None and picture[0] < number:
        picture = next(pictures, None)
    return picture


def _check_time(source: Footage, picture: Picture, expected: float) -> None:
    number, time, _ = picture
    if abs(time - expected) > _SAME_TIME:
        raise InputError(
            f"frame {number} is shown at {time:.2f} s in {source.path}, but at {expected:.2f} s "
            "in the motion: it is another video, or the motion's frame rate was given wrongly"
        )


def _rotation(motion: Motion3D) -> int:
    """Degrees by which the pictures were rotated when the motion was inferred."""
    options = motion.meta.get("options")
    rotate = options.get("rotate", 0) if isinstance(options, dict) else 0
    return rotate if rotate in (90, 180, 270) else 0


def _source_rate(motion: Motion3D) -> float:
    """Frames per second of the motion's source, before skipping frames."""
    index, times = motion.keypoints.frame_index, motion.timestamps
    if len(index) == 1 and index[0] > 0 and times[0] > 0:
        return float(index[0] / times[0])
    if len(index) < 2 or index[-1] <= index[0]:
        return motion.fps
    return float((index[-1] - index[0]) / (times[-1] - times[0]))
