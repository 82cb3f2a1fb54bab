"""Any source of pictures, a video, an image or a folder of images, as one stream of frames."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from mbcli.errors import InputError
from mbcli.excerpt import Excerpt
from mbcli.types import Frame
from mbcli.video.images import IMAGE_SUFFIXES, ImageSource, Picture, files_with_suffix
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
    """What is known of a source before its frames are read.

    Attributes:
        path: the file or folder.
        size: (width, height) in pixels, upright.
        fps: mean frames per second of the source.
        frame_count: number of frames; for a video the container's claim, or None.
        duration: seconds; for a video the container's claim, or None.
        rotation: degrees clockwise by which the stored picture is turned: 0, 90, 180 or 270. For
            images without their own orientation, which reading them follows.
        kind: what the source is; an animation in a picture file is a video.
    """

    path: Path
    size: tuple[int, int]
    fps: float
    frame_count: int | None
    duration: float | None
    rotation: int
    kind: Literal["video", "image", "folder"]


def probe(path: str | Path, *, image_fps: float = 30.0) -> VideoInfo:
    """Open a video, an image or a folder of images, and read its first picture.

    Args:
        path: the file or folder.
        image_fps: frames per second at which images are taken to be shown.

    Raises:
        InputError: no such file, nothing in it that can be decoded, or a bad ``image_fps``.
    """
    return _open(Path(path), image_fps)[0]


def list_videos(folder: str | Path) -> list[Path]:
    """The videos in a folder, by suffix, in natural order (take2 before take10).

    Raises:
        InputError: the folder cannot be listed.
    """
    return files_with_suffix(Path(folder), VIDEO_SUFFIXES)


class VideoReader:
    """The frames of a video, an image or a folder of images: one at a time, and one pass.

    Use it in a ``with`` statement, which closes the file also when the loop is left early:

        with VideoReader("walk.mp4", start=1.5, every=2) as reader:
            for frame in reader:
                ...

    Which frames are given is told at :class:`mbcli.excerpt.Excerpt`. ``frame.index`` counts from
    the source's first frame whatever the start, ``frame.time`` is 0 at that frame and strictly
    increasing. How frames are counted after a seek is told at
    :meth:`mbcli.video.video_file.VideoFile.pictures`.

    Attributes:
        info: what is known of the source.
        fps: mean frames per second that are given, after ``every``.
        expected_frames: how many frames will come if the container's claims are true, or None.
        warnings: what went wrong, one line each; complete when the last frame has been read.
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

        Iterating raises :class:`InputError` if no frame lies between ``start`` and ``end``, or if
        the images of a folder differ in size.

        Args:
            path: the file or folder.
            start: seconds, 0 or more; None is the beginning.
            end: seconds, more than ``start``; None is the end.
            every: 1 gives every frame, 2 every second one.
            image_fps: frames per second at which images are taken to be shown.
            rotate: degrees clockwise by which upright pictures are turned: 0, 90, 180 or 270.

        Raises:
            InputError: as :func:`probe`.
            ConfigError: ``start``, ``end`` or ``every`` break their rules.
        """
        self._excerpt = Excerpt(start, end, every)
        self.info, self._source = _open(Path(path), image_fps, rotate // 90)
        self.fps = self.info.fps / every
        self.expected_frames = self._expected()
        self._frames = self._read()

    @property
    def warnings(self) -> list[str]:
        """What went wrong so far, one line each."""
        return self._source.warnings

    def __iter__(self) -> Iterator[Frame]:
        """The frames that are left of the one pass."""
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
        """Close the file; no more frames will come."""
        self._frames.close()

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
        """Number and seconds of every frame that iterating would give, without its picture.

        It is a pass of its own and decodes the stretch anew.

        Raises:
            InputError: as iterating.
        """
        for index, time, _ in self.pictures():
            yield index, time

    @property
    def matrix(self) -> Matrix:
        """Of the planar pictures that :meth:`pictures` gives."""
        return self._source.matrix

    def _read(self) -> Generator[Frame, None, None]:
        given = 0
        for index, time, picture in self.pictures():
            image = picture.rgb()
            if image is not None:
                given += 1
                yield Frame(index=index, time=time, image=image)
        if not given:
            raise self._empty()

    def pictures(self) -> Generator[Picture, None, None]:
        """Number, seconds and picture of every frame of the stretch, converted on demand.

        It is a pass of its own, apart from iterating; closing it closes the file.

        Raises:
            InputError: as iterating.
        """
        excerpt, last, given = self._excerpt, 0.0, False

        def watched() -> Iterator[Picture]:
            nonlocal last
            for picture in self._source.pictures(excerpt.begin):
                last = picture[1]
                yield picture

        for picture in excerpt.of(watched(), lambda picture: picture[1]):
            given = True
            yield picture
        if not given:
            before = excerpt.starts_after(last)
            raise past_end(self.info.path, excerpt.begin, last) if before else self._empty()

    def _empty(self) -> InputError:
        return InputError(f"{self.info.path} has no frame {self._excerpt}")


def _open(
    path: Path, image_fps: float, turns: int = 0
) -> tuple[VideoInfo, VideoFile | ImageSource]:
    """Choose the kind of source by what the path is, and open it."""
    if not (math.isfinite(image_fps) and image_fps > 0):
        raise InputError(f"the frame rate of images must be a positive number, got {image_fps:g}")
    if path.is_dir():
        return _open_images(path, _images_of(path), image_fps, "folder", turns)
    if not path.exists():
        raise InputError(_missing(path))
    if not path.is_file():
        raise InputError(f"the input must be a file or a folder, but {path} is a device or pipe")
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
    )
    return info, video


def _missing(path: Path) -> str:
    """What to say of a source that is no file."""
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.IGNORECASE):
        return f"a video must be a file on this machine, got an address: download {path} first"
    if str(path).isdecimal():
        return f"a video must be a file, got {path}: record what camera {path} shows first"
    return f"there is no file or folder {path}"


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
    )
    return info, source


def _images_of(folder: Path) -> list[Path]:
    images = files_with_suffix(folder, IMAGE_SUFFIXES)
    videos = list_videos(folder)
    if images and videos:
        raise InputError(
            f"a folder must hold either images or videos, but {folder} holds both "
            f"({images[0].name}, {videos[0].name}): name the one file, or move them apart"
        )
    if videos:
        raise InputError(
            f"a folder is read as a sequence of images, but {folder} holds {len(videos)} videos "
            f"({videos[0].name}): name the videos themselves"
        )
    if not images:
        raise InputError(
            f"there are no images or videos in {folder} (images end in {', '.join(IMAGE_SUFFIXES)})"
        )
    return images
