"""Still pictures as a source of frames: one image file, or a folder of them in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from mbcli.errors import InputError
from mbcli.video.planar import Matrix, Planar, planar_of_rgb
from mbcli.video.presentation import RgbImage

IMAGE_SUFFIXES = (
    ".bmp",
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
    """A picture of a source, converted on demand; None where it turns out to be unreadable."""

    def rgb(self) -> RgbImage | None:
        """(H, W, 3) uint8 RGB, upright."""

    def planar(self, size: tuple[int, int]) -> Planar | None:
        """Upright, scaled to (width, height), both even; not to be drawn on."""


# Frame number, seconds, and the picture.
Picture = tuple[int, float, Shown]


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key by file name in which numbers count as numbers: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    key = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)
    return key, path.name


def files_with_suffix(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The visible files of a folder that end in one of ``suffixes``, in natural order.

    Raises:
        InputError: the folder cannot be listed.
    """
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot list the folder {folder}: {error.strerror}") from error
    # Hidden files are left out for the sake of macOS, which keeps "._name.jpg" beside each file.
    found = [
        entry
        for entry in entries
        if entry.suffix.lower() in suffixes and not entry.name.startswith(".") and entry.is_file()
    ]
    return sorted(found, key=natural_key)


def read_image(path: Path) -> RgbImage:
    """Read one picture, turned upright as its EXIF orientation says.

    Grey, palette, 16-bit and transparent pictures become 8-bit RGB; transparency is dropped.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InputError: the file is missing, empty or no picture that OpenCV can decode.
    """
    try:
        # Not cv2.imread: on Windows it cannot open names outside the local code page.
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if not data.size:
        raise InputError(f"{path} is empty (0 bytes)")
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path} is not an image that can be read")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class ImageSource:
    """Pictures shown one after the other at a fixed rate; only one is in memory at a time.

    Attributes:
        size: (width, height) of the first readable picture; all others must have the same.
        tick: seconds below which two times are the same.
        matrix: of planar pictures.
        warnings: what went wrong so far, one line each.
    """

    matrix: Matrix = "bt709"

    def __init__(self, paths: list[Path], *, fps: float) -> None:
        """Read the first readable picture of ``paths`` for its size.

        Raises:
            InputError: none of the pictures can be read.
        """
        self._paths = paths
        self._fps = fps
        self.tick = 1e-6 / fps
        self.warnings: list[str] = []
        self._reference, self.size = self._first_readable()

    def _first_readable(self) -> tuple[Path, tuple[int, int]]:
        for path in self._paths:
            try:
                image = read_image(path)
            except InputError:
                if len(self._paths) == 1:
                    raise
                continue
            return path, (image.shape[1], image.shape[0])
        raise InputError(
            f"none of the {len(self._paths)} images in {self._paths[0].parent} can be read"
        )

    def pictures(self, start: float) -> Iterator[Picture]:
        """Every picture, also those before ``start`` seconds: not loading them is enough."""
        for index, path in enumerate(self._paths):
            yield index, index / self._fps, _Still(self, path)

    def load(self, path: Path) -> RgbImage | None:
        """One of the pictures; None, and a warning, if it cannot be read."""
        try:
            image = read_image(path)
        except InputError as error:
            self.warnings.append(f"left out: {error}")
            return None
        size = (image.shape[1], image.shape[0])
        if size != self.size:
            raise InputError(
                f"all images of a folder must have the same size: {self._reference.name} is "
                f"{self.size[0]}x{self.size[1]}, but {path} is {size[0]}x{size[1]}"
            )
        return image


@dataclass(frozen=True)
class _Still:
    """One picture file."""

    source: ImageSource
    path: Path

    def rgb(self) -> RgbImage | None:
        return self.source.load(self.path)

    def planar(self, size: tuple[int, int]) -> Planar | None:
        image = self.rgb()
        return None if image is None else planar_of_rgb(image, size, self.source.matrix)
