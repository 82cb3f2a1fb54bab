"""Still pictures as a source of frames: one image file, or a folder of them in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mbcli.errors import InputError
from mbcli.storage.remote import found, is_remote
from mbcli.video.picture_file import PictureFile
from mbcli.video.planar import Matrix, Planar, planar_of_rgb
from mbcli.video.presentation import Orientation, RgbImage

IMAGE_SUFFIXES = (
    ".avif",
    ".bmp",
    ".heic",
    ".heif",
    ".jfif",
    ".jpeg",
    ".jpg",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)


class Shown(Protocol):
    """A picture of a source, converted on demand; None if it turns out to be unreadable."""

    def rgb(self) -> RgbImage | None:
        """(H, W, 3) uint8 RGB, upright."""

    def planar(self, size: tuple[int, int]) -> Planar | None:
        """Upright, scaled to (width, height), both even; must not be modified."""


# Frame number, seconds, and the picture.
Picture = tuple[int, float, Shown]


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key by file name that compares numbers by value: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    key = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)
    return key, path.name


def files_with_suffix(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The visible files of a folder that end in one of ``suffixes``, in natural order.

    Raises:
        InputError: the folder cannot be listed.
    """
    far = is_remote(folder)
    try:
        entries = found(folder / "*") if far else list(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot list the folder {folder}: {error.strerror}") from error
    # Hidden files are skipped because macOS keeps "._name.jpg" beside each file.
    files = [
        entry
        for entry in entries
        if entry.suffix.lower() in suffixes
        and not entry.name.startswith(".")
        and (far or entry.is_file())
    ]
    return sorted(files, key=natural_key)


class ImageSource:
    """A sequence of pictures; only one is in memory at a time.

    They are a folder's files, or the pages of one file. An animation states when each page is
    shown; other pictures are shown at a fixed rate.

    Attributes:
        size: (width, height) of the first readable picture; all others must have the same.
        count: number of pictures.
        fps: pictures per second, the mean for an animation.
        animated: whether the file states when its pages are shown.
        matrix: colour matrix of planar pictures.
        lens: the lens that the first picture notes, if any.
        warnings: problems so far, one line each.
    """

    matrix: Matrix = "bt709"
    intact = True  # a picture that cannot be read is a warning

    def __init__(self, paths: list[Path], *, fps: float, turns: int = 0) -> None:
        """Read the first readable picture of ``paths`` for its size.

        Args:
            paths: the files.
            fps: pictures per second.
            turns: quarter turns clockwise by which upright pictures are rotated further.

        Raises:
            InputError: none of the pictures can be read.
        """
        self.warnings: list[str] = []
        self.damaged: set[int] = set()  # what cannot be read is left out
        self._white = 0.0
        self._turn = Orientation(turns=turns)
        self._reference, image = self._first_readable(paths)
        self.size = (image.shape[1], image.shape[0])
        self.lens = self._reference.lens(self.size)
        self._only = self._reference if len(paths) == 1 else None
        self._paths = paths * (self._reference.pages if self._only else 1)
        self.count = len(self._paths)
        ends = self._only.ends if self._only else ()
        self.animated = bool(ends)
        self.fps = self.count / ends[-1] if ends else fps
        self._times = (0.0, *ends[:-1]) if ends else tuple(k / fps for k in range(self.count))

    def _first_readable(self, paths: list[Path]) -> tuple[PictureFile, RgbImage]:
        for path in paths:
            try:
                file = PictureFile(path)
                image = self._shown(file, 0)
            except InputError:
                if len(paths) == 1:
                    raise
                continue
            return file, image
        raise InputError(f"none of the {len(paths)} images in {paths[0].parent} can be read")

    def _shown(self, file: PictureFile, page: int) -> RgbImage:
        image, self._white = file.rgb(page, self._white)
        return self._turn.upright(image)

    def pictures(self, start: float) -> Iterator[Picture]:
        """Every picture, including those before ``start`` seconds, which need not be loaded."""
        for index, time in enumerate(self._times):
            yield index, time, _Still(self, index)

    def load(self, index: int) -> RgbImage | None:
        """One of the pictures; None with a warning if it cannot be read."""
        path = self._paths[index]
        try:
            file, page = (self._only, index) if self._only else (PictureFile(path), 0)
            image = self._shown(file, page)
        except InputError as error:
            self.warnings.append(f"left out: {error}")
            return None
        size = (image.shape[1], image.shape[0])
        if size != self.size:
            raise InputError(
                f"all images of a folder must have the same size: {self._reference.path.name} is "
                f"{self.size[0]}x{self.size[1]}, but {path} is {size[0]}x{size[1]}"
            )
        return image


@dataclass(frozen=True)
class _Still:
    """One picture of a source."""

    source: ImageSource
    index: int

    def rgb(self) -> RgbImage | None:
        return self.source.load(self.index)

    def planar(self, size: tuple[int, int]) -> Planar | None:
        image = self.rgb()
        return None if image is None else planar_of_rgb(image, size, self.source.matrix)
