"""A video, an image or a folder of images as one stream of frames."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from mbcli.errors import InputError
from mbcli.excerpt import Excerpt
from mbcli.storage.inputs import check_there
from mbcli.types import Frame
from mbcli.video.images import IMAGE_SUFFIXES, ImageSource, Picture, files_with_suffix
from mbcli.video.lens import NotedLens
from mbcli.video.planar import Matrix
from mbcli.video.video_file import VideoFile, past_end

VIDEO_SUFFIXES = (
    ".3gp",
    ".avi",
    ".flv",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)


@dataclass(frozen=True)
class VideoInfo:
    """Metadata of a source, known before its frames are read.

    Attributes:
        path: the file or folder.
        size: (width, height) in pixels, upright.
        fps: mean frames per second of the source.
        frame_count: number of frames; for a video as declared by the container, or None.
        duration: seconds; for a video as declared by the container, or None.
        rotation: degrees clockwise by which the stored picture is rotated: 0, 90, 180 or 270. For
            images without their own orientation, which is applied on reading.
        kind: kind of the source; an animation in a picture file is a video.
        lens: the lens that the file notes, of a folder its first picture; None if it notes none.
    """

    path: Path
    size: tuple[int, int]
    fps: float
    frame_count: int | None
    duration: float | None
    rotation: int
    kind: Literal["video", "image", "folder"]
    lens: NotedLens | None = None


def probe(path: str | Path, *, image_fps: float = 30.0) -> VideoInfo:
    """Open a video, an image or a folder of images, and read its first picture.

    Args:
        path: the file or folder.
        image_fps: frame rate assumed for images.

    Raises:
        InputError: no such file, nothing that can be decoded, or an invalid ``image_fps``.
    """
    return _open(Path(path), image_fps)[0]


def list_videos(folder: str | Path) -> list[Path]:
    """The videos in a folder, by suffix, in natural order (take2 before take10).

    Raises:
        InputError: the folder cannot be listed.
    """
    return files_with_suffix(Path(folder), VIDEO_SUFFIXES)


class VideoReader:
    """The frames of a video, an image or a folder of images: one at a time, in a single pass.

    Use it in a ``with`` statement, which closes the file even if the loop is left early:

        with VideoReader("walk.mp4", start=1.5, every=2) as reader:
            for frame in reader:
                ...

    :class:`mbcli.excerpt.Excerpt` describes which frames are returned. ``frame.index`` counts from
    the source's first frame regardless of the start; ``frame.time`` is 0 at that frame and strictly
    increasing. :meth:`mbcli.video.video_file.VideoFile.pictures` describes how frames are counted
    after a seek.

    Attributes:
        info: metadata of the source.
        fps: mean frames per second after applying ``every``.
        expected_frames: number of frames according to the container's metadata, or None.
        warnings: problems, one line each; complete when the last frame has been read.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start: float | None = None,
        end: float | None = None,
        every: int = 1,
        image_fps: float = 30.0,
        rotate: int = 0,
    ) -> None:
        """Open the source and read its first picture; see :func:`probe` for ``image_fps``.

        Iterating raises :class:`InputError` if no frame is between ``start`` and ``end``, or if the
        images of a folder differ in size.

        Args:
            path: the file or folder.
            start: seconds, 0 or more; None is the beginning.
            end: seconds, more than ``start``; None is the end.
            every: 1 returns every frame, 2 every second one.
            image_fps: frame rate assumed for images.
            rotate: degrees clockwise by which upright pictures are rotated: 0, 90, 180 or 270.

        Raises:
            InputError: as :func:`probe`.
            ConfigError: ``start``, ``end`` or ``every`` break their rules.
        """
        self._excerpt = Excerpt(start, end, every)
        self.info, self._source = _open(Path(path), image_fps, rotate // 90)
        self.fps = self.info.fps / every
        self.expected_frames = self._expected()
        self._frames = self._read()
        self._first: tuple[int, float] | None = None

    @property
    def warnings(self) -> list[str]:
        """Problems so far, one line each."""
        return self._source.warnings

    @property
    def damaged(self) -> frozenset[int]:
        """Numbers of the frames so far that are damaged or may show what damage left."""
        return frozenset(self._source.damaged)

    def __iter__(self) -> Iterator[Frame]:
        """The remaining frames of the single pass."""
        return self._frames

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; no more frames are returned."""
        self._frames.close()

    @property
    def intact(self) -> bool:
        """Whether nothing was wrong with the frames so far: another run may skip them."""
        return self._source.intact and not self.warnings

    def skip_to(self, index: int, time: float) -> None:
        """Begin with a frame that was read before.

        In videos decoding begins at the keyframe before it, where that is exact; see
        :meth:`mbcli.video.video_file.VideoFile.pictures`. Else the frames before are decoded, but
        not converted.

        Args:
            index: its number; the frames before it were :attr:`intact`.
            time: its seconds.
        """
        self._first = index, time

    def _expected(self) -> int | None:
        info, excerpt = self.info, self._excerpt
        count = info.frame_count
        if count is None:
            if info.duration is None:
                return None
            count = round(info.duration * info.fps)
        # Rounded first: 0.7 s at 30 frames per second is frame 21, not 21.000000000000004.
        first, last = math.ceil(round(excerpt.begin * info.fps, 6)), count
        if excerpt.end is not None:
            last = min(count, math.ceil(round(excerpt.end * info.fps, 6)))
        return math.ceil(max(0, last - first) / excerpt.every)

    def times(self) -> Iterator[tuple[int, float]]:
        """Number and seconds of every frame that iterating would return, without its picture.

        This is a separate pass, which decodes the excerpt again.

        Raises:
            InputError: as iterating.
        """
        for index, time, _ in self.pictures():
            yield index, time

    @property
    def matrix(self) -> Matrix:
        """Colour matrix of the planar pictures that :meth:`pictures` returns."""
        return self._source.matrix

    def _read(self) -> Generator[Frame, None, None]:
        given = False
        for index, time, picture in self.pictures():
            image = picture.rgb() if self._first is None or index >= self._first[0] else None
            if image is not None:
                given = True
                yield Frame(index=index, time=time, image=image)
        if not given:
            raise self._empty()

    def pictures(self) -> Generator[Picture, None, None]:
        """Number, seconds and picture of every frame of the excerpt, converted on demand.

        This is a separate pass from iterating; closing it closes the file.

        Raises:
            InputError: as iterating.
        """
        excerpt, last, given = self._excerpt, 0.0, False

        def watched() -> Iterator[Picture]:
            nonlocal last
            for picture in self._entered():
                last = picture[1]
                yield picture

        for picture in excerpt.of(watched(), lambda picture: picture[1]):
            given = True
            yield picture
        if not given:
            before = excerpt.starts_after(last)
            raise past_end(self.info.path, excerpt.begin, last) if before else self._empty()

    def _entered(self) -> Iterator[Picture]:
        """The source's pictures from the excerpt's start, or from the frame to begin with."""
        if self._first is not None:
            index, time = self._first
            pictures = self._source.pictures(time)
            first = next(pictures, None)
            if first is not None and first[0] == index:
                # Frames of the excerpt are counted from here as from its start.
                yield first
                yield from pictures
                return
        yield from self._source.pictures(self._excerpt.begin)

    def _empty(self) -> InputError:
        return InputError(f"{self.info.path} has no frame {self._excerpt}")


def _open(
    path: Path, image_fps: float, turns: int = 0
) -> tuple[VideoInfo, VideoFile | ImageSource]:
    """Determine the kind of source from the path, and open it."""
    if not (math.isfinite(image_fps) and image_fps > 0):
        raise InputError(f"the frame rate of images must be a positive number, got {image_fps:g}")
    if path.is_dir():
        return _open_images(path, _images_of(path), image_fps, "folder", turns)
    check_there(path)
    if not path.stat().st_size:
        raise InputError(f"{path} is empty (0 bytes)")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _open_images(path, [path], image_fps, "image", turns)
    video = VideoFile(path, turns)
    info = VideoInfo(
        path=path,
        size=video.size,
        fps=video.fps,
        frame_count=video.frame_count,
        duration=video.duration,
        rotation=90 * video.orientation.turns,
        kind="video",
        lens=video.lens,
    )
    return info, video


def _open_images(
    path: Path, images: list[Path], fps: float, kind: Literal["image", "folder"], turns: int
) -> tuple[VideoInfo, ImageSource]:
    source = ImageSource(images, fps=fps, turns=turns)
    info = VideoInfo(
        path=path,
        size=source.size,
        fps=source.fps,
        frame_count=source.count,
        duration=source.count / source.fps,
        rotation=90 * turns,
        kind="video" if source.animated else kind,
        lens=source.lens,
    )
    return info, source


def _images_of(folder: Path) -> list[Path]:
    images = files_with_suffix(folder, IMAGE_SUFFIXES)
    videos = list_videos(folder)
    if images and videos:
        raise InputError(
            f"a folder must contain either images or videos, but {folder} contains both "
            f"({images[0].name}, {videos[0].name}): give a single file, or separate them"
        )
    if videos:
        raise InputError(
            f"a folder is read as a sequence of images, but {folder} contains {len(videos)} videos "
            f"({videos[0].name}): give the videos themselves"
        )
    if not images:
        raise InputError(
            f"there are no images or videos in {folder} (images end in {', '.join(IMAGE_SUFFIXES)})"
        )
    return images
