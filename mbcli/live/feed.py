"""Where live pictures come from: a camera, an address, or a file that is played in real time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from mbcli.errors import InputError
from mbcli.types import Frame
from mbcli.video import VideoReader

_USUAL_RATE = 30.0  # frames per second, where a camera does not say
_FASTEST = 1000.0  # frames per second; drivers that know nothing say 0, or more than this
_QUIET = "-8"  # AV_LOG_QUIET of FFmpeg
_STEP = 1e-3  # seconds; two frames never have one time


class Feed(Protocol):
    """A source of live pictures.

    Attributes:
        name: as a result records it.
        size: (width, height) of the pictures in pixels.
        fps: frames per second that it should give.
    """

    name: str
    size: tuple[int, int]
    fps: float

    def frames(self) -> Iterator[Frame]:
        """The pictures as they come; ``time`` is seconds since the first one.

        Raises:
            InputError: it breaks off.
        """
        ...

    def close(self) -> None:
        """Give the camera or the file back."""
        ...


def open_feed(source: str, *, rotate: int = 0) -> Feed:
    """Open a source.

    Args:
        source: the number of a camera, an address such as ``rtsp://HOST/PATH``, or a file.
        rotate: degrees clockwise by which pictures are rotated: 0, 90, 180 or 270.

    Raises:
        InputError: there is no such camera or file, or it gives no picture.
    """
    if source.isdecimal():
        return CameraFeed(int(source), rotate)
    if "://" in source or source.startswith("/dev/"):
        return CameraFeed(source, rotate)
    return FileFeed(Path(source), rotate)


class FileFeed:
    """A video file, played at its own speed."""

    def __init__(self, path: Path, rotate: int = 0) -> None:
        self._reader = VideoReader(path, rotate=rotate)
        self.name = str(path.resolve())
        self.size, self.fps = self._reader.info.size, self._reader.fps

    def frames(self) -> Iterator[Frame]:
        """See `Feed.frames`."""
        began: float | None = None
        for frame in self._reader:
            now = time.monotonic()
            began = now - frame.time if began is None else began
            time.sleep(max(0.0, began + frame.time - now))
            yield frame

    def close(self) -> None:
        """See `Feed.close`."""
        self._reader.close()


class CameraFeed:
    """A camera of this machine by its number, or one on the network by its address."""

    def __init__(self, source: int | str, rotate: int = 0) -> None:
        # OpenCV prints what it tries, and so does FFmpeg in it, unless told before its first use.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _QUIET)
        before = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            self._capture = cv2.VideoCapture(source)
        finally:
            cv2.utils.logging.setLogLevel(before)
        self.name = f"camera {source}" if isinstance(source, int) else without_password(source)
        self._turns = rotate // 90
        there, first = self._capture.read()
        if not there:
            self._capture.release()
            raise InputError(
                f"{self.name} gives no picture: is it connected, and not used by another program?"
            )
        self._first: Any = first
        image = self._upright(first)
        self.size = image.shape[1], image.shape[0]
        said = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = said if 0 < said <= _FASTEST else _USUAL_RATE

    def frames(self) -> Iterator[Frame]:
        """See `Feed.frames`."""
        began, last, index, image = time.monotonic(), -1.0, 0, self._first
        while True:
            last = max(time.monotonic() - began, last + _STEP)
            yield Frame(index, last, self._upright(image))
            there, image = self._capture.read()
            index += 1
            if not there:
                # The end of a stream and a cable that was pulled look alike.
                return

    def close(self) -> None:
        """See `Feed.close`."""
        self._capture.release()

    def _upright(self, image: Any) -> Any:
        """(H, W, 3) uint8 RGB."""
        return np.ascontiguousarray(np.rot90(image[..., ::-1], -self._turns))


def without_password(address: str) -> str:
    """An address without the user's name and password, to be shown and stored."""
    scheme, _, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}"
